"""The files that platforms read agree with each other, with the settings and with what there is."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from honcho.environ import parse_procfile

from bench.paas_services import nginx_configuration
from chat.tests.alarms import alarms
from chatproject.settings import env

ROOT = Path(__file__).resolve().parents[3]
LONGEST_DRAIN = 25
"""Seconds; `DRAIN_SECONDS` may not be more."""
SECRETS = {"SECRET_KEY", "ENCRYPTION_KEY", "AUDIT_KEY", "METRICS_TOKEN"}


def text(name: str) -> str:
    return (ROOT / name).read_text()


def commands() -> dict[str, str]:
    return dict(parse_procfile(text("Procfile")).processes)


def dockerfile() -> list[tuple[str, str]]:
    """Its instructions, each with its arguments in one line."""
    lines = re.sub(r"(?m)^#.*\n", "", text("Dockerfile")).replace("\\\n", " ").splitlines()
    return [(words[0], words[1]) for line in lines if (words := line.split(maxsplit=1))]


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in dockerfile() if name == instruction]


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(text("compose.yaml"))["services"]
    return services


def unit(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"(?m)^(\w+)=(.*)$", text(f"deploy/parley-{name}.service")):
        found.setdefault(key, []).append(value)
    return found


# --- what is run ----------------------------------------------------------------------------


def test_the_procfile_checks_before_it_migrates() -> None:
    check, migrate = commands()["release"].split(" && ")

    assert check.startswith("python manage.py check --deploy")
    assert migrate.startswith("python manage.py migrate")


def test_the_web_process_takes_every_address_and_the_port_it_is_given() -> None:
    words = shlex.split(commands()["web"])

    assert words[0] == "daphne"
    assert words[words.index("-b") + 1] == "0.0.0.0"
    assert words[words.index("-p") + 1] == "$PORT"
    assert words[-1] == "chatproject.asgi:application"


def test_nobody_believes_the_first_address_of_a_forwarding_header() -> None:
    """daphne's own option takes the entry that the client wrote; TRUSTED_PROXIES takes the last."""
    for name in ("Procfile", "Procfile.dev", "Dockerfile", "deploy/parley-web.service"):
        assert "--proxy-headers" not in text(name)


def test_the_image_runs_the_line_of_the_procfile_as_its_first_process() -> None:
    (command,) = arguments("CMD")

    assert json.loads(command) == ["sh", "-c", f"exec {commands()['web']}"]
    assert arguments("STOPSIGNAL") == ["SIGTERM"]


def test_compose_runs_the_lines_of_the_procfile() -> None:
    services = compose()

    assert "command" not in services["web"]
    assert services["worker"]["command"] == shlex.split(commands()["worker"])
    assert services["migrate"]["command"] == ["sh", "-c", commands()["release"]]
    assert services["migrate"]["restart"] == "no"


def test_systemd_runs_the_lines_of_the_procfile_behind_a_proxy_only() -> None:
    (web,), (worker,) = unit("web")["ExecStart"], unit("worker")["ExecStart"]

    expected = commands()["web"].replace("-b 0.0.0.0", "-b 127.0.0.1").replace("$PORT", "${PORT}")
    assert web == f"/opt/parley/venv/bin/{expected}"
    assert worker == f"/opt/parley/venv/bin/{commands()['worker']}"


def test_the_documentation_has_the_lines_of_the_procfile() -> None:
    lines = [line.strip() for line in text("docs/deploy.md").splitlines()]

    assert f"startCommand: {commands()['web']}" in lines
    assert f"startCommand: {commands()['worker']}" in text("docs/deploy.md")
    assert f"preDeployCommand: {commands()['release']}" in lines
    assert f"release_command = \"sh -c '{commands()['release']}'\"" in lines


@pytest.mark.parametrize("name", ["README.md", "docs/deploy.md", "docs/operations.md"])
def test_links_lead_somewhere(name: str) -> None:
    here = (ROOT / name).parent
    found = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text(name))

    assert found
    for path, anchor in found:
        target = here / path if path else ROOT / name
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"(?m)^#+ (.*)$", target.read_text())
            anchors = {
                re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings
            }
            assert anchor in anchors


# --- ending ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["web", "worker"])
def test_systemd_waits_for_the_longest_drain(name: str) -> None:
    found = unit(name)

    assert found["KillSignal"] == ["SIGTERM"]
    assert int(found["TimeoutStopSec"][0]) > LONGEST_DRAIN + 5


@pytest.mark.parametrize("name", ["web", "worker"])
def test_compose_waits_for_the_longest_drain(name: str) -> None:
    service = compose()[name]

    assert service["stop_signal"] == "SIGTERM"
    assert int(service["stop_grace_period"].removesuffix("s")) > LONGEST_DRAIN + 5


# --- what is inside -------------------------------------------------------------------------


