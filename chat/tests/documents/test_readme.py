"""The README and the list of settings name what there is."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import pytest

from chat.tests.setting_values import PRODUCTION
from chatproject.settings import env

ROOT = Path(__file__).resolve().parents[3]


def rows(document: str) -> dict[str, str]:
    """The default of each setting in the tables of a document."""
    found = re.findall(
        r"^\| `([A-Z_]+)` \| (.*?) \| .+ \|$", (ROOT / document).read_text(), re.MULTILINE
    )
    assert len(found) == len(dict(found)), "a setting has two rows"
    return dict(found)


def test_the_list_of_settings_has_each_of_them_and_no_other() -> None:
    settings = {name for name in env.asked if not name.startswith("ENDPOINT_")} | {"HOST"}

    assert len(settings) > 30
    assert sorted(rows("docs/settings.md")) == sorted(settings)


def test_the_readme_has_ten_of_them_with_the_same_defaults() -> None:
    ten = rows("README.md")

    assert len(ten) == 10
    assert ten.items() <= rows("docs/settings.md").items()


def test_the_defaults_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - {"PATH", "HOME"}:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ENV_FILE", "")
    monkeypatch.setenv("SECRET_KEY", PRODUCTION["SECRET_KEY"])
    code = runpy.run_path(str(ROOT / "chatproject" / "settings.py"))

    compared = 0
    for name, default in rows("docs/settings.md").items():
        value = code.get(name)
        if default == "empty":
            assert not value or name == "ENDPOINTS", name  # one of them is always there
        elif isinstance(value, bool):
            assert default.startswith("`on`" if value else "`off`"), name
        elif isinstance(value, int | float):
            assert default == f"`{value}`".replace(".0`", "`"), name
        elif re.fullmatch("`[^`]+`", default) and name != "CHAT_MODEL" and name in code:
            assert default == f"`{','.join(value) if isinstance(value, list) else value}`", name
        else:
            continue
        compared += 1
    assert compared > 60


def test_its_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text()))
    others = set(re.findall(r"`make ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text()))

    assert {"run", "test"} <= named <= targets
    assert {"test", "check"} <= others <= targets
