"""What `make run` does once everything is installed: `python -m chatproject.run`.

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

from dotenv import dotenv_values
from honcho.environ import parse_procfile

from chatproject.env_file import write_env_file
from chatproject.model_server import weights
from chatproject.processes import Processes

BASE_DIR = Path(__file__).resolve().parent.parent


class StartError(Exception):
    """One sentence that says why, and what to do about it."""


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


def _run() -> int:
    if write_env_file(BASE_DIR / ".env"):
        print("Wrote .env with fresh keys. Keep it: stored API keys cannot be read without it.")
    environment = {
        **{name: value for name, value in dotenv_values(BASE_DIR / ".env").items() if value},
        **os.environ,
    }
    host = environment.get("HOST", "127.0.0.1")
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

    address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104
    link = prepare(address, environment)
    # Beside honcho, because it ends when it has spoken, and honcho ends all when one ends. The
    # link goes through a pipe: other users of the machine can read command lines.
    with subprocess.Popen(
        [sys.executable, "-m", "chatproject.welcome", address],
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


def prepare(address: str, environment: dict[str, str]) -> str:
    """Migrate; the link that creates the first account, empty when there is one."""
    done = subprocess.run(
        [sys.executable, "-m", "chatproject.prepare", address],
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
                f"Port {port} is in use: end what listens there, "
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
