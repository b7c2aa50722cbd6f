"""The README names what there is."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r'(?:env\.\w+|_required|_positive|_seconds|_switch)\(\s*"([A-Z_]+)"')


def test_its_tables_have_every_setting_and_no_other() -> None:
    settings = set(READ.findall((ROOT / "chatproject" / "settings.py").read_text()))
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert len(settings) > 30
    assert sorted(rows) == sorted(settings)


def test_its_make_targets_exist() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {"run", "test"} <= named <= targets
