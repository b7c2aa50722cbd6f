"""Each setting takes what is right, and stops the start with one sentence for what is wrong.

`TABLE` in setting_values.py has a row for each; test_structure.py fails for a setting without one.
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from chat.tests.environment import SCRATCH
from chat.tests.setting_values import COMBINATIONS, PRODUCTION, TABLE

ROOT = Path(__file__).resolve().parents[3]
KEPT = {"PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV"}


def read(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings of a start with nothing but these variables."""
    for name in set(os.environ) - KEPT:
        monkeypatch.delenv(name)
    for name, value in ({"ENV_FILE": ""} | environment).items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "chatproject" / "settings.py"))


def refusal(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, value: str = "") -> str:
    """The sentence in place of a start."""
    try:
        read(environment, monkeypatch)
    except ImproperlyConfigured as refused:
        return str(refused)
    raise AssertionError(f"{value!r} was accepted")


# --- the table ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(TABLE))
def test_right_values_start_also_with_blanks_around_them(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = TABLE[name]
    for value in (*row.right, f" {row.right[-1]}\t"):
        read(PRODUCTION | row.beside | {name: value}, monkeypatch)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_wrong_values_stop_the_start_by_name_in_one_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = TABLE[name]
    # In quotes, as `docker --env-file` passes them on.
    quoted = [] if row.anything_goes else [f'"{row.right[-1]}x"', f"'{row.right[0]}'"]
    for value in (*row.wrong, *quoted):
        said = refusal(PRODUCTION | row.beside | {name: value}, monkeypatch, value)
        assert re.search(rf"\b{name}\b", said), (value, said)
        assert re.search(r"\b(allowed|may)\b", said), (value, said)
        assert "\n" not in said
        for secret in row.secrets:
            assert secret not in value or secret not in said


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("ALLOWED_HOSTS", "chat.example"),
        ("CSRF_TRUSTED_ORIGINS", "https://chat.example"),
        ("CORS_ALLOWED_ORIGINS", "https://app.example"),
        ("CHAT_MODEL", "m"),
    ],
)
def test_blanks_and_a_comma_at_the_end_of_a_list_are_nothing(
    name: str, item: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(PRODUCTION | {name: f" {item} ,\t{item}2, ,"}, monkeypatch)[name] == [
        item,
        f"{item}2",
    ]


@pytest.mark.parametrize(("environment", "names"), COMBINATIONS)
def test_what_cannot_work_together_stops_the_start(
    environment: dict[str, str], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusal(PRODUCTION | environment, monkeypatch)
    assert all(name in said for name in names), said


def test_placeholders_and_any_host_are_for_trying_only(monkeypatch: pytest.MonkeyPatch) -> None:
    trying = {"ALLOWED_HOSTS": "*", "SECRET_KEY": "your-secret-key-" * 3}

    assert "ALLOWED_HOSTS" in refusal(PRODUCTION | {"ALLOWED_HOSTS": "*"}, monkeypatch)
    assert "SECRET_KEY" in refusal(PRODUCTION | trying | {"HTTPS": "off"}, monkeypatch)
    read(PRODUCTION | trying | {"DEBUG": "on"}, monkeypatch)
    read(PRODUCTION | {"ALLOWED_HOSTS": "*", "HTTPS": "off"}, monkeypatch)


def test_hsts_is_modest_until_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(PRODUCTION, monkeypatch)
    assert 0 < found["SECURE_HSTS_SECONDS"] <= 86400
    assert not found["SECURE_HSTS_INCLUDE_SUBDOMAINS"]
    assert not found["SECURE_HSTS_PRELOAD"]
    more = {"HSTS_SECONDS": "31536000", "HSTS_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"}
    found = read(PRODUCTION | more, monkeypatch)
    assert found["SECURE_HSTS_SECONDS"] == 31536000
    assert found["SECURE_HSTS_INCLUDE_SUBDOMAINS"]
    assert found["SECURE_HSTS_PRELOAD"]


# --- the file -------------------------------------------------------------------------------


def in_file(text: str | bytes, tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "settings.env"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return PRODUCTION | {"ENV_FILE": str(path)}


def test_a_file_has_quotes_comments_and_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\ufeff# ours\nexport SIGNUP='open' # for a week\n\nCHAT_MODEL=\"a,b\"\nSHOW_COST=on\n"
    found = read(in_file(text, tmp_path), monkeypatch)
    assert (found["SIGNUP"], found["CHAT_MODEL"]) == ("open", ["a", "b"])
    assert found["UNKNOWN_NAMES"] == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SIGNUP=open\n\nSHOW_COST\n", "Line 3"),
        ("SIGNUP='open\nSHOW_COST=on\n", "Line 1"),
        (b"SIGNUP=\xff\xfe", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    text: str | bytes, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusal(in_file(text, tmp_path), monkeypatch)
    assert told in said
    assert "settings.env" in said


def test_a_named_file_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "nothing.env", tmp_path, Path("/dev/zero")):
        said = refusal(PRODUCTION | {"ENV_FILE": str(path)}, monkeypatch)
        assert said.startswith("ENV_FILE is ")


def test_unknown_names_are_told_with_what_was_perhaps_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = in_file("ALOWED_HOSTS=a.example\nOF_SOMETHING_ELSE=1\nPYTHONPATH=x\n", tmp_path)
    environment |= {"LEASE_SECOND": "9", "OF_SOMETHING": "1", "REDIS_TLS_URL": "rediss://x"}
    assert read(environment, monkeypatch)["UNKNOWN_NAMES"] == {
        "ALOWED_HOSTS": "ALLOWED_HOSTS",
        "OF_SOMETHING_ELSE": "",
        "LEASE_SECOND": "LEASE_SECONDS",
    }


def test_variables_of_an_endpoint_that_is_not_named_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = in_file("ENDPOINT_GROQ_URL=https://api.groq.example/v1\n", tmp_path)
    assert set(read(environment, monkeypatch)["UNKNOWN_NAMES"]) == {"ENDPOINT_GROQ_URL"}


# --- every way to start ---------------------------------------------------------------------

PROCFILE = (ROOT / "Procfile").read_text()
STARTS = [
    "python manage.py check",
    "python manage.py migrate",
    "python manage.py worker",
    "python manage.py no-such-command",
    "python -m daphne -p 0 chatproject.asgi:application",
    "python -m launcher.prepare http://127.0.0.1:1",
    "python -m launcher.run",
    PROCFILE.partition("release: ")[2].partition("\n")[0],
    PROCFILE.partition("web: ")[2].partition("\n")[0],
]


@pytest.mark.parametrize("command", STARTS)
def test_every_way_to_start_says_it_in_one_sentence(command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name in KEPT}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment |= PRODUCTION | {"ENV_FILE": "", "LEASE_SECONDS": "0.1"}
    environment |= {"DATABASE_URL": f"sqlite:///{SCRATCH / 'refused.sqlite3'}", "PORT": "1"}
    if "launcher.run" in command:
        environment["PORT"] = str(_free_port())
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if line]
    assert done.returncode == 1
    assert "LEASE_SECONDS is '0.1'; allowed are numbers from 1 to 600" in said[0]
    assert said[1:] in ([], ["Nothing was started."])


def _free_port() -> int:
    from chat.tests.live.server import free_port

    return free_port()
