"""The variables that each section of the deploy guide sets start a server.

`make try-deploy` follows the section for a machine of one's own (bench/paas_machine.py).
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from bench.paas_machine import BACKUPS, MACHINE, UPGRADES, blocks
from chat import checks
from chatproject.static_files import is_collected

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "deploy.md").read_text()
OF_THE_PLATFORM = {
    "PORT": "5000",
    "DATABASE_URL": "postgres://u:p@db.example:5432/parley",
    "REDIS_URL": "rediss://:p@cache.example:6379",
}


def section(title: str) -> str:
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def of_shell(text: str) -> dict[str, str]:
    """The shell's values of the NAME=value words of some lines, as in `heroku config:set`."""
    words = re.findall(r"\b([A-Z_]+=(?:\$\([^)]*\)|'[^']*'|[^\s'#]+))", text)
    echo = "\n".join(f"echo {word}" for word in words if "\u2026" not in word)
    said = subprocess.run(["sh", "-c", echo], capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in said.splitlines())


def heroku() -> dict[str, str]:
    return of_shell("\n".join(re.findall(r"heroku config:set (.*=.*)", section("Heroku"))))


def dokku() -> dict[str, str]:
    return of_shell("\n".join(re.findall(r"dokku config:set (.*)", section("Dokku"))))


def render() -> dict[str, str]:
    (text,) = re.findall(r"```yaml\n(.*?)```", section("Render"), re.DOTALL)
    (web,) = [one for one in yaml.safe_load(text)["services"] if one["type"] == "web"]
    made = {one["key"]: "vS1Jq0bX9mZk3rT7yLw2eNf8cHd5pUa4" for one in web["envVars"]}
    given = {one["key"]: one["value"] for one in web["envVars"] if "value" in one}
    variables: dict[str, str] = made | given | OF_THE_PLATFORM
    return variables


def fly() -> dict[str, str]:
    (text,) = re.findall(r"```toml\n(.*?)```", section("Fly"), re.DOTALL)
    secrets = "\n".join(re.findall(r"fly secrets set (.*_KEY.*)", section("Fly")))
    named: dict[str, str] = tomllib.loads(text)["env"]
    return of_shell(secrets) | named


def compose() -> dict[str, str]:
    """The file that the guide writes, and what compose.yaml adds."""
    (text,) = re.findall(r"<<END\n(.*?)    END", section("Docker"), re.DOTALL)
    file = of_shell(re.sub(r"(?m)^ *#.*$", "", text))
    added: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    added = added["services"]["web"]["environment"]
    password = re.compile(r"\$\{POSTGRES_PASSWORD[^}]*\}")
    return file | {name: password.sub(file["POSTGRES_PASSWORD"], v) for name, v in added.items()}


@pytest.mark.parametrize("platform", [heroku, dokku, render, fly, compose])
def test_the_variables_of_a_section_start_a_server(
    platform: Any, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    given = platform()
    assert {"SECRET_KEY", "ENCRYPTION_KEY", "ALLOWED_HOSTS", "TRUSTED_PROXIES"} <= set(given)
    for name in set(os.environ) - {"PATH", "HOME"}:
        monkeypatch.delenv(name)
    for name, value in (OF_THE_PLATFORM | given | {"ENV_FILE": ""}).items():
        monkeypatch.setenv(name, value)
    found = runpy.run_path(str(ROOT / "chatproject" / "settings.py"))
    for name in (
        "DEBUG", "ALLOWED_HOSTS", "HTTPS", "ON_PLATFORM", "TRUSTED_PROXIES", "SQLITE", "WORKERS",
        "REDIS_URL", "DATABASE_CONNECTIONS", "UNKNOWN_NAMES", "DATABASE_POOLED",
    ):  # fmt: skip
        setattr(settings, name, found[name])
    assert checks.at_start() == ([], [])


# --- files that were collected --------------------------------------------------------------


def test_what_is_collected_may_be_read_by_the_services_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A careful root has a umask of 027, and the server is another user."""
    monkeypatch.setattr(sys, "argv", ["manage.py", "collectstatic"])
    before = os.umask(0o027)
    try:
        runpy.run_path(str(ROOT / "chatproject" / "settings.py"))
        assert os.umask(0o027) == 0o022
    finally:
        os.umask(before)


def test_files_that_cannot_be_read_are_told_in_a_sentence(tmp_path: Path) -> None:
    assert not is_collected(tmp_path)
    (tmp_path / "staticfiles.json").mkdir()  # root may read what has no rights
    with pytest.raises(ImproperlyConfigured, match=r"staticfiles\.json cannot be read .*collect"):
        is_collected(tmp_path)


@pytest.mark.parametrize(
    "passage", [MACHINE, BACKUPS, UPGRADES], ids=["machine", "backup", "upgrade"]
)
def test_passages_that_a_trial_of_the_deployment_follows_have_commands(
    passage: tuple[str, str, str],
) -> None:
    assert "parley" in blocks(*passage)