def test_what_the_image_copies_is_there() -> None:
    for line in arguments("COPY"):
        *sources, _ = line.removeprefix("--from=build ").split()
        for source in sources:
            assert source.startswith("/opt/") or (ROOT / source).exists(), source


def test_the_image_is_not_run_by_root_and_ends_as_a_slim_one() -> None:
    stages = arguments("FROM")
    version = text(".python-version").strip()

    assert stages == [f"python:{version}-slim AS build", f"python:{version}-slim"]
    assert (
        dockerfile().index(("USER", "10001:10001"))
        > [name for name, _ in dockerfile()].index("HEALTHCHECK") - 4
    )
    assert arguments("USER") == ["10001:10001"]
    assert "apt-get" not in text("Dockerfile")


def test_the_image_looks_at_its_health() -> None:
    (line,) = arguments("HEALTHCHECK")

    program = json.loads(line.partition("CMD ")[2])
    assert program[:2] == ["python", "-c"]
    compile(program[2], "HEALTHCHECK", "exec")
    assert "/healthz" in program[2]


def test_no_secret_is_in_any_of_them() -> None:
    manifest = json.loads(text("app.json"))
    for name in SECRETS:
        assert manifest["env"][name].get("generator") == "secret"
        assert "value" not in manifest["env"][name]
        assert not re.search(rf"(?m)^\s*(ENV|ARG).*\b{name}\b", text("Dockerfile"))
    assert not SECRETS & set(compose()["web"]["environment"])
    for service in compose().values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or value.startswith("${POSTGRES_PASSWORD:?")
    ignored = text(".dockerignore").split()
    assert {".env", ".env.*", ".git", "db.sqlite3*", ".venv"} <= set(ignored)


def test_only_plain_names_of_images_are_used() -> None:
    images = [line.split()[0] for line in arguments("FROM")]
    images += [service["image"] for service in compose().values()]

    assert len(images) >= 6
    for image in images:
        assert "." not in image.partition("/")[0].partition(":")[0], image


def test_compose_lets_the_processes_write_nowhere() -> None:
    for name in ("web", "worker", "migrate"):
        service = compose()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_compose_publishes_the_page_to_this_machine_only() -> None:
    published = {name: service.get("ports", []) for name, service in compose().items()}

    assert [name for name, ports in published.items() if ports] == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])


# --- settings -------------------------------------------------------------------------------


def test_every_variable_that_is_set_is_a_setting() -> None:
    settings = env.asked | {"ENV_FILE"}
    units = " ".join(unit("web")["Environment"] + unit("worker")["Environment"])

    assert set(json.loads(text("app.json"))["env"]) <= settings
    assert set(compose()["web"]["environment"]) <= settings
    assert {
        name for name in re.findall(r"(\w+)=", units) if not name.startswith("PYTHON")
    } <= settings


def test_one_click_brings_a_database_and_a_key_value_store() -> None:
    manifest = json.loads(text("app.json"))

    assert [addon.partition(":")[0] for addon in manifest["addons"]] == [
        "heroku-postgresql",
        "heroku-redis",
    ]
    # One web process and no other is what platforms start without it; with it Dokku scales no more.
    assert "formation" not in manifest
    assert [check["path"] for check in manifest["healthchecks"]["web"]] == ["/readyz"]
    assert "first_account_link" in manifest["scripts"]["postdeploy"]


# --- nginx ----------------------------------------------------------------------------------


def test_nginx_passes_sockets_on_and_holds_no_stream_back() -> None:
    configuration = text("deploy/nginx.conf")

    for directive in (
        "proxy_http_version 1.1",
        "proxy_set_header Upgrade $http_upgrade",
        "proxy_set_header Connection $parley_connection",
        "proxy_set_header Host $http_host",
        "proxy_set_header X-Forwarded-For $remote_addr",
        "proxy_set_header X-Forwarded-Proto $scheme",
        "proxy_buffering off",
    ):
        assert f"{directive};" in configuration


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here")
@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_nginx_understands_its_configuration(tmp_path: Path) -> None:
    path = nginx_configuration(tmp_path, "chat.test", http=8081, https=8082, web=8083)

    done = subprocess.run(
        ["nginx", "-t", "-q", "-p", str(tmp_path), "-c", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert "emerg" not in done.stderr


# --- alarms ---------------------------------------------------------------------------------


def test_every_alarm_is_explained_beside_its_metrics() -> None:
    table = [line for line in text("docs/operations.md").splitlines() if line.startswith("| `p")]
    explained = set(re.findall(r"`(Parley\w+)`", "".join(table)))
    documented = set(re.findall(r"\w+_\w+", "".join(line.split(" | ")[0] for line in table)))

    assert explained == set(alarms())
    for expression in alarms().values():
        for name in re.findall(r"\b(?:parley|process)_\w+", expression):
            plain = name.removesuffix("_bucket")
            assert plain in documented or plain.endswith(("_waiting", "_max_fds")), name
