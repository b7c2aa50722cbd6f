"""The launcher behind `make run`, once everything is installed: `python -m launcher.run`.

Writes `.env` when there is none, brings the database up to date, and starts the processes of
`Procfile.dev` with honcho: the server, and the embedded model where it is installed. Ctrl-C,
SIGTERM, a closed terminal or the end of one process ends all of them.
"""

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from honcho.environ import parse_procfile

from chatproject.environment import Environment
from chatproject.hosts import check_listening_host
from launcher.env_file import write_env_file
from launcher.model_server import weights
from launcher.processes import Processes, discard_output

BASE_DIR = Path(__file__).resolve().parent.parent


class StartError(Exception):
    """A failed start; the text is one sentence with cause and remedy."""


def main() -> int:
    # Until honcho takes over, everything that ends us does it as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        return _run()
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of its lines has left
        discard_output()
        return 0


def _run() -> int:
    file = os.environ.get("ENV_FILE", str(BASE_DIR / ".env"))
    if "ENV_FILE" not in os.environ and write_env_file(Path(file)):
        print("Wrote .env with fresh keys. Keep it: stored API keys cannot be read without it.")
    environment = {**_of_file(file), **os.environ}
    host = host_name(environment.get("HOST", "127.0.0.1"))
    port = port_number(environment.get("PORT", "8000"))
    check_free(host, port)

    environment |= {
        "HOST": host,
        "PORT": str(port),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")]),
        "PYTHONUNBUFFERED": "1",
    }
    environment.setdefault("LOG_FORMAT", "console")  # PORT alone would say that this is a platform
    commands = parse_procfile((BASE_DIR / "Procfile.dev").read_text()).processes
    if weights() is None or environment.get("EMBEDDED_MODEL_URL"):
        del commands["model"]
    else:
        model_port = str(_free_port())
        environment["MODEL_PORT"] = model_port
        environment["EMBEDDED_MODEL_URL"] = f"http://127.0.0.1:{model_port}/v1"

    address = reached_at(host, port)
    if "[::1]" in address and (hosts := environment.get("ALLOWED_HOSTS")):
        environment["ALLOWED_HOSTS"] = f"{hosts},[::1]"  # as localhost is, from the first start on
    link = prepare(address, environment)
    # Beside honcho, because it ends when it has spoken, and honcho ends all when one ends. The
    # link goes through a pipe: other users of the machine can read command lines.
    with subprocess.Popen(
        [sys.executable, "-m", "launcher.welcome", address],
        env=environment,
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches it only through us
    ) as welcome:
        assert welcome.stdin is not None
        welcome.stdin.write(link)
        welcome.stdin.close()
        try:
            return Processes(commands, environment, BASE_DIR).run()
        finally:
            welcome.kill()


def _of_file(path: str) -> dict[str, str]:
    """The variables of a file, those alone that have a value."""
    if not path:
        return {}
    try:
        env = Environment()
        env.read_file(Path(path), required=True)
    except ImproperlyConfigured as error:
        raise StartError(f"Parley does not start: {error}") from None
    return {name: value for name, value in env.file.items() if value}


def prepare(address: str, environment: dict[str, str]) -> str:
    """Migrate; the link that creates the first account, empty when there is one."""
    done = subprocess.run(
        [sys.executable, "-m", "launcher.prepare", address],
        env=environment,
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C must not print its traceback
        check=False,
    )
    if done.returncode:
        raise StartError("Nothing was started.")
    return done.stdout.strip()


def host_name(text: str) -> str:
    """The host to listen on, an address of IPv6 without its brackets."""
    host = text.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        return check_listening_host("HOST", host)
    except ImproperlyConfigured as error:
        raise StartError(str(error)) from None


def reached_at(host: str, port: int) -> str:
    """The address to open on this machine, also where it listens on all of its addresses."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


def port_number(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise StartError(f"PORT is {text!r}; allowed are the numbers 1 to 65535.")


def check_free(host: str, port: int) -> None:
    """Fail now, in one sentence, instead of in the middle of the logs."""
    try:
        family, kind, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"Port {port} is in use: end the program that listens there, "
                f"or choose another one: make run PORT={port + 1}"
            ) from error
        raise StartError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
