"""Runs units of systemd where there is none, as the `systemctl` of `bench.paas_machine`.

    python -m bench.unit enable --now parley-web | restart NAME | stop NAME | reload nginx

Heeds the settings that decide about the start: user and group, umask, environment, working
directory, state directory, a file system that is read-only but for that, and the end by SIGTERM.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

UNITS = Path("/etc/systemd/system")
LOGS = Path("/var/log")
READ_ONLY = ("/", "/etc", "/opt")
START_SECONDS = 60


def read(name: str) -> dict[str, list[str]]:
    """The assignments of a unit's [Service]; those given several times in their order."""
    service = (UNITS / f"{name}.service").read_text().partition("[Service]")[2]
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"(?m)^(\w+)=(.*)$", service.partition("\n[")[0]):
        found.setdefault(key, []).append(value.strip())
    return found


def environment(unit: dict[str, list[str]]) -> dict[str, str]:
    """The environment of a service: systemd's own, and the unit's."""
    base = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    base |= {"LANG": "C.UTF-8", "USER": unit["User"][0], "HOME": "/var/lib/parley"}
    for line in unit.get("Environment", []):
        base |= dict(word.split("=", 1) for word in shlex.split(line))
    return base


def start(name: str) -> None:
    """Start a unit, and wait until its port listens; raises SystemExit where it ends instead."""
    unit = read(name)
    user, group = unit["User"][0], unit["Group"][0]
    variables = environment(unit)
    for folder in unit.get("StateDirectory", []):
        mode = unit.get("StateDirectoryMode", ["0755"])[0]
        install = ["install", "-d", "-o", user, "-g", group, "-m", mode, f"/var/lib/{folder}"]
        subprocess.run(install, check=True)
    # systemd itself puts the variables into the line; no shell reads it.
    line = re.sub(r"\$\{(\w+)\}", lambda match: variables[match[1]], unit["ExecStart"][0])
    remount = "".join(f"mount -o remount,bind,ro {path} 2>/dev/null; " for path in READ_ONLY)
    private = "mount -t tmpfs -o mode=1777 tmpfs /tmp; " if "PrivateTmp" in unit else ""
    user_part = f"setpriv --reuid={user} --regid={group} --init-groups --no-new-privs"
    inner = f"{private}{remount}umask {unit['UMask'][0]}; exec {user_part} {line}"
    with (LOGS / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", inner],
            cwd=unit["WorkingDirectory"][0],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _pid_file(name).write_text(str(process.pid))
    deadline = time.monotonic() + START_SECONDS
    while "PORT" in variables and not _listens(int(variables["PORT"])):
        if process.poll() is not None or time.monotonic() > deadline:
            said = (LOGS / f"{name}.log").read_text()[-3000:]
            sys.exit(f"{name} did not start ({process.poll()}): {said}")
        time.sleep(0.1)


def stop(name: str) -> None:
    """End a unit as systemd does, by SIGTERM, and wait; a unit that has to be killed is a fault."""
    pid = int(_pid_file(name).read_text())
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + float(read(name)["TimeoutStopSec"][0])
    while _lives(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            sys.exit(f"{name} did not end within TimeoutStopSec")
        time.sleep(0.1)


def _pid_file(name: str) -> Path:
    return LOGS / f"{name}.pid"


def _lives(pid: int) -> bool:
    """True if it runs; a zombie, which nobody here waits for, has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _listens(port: int) -> bool:
    wanted = f":{port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(wanted) and row.split()[3] == "0A" for row in rows)


def main(words: list[str]) -> int:
    verb, *names = [word for word in words if not word.startswith("--")]
    for name in names:
        if name == "nginx":
            subprocess.run(["nginx", "-s", "stop"], capture_output=True, check=False)
            subprocess.run(["nginx"], check=True)
            continue
        if verb in {"restart", "stop"}:
            stop(name)
        if verb in {"restart", "start", "enable"}:
            start(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
