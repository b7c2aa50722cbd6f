"""The guides are plain: short sentences, wrapped lines, files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLAIN = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "frontend/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
]
WORDS = 30
COLUMNS = 110


def text(name: str) -> str:
    return (ROOT / name).read_text()


def paragraphs(name: str) -> list[str]:
    """The prose: paragraphs, items of lists and cells of tables, without blocks of code."""
    found = [""]
    for line in re.sub(r"(?ms)^```.*?^```", "", text(name)).splitlines():
        if re.match(r" {4}|\|[-|]+$", line):
            found.append("")
        elif line.startswith("|"):
            found += [*line.strip("|").split("|"), ""]
        elif not line.strip() or re.match(r"#|( *)(-|\d+\.) ", line):
            found += [re.sub(r"^ *(-|\d+\.|#+) ", "", line), ""][: 2 if line[:1] == "#" else 1]
        else:
            found[-1] += f" {line.strip()}"
    return [" ".join(one.split()) for one in found if one.strip()]


def sentences(name: str) -> list[str]:
    """A code span and the target of a link count as one word."""
    found: list[str] = []
    for paragraph in paragraphs(name):
        plain = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "X", paragraph))
        found += re.split(r"(?<=[.?!:])(?:\*\*)? (?=[*\"'\[A-Z])", plain)
    return found


@pytest.mark.parametrize("name", PLAIN)
def test_sentences_are_short(name: str) -> None:
    found = sentences(name)

    assert len(found) > 20
    assert not [one for one in found if len(one.split()) >= WORDS]


@pytest.mark.parametrize("name", PLAIN)
def test_lines_are_wrapped(name: str) -> None:
    """Rows of tables and code cannot be."""
    prose = re.sub(r"(?ms)^```.*?^```", "", text(name)).splitlines()

    assert not [
        line for line in prose if len(line) > COLUMNS and not line.startswith(("|", "    "))
    ]


@pytest.mark.parametrize("name", PLAIN)
def test_files_that_are_named_exist(name: str) -> None:
    """Files of the front end are named from its folder, or from its `src`."""
    here = (ROOT / name).parent
    named = re.findall(r"`((?:[a-z_.][\w.-]*/)+[\w.-]*)`", text(name))

    places = (ROOT, here, here / "src")

    # Media types and ids of models look like paths: those have no dot, and no folder. What make
    # makes is not in every checkout.
    made = text(".gitignore").splitlines()
    files = [path for path in named if "." in path or (ROOT / path.partition("/")[0]).is_dir()]
    files = [path for path in files if path not in made]
    assert not [path for path in files if not any((place / path).exists() for place in places)]


def test_the_index_has_every_page() -> None:
    linked = set(re.findall(r"\]\((?:\.\./)?([\w/-]+\.md)\)", text("docs/README.md")))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    pages |= {path.name for path in ROOT.glob("*.md")} | {"frontend/README.md"}

    assert linked | {"README.md"} == pages
