"""An nginx before several servers, with `deploy/nginx.conf`; `make test` looks for one first.

As a program, `python -m chat.tests.browser.nginx`: as root on Debian apt gets one. Where there is
none, one sentence says so and its tests are left out; with CI set that is a failure.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.paas_services import NGINX, ROOT, Process, find_nginx, free_port, installed_nginx
from bench.paas_services import wait_until_it_listens as wait

MISSING = "No nginx: `make test` looks for one."


@contextmanager
def nginx(folder: Path, *servers: int, edits: dict[str, str] | None = None) -> Iterator[str]:
    """The origin of an nginx that passes all on to these ports, with these lines replaced."""
    program = installed_nginx()
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    folder.mkdir()
    port = free_port()
    text = _without_tls(port, servers)
    for old, new in (edits or {}).items():
        assert old in text, f"deploy/nginx.conf has no {old}"
        text = text.replace(old, new)
    (folder / "parley.conf").write_text(text)
    main = folder / "nginx.conf"
    main.write_text(NGINX.format(folder=folder))
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(main)]
    with Process("nginx", command, folder) as process:
        wait(port, process)
        yield f"http://127.0.0.1:{port}"


def _without_tls(port: int, servers: tuple[int, ...]) -> str:
    """`deploy/nginx.conf` with these servers, and without what only https needs."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    lines = "".join(f"    server 127.0.0.1:{one};\n" for one in servers)
    for old, new in (
        (r" +server 127\.0\.0\.1:8000;\n", lines),
        (r"server \{\n    listen 80;.*?\n\}\n", ""),
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        (r"server_name chat\.example;", "server_name 127.0.0.1;"),
        (r"    ssl_[^\n]*\n", ""),
    ):
        text, times = re.subn(old, new, text, flags=re.DOTALL)
        assert times, f"deploy/nginx.conf has no {old}"
    return text


def main() -> int:
    if path := find_nginx():
        print(f"nginx for the tests: {path}")
        return 0
    print("There is no nginx here: the browser tests that need one are left out.")
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
