"""Who may import whom: DESIGN's layout, held by a test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHAT = Path(__file__).resolve().parent.parent

# Module or package of chat -> what of chat it may import. Those not listed stand side by side.
MAY_IMPORT = {
    "models": {"models"},
    "protocol": {"protocol"},
    "flow": {"protocol"},
    "upstream": {"upstream"},
    "metrics": {"metrics"},
    "logs": {"logs"},
    "replies": {"replies", "models", "protocol", "upstream", "metrics"},
    "access": {"replies", "models", "protocol"},
    "intake": {"replies", "models", "protocol"},
    "streams": {"access", "flow", "intake", "metrics", "replies", "models", "protocol"},
}
SIDE_BY_SIDE = {"consumers", "api", "views", "admin"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(CHAT.rglob("*.py")):
        top = path.relative_to(CHAT).parts[0].removesuffix(".py")
        if top not in {"tests", "migrations", "__init__"}:
            yield top, path


def imports(path: Path) -> set[str]:
    """The parts of chat that a file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("chat.")}
    return found


@pytest.mark.parametrize(
    ("part", "path"), list(modules()), ids=lambda value: getattr(value, "name", value)
)
def test_a_module_imports_only_what_stands_below_it(part: str, path: Path) -> None:
    found = imports(path)
    if part in MAY_IMPORT:
        assert found <= MAY_IMPORT[part]
    if part in SIDE_BY_SIDE:
        assert not found & (SIDE_BY_SIDE - {part})
    if part != "replies":
        assert "upstream" not in found or part == "upstream"


def test_upstream_and_protocol_know_nothing_of_django() -> None:
    for part, path in modules():
        if part in {"protocol", "upstream", "flow"}:
            assert "import django" not in path.read_text()
            assert "from django" not in path.read_text()


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "helpers", "services", "signals", "mixins", "constants"}
    assert not drawers & {path.stem for _, path in modules()}


def test_no_module_is_longer_than_400_lines() -> None:
    long = {path.name for _, path in modules() if len(path.read_text().splitlines()) > 400}
    assert not long
