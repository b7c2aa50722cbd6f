"""Follows the guide for a machine of one's own to the letter: the section with systemd and nginx.

    python -m bench.paas_machine        (as root, on Linux; `make try-deploy` runs it too)

Runs in a mount and a network namespace of its own: /etc, /opt, /var/lib, /var/log and /var/backups
are copies or empty, and every port is free, so nothing of the machine changes. The shell blocks of
docs/deploy.md run in one shell as they stand there. Four commands are stand-ins: apt-get does
nothing, git copies this checkout, certbot makes a certificate itself, and systemctl runs a unit's
ExecStart as its user, with its umask, environment and read-only file system (bench/unit.py).
Installing the requirements is left to the environment that is there already.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from pathlib import Path

from bench.paas_services import ROOT, installed_nginx

INSIDE = "PARLEY_MACHINE"
HOST = "chat.example"
STAND_INS = Path("/mnt/bin")
STUBS = {
    "apt-get": "exit 0\n",
    "git": f"""
case "$1" in
    clone) mkdir -p "$3"; cd {ROOT}
        git_of_the_machine ls-files -z --cached --others --exclude-standard \\
            | tar --null --ignore-failed-read -T - -cf - \\
            | tar -C "$3" --no-same-permissions -xf - ;;
    pull) exit 0 ;;
esac
""",
    "certbot": """
folder=/etc/letsencrypt/live/$HOST; mkdir -p "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \\
    -subj "/CN=$HOST" \\
    -out "$folder/fullchain.pem" -keyout "$folder/privkey.pem" 2>/dev/null
""",
    "systemctl": f'cd {ROOT} && exec {sys.executable} -m bench.unit "$@"\n',
}


class Wrong(Exception):
    """Something was not as the guide says."""


def main() -> int:
    if os.geteuid() != 0 or not shutil.which("unshare") or installed_nginx() is None:
        print("This needs root, unshare and nginx.", file=sys.stderr)
        return 2
    if INSIDE not in os.environ:
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        command += ["--mount-proc", sys.executable, "-m", "bench.paas_machine"]
        return subprocess.call(command, cwd=ROOT, env={**os.environ, INSIDE: "1"})
    try:
        make_machine()
        follow_the_guide()
    except (Wrong, subprocess.SubprocessError, OSError) as problem:
        print(f"FAILED  {problem}", flush=True)
        return 1
    return 0


def seen(fact: str) -> None:
    print(f"  ok  {fact}", flush=True)


def must(is_right: object, fact: str, instead: object = "") -> None:
    if not is_right:
        raise Wrong(f"not so: {fact} {instead}".rstrip())
    seen(fact)


# --- the machine ----------------------------------------------------------------------------


def make_machine() -> None:
    """Cover the folders that the guide writes to, and let other users reach our Python."""

    def run(*command: str) -> None:
        subprocess.run(command, check=True)

    run("ip", "link", "set", "lo", "up") if shutil.which("ip") else _loopback_up()
    run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/mnt")
    python, kept = Path(sys.base_prefix), Path("/mnt/python")
    closed = [part for part in python.parents if not part.stat().st_mode & 0o001]
    if closed:
        kept.mkdir()
        run("mount", "--bind", str(python), str(kept))
    run("cp", "-a", "/etc", "/mnt/etc")
    run("mount", "--bind", "/mnt/etc", "/etc")
    for folder in ("/opt", "/var/lib", "/var/log", "/var/backups", *map(str, closed[:1])):
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder)
    if closed:
        python.mkdir(parents=True)
        run("mount", "--bind", str(kept), str(python))
    for folder in ("/opt/parley", "/var/lib/nginx", "/var/log/nginx", "/var/www/html"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    Path("/opt/parley/venv").symlink_to(sys.prefix)
    STAND_INS.mkdir()
    real = shutil.which("git")
    for name, text in STUBS.items():
        stub = STAND_INS / name
        stub.write_text(f"#!/bin/bash\nset -eu\n{text}".replace("git_of_the_machine", str(real)))
        stub.chmod(0o755)


def _loopback_up() -> None:
    """Do the work of `ip link set lo up`, which is not everywhere."""
    import fcntl
    import socket
    import struct

    with socket.socket() as any_socket:
        request = struct.pack("16sH14s", b"lo", 1 | 64, b"")  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


MACHINE = ("deploy.md", "## A machine of your own", "`journalctl --unit parley-web`")
BACKUPS = ("operations.md", "Every night:", "`deploy/backup.sh`")
UPGRADES = ("operations.md", "## Upgrades", "Migrations only add")
"""Passages of the guides that are followed: document, first phrase and the phrase after them."""


def blocks(document: str, begin: str, end: str) -> str:
    """The shell lines, those indented by four, between two phrases of a document."""
    found = re.search(
        f"{re.escape(begin)}(.*?){re.escape(end)}", (ROOT / "docs" / document).read_text(), re.S
    )
    if found is None:
        raise Wrong(f"docs/{document} has no {begin!r} with {end!r} after it")
    return "\n".join(re.findall(r"(?m)^(?: {4}(.*)|$)", found[1])) + "\n"


def follow(script: str) -> str:
    """Run these lines in root's shell; returns its output, or raises `Wrong`."""
    script = script.replace("https://git.example/parley.git", "of-this-checkout")
    environment = {"PATH": f"{STAND_INS}:{os.environ['PATH']}", "HOME": "/root", "LANG": "C.UTF-8"}
    # The environment is there already, built of the same requirements.
    script = re.sub(r"(?m)^(python3 -m venv|\S*pip install) .*$", "true", script)
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd="/",
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise Wrong(f"a line of the guide ended with {done.returncode}: {done.stdout[-3000:]}")
    return done.stdout


# --- trials ---------------------------------------------------------------------------------


def follow_the_guide() -> None:
    print("A machine of your own, by docs/deploy.md")
    said = follow(blocks(*MACHINE))
    link = said.strip().splitlines()[-1]
    must(link.startswith(f"https://{HOST}/start/"), "the lines run; the last prints the link", said)
    must(get("/readyz")[0] == 200, "it is ready, through nginx", unit_log())
    status, body = get("/accounts/login/")
    must(status == 200, "the page to log in", status)
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', body)
    must(files and all(get(path)[0] == 200 for path in files), f"{len(files)} static files", files)
    must(get(link.removeprefix(f"https://{HOST}"))[0] == 200, "the link of the first account")
    must("Traceback" not in unit_log(), "no traceback in its log", unit_log())
    owner = Path("/var/lib/parley/parley.sqlite3").owner()
    must(owner == "parley", "the database is of the service's user", owner)
    mode = Path("/etc/parley/parley.env").stat().st_mode & 0o777
    must(mode == 0o640, "the settings are closed to others", oct(mode))
    by_operations()
    code = subprocess.run([*UNIT, "stop", "parley-web"], cwd=ROOT, check=False).returncode
    must(code == 0, "systemctl stop: exit code 0", unit_log())


def by_operations() -> None:
    print("Backups and upgrades, by docs/operations.md")
    follow(blocks(*BACKUPS))
    line = Path("/etc/cron.d/parley").read_text().strip()
    *_, user, command = line.split(maxsplit=6)[:7]
    cron = ["runuser", "-u", user, "--", "env", "-i", "PATH=/usr/bin:/bin", "sh", "-c", command]
    subprocess.run(cron, check=True)
    saved = list(Path("/var/backups/parley").glob("parley-*.sqlite3"))
    must(len(saved) == 1, "the line of cron saves the database", saved)
    follow(f"umask 077\n{blocks(*UPGRADES)}")
    until_ready()
    must(get("/accounts/login/")[0] == 200, "after an upgrade by a careful root it serves again")
    saved = list(Path("/var/backups/parley").glob("parley-*.sqlite3"))
    must(saved, "and has saved the database before", saved)


UNIT = [sys.executable, "-m", "bench.unit"]


def unit_log() -> str:
    return Path("/var/log/parley-web.log").read_text()[-3000:]


def until_ready() -> None:
    deadline = time.monotonic() + 60
    while get("/readyz")[0] != 200:
        if time.monotonic() > deadline:
            raise Wrong(f"it does not get ready: {unit_log()}")
        time.sleep(0.2)


def get(path: str) -> tuple[int, str]:
    """Status and body of an answer, through nginx as a browser comes."""
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", 443, context=context, timeout=20)
    connection.request("GET", path, headers={"Host": HOST})
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, body


if __name__ == "__main__":
    sys.exit(main())
