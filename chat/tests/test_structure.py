"""Rules of the structure: layers, lengths, names and docstrings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

from chat.tests.setting_values import TABLE
from chatproject import settings

CHAT = Path(__file__).resolve().parent.parent

# Module or package of chat -> what of chat it may import. Those not listed stand side by side.
MAY_IMPORT = {
    "address_parts": set(),
    "sentence": set(),
    "marking": set(),
    "languages": {"marking", "sentence"},
    "endpoint": {"address_parts", "sentence"},
    "database": {"database", "sentence"},
    "models": {"models", "database", "endpoint", "languages", "sentence"},
    "protocol": {"protocol", "sentence"},
    "flow_control": {"protocol"},
    "upstream": {"upstream", "endpoint", "address_parts", "sentence"},
    "metrics": {"metrics"},
    "logs": {"logs", "metrics"},
    "sessions": {"models", "languages"},
    "replies": {
        "replies",
        "sessions",
        "models",
        "database",
        "protocol",
        "flow_control",
        "upstream",
        "endpoint",
        "metrics",
    },
    "endpoint_probe": {"endpoint", "upstream", "sentence"},
    "authentication": {"replies", "sessions", "models", "protocol", "languages", "sentence"},
    "commands": {"replies", "models", "database", "protocol", "sentence"},
    "admission": {"flow_control", "replies", "sessions", "protocol", "sentence"},
    "frame_writer": {"flow_control", "replies", "sessions", "protocol"},
    "socket_writer": {"frame_writer", "flow_control", "replies", "sessions", "protocol"},
    "streams": {
        "admission",
        "commands",
        "frame_writer",
        "languages",
        "flow_control",
        "replies",
        "sessions",
        "models",
        "database",
        "protocol",
    },
}
WITHOUT_DJANGO = {
    "protocol",
    "upstream",
    "flow_control",
    "endpoint",
    "address_parts",
    "sentence",
}
USE_UPSTREAM = {"upstream", "replies", "endpoint_probe"}
SIDE_BY_SIDE = {"consumers", "api", "views", "admin"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(CHAT.rglob("*.py")):
        top = path.relative_to(CHAT).parts[0].removesuffix(".py")
        if top not in {"tests", "migrations", "__init__"}:
            yield top, path


def imported(path: Path, *, types: bool = True) -> set[str]:
    """Names that a file imports, with their modules, also within functions.

    Without `types`, none that only type annotations need.
    """
    found: set[str] = set()
    nodes: list[ast.AST] = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and not types and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def imports(path: Path) -> set[str]:
    """The parts of chat that a file imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("chat.")}


@pytest.mark.parametrize(
    ("part", "path"), list(modules()), ids=lambda value: getattr(value, "name", value)
)
def test_a_module_imports_only_what_stands_below_it(part: str, path: Path) -> None:
    found = imports(path)
    if part in MAY_IMPORT:
        assert found <= MAY_IMPORT[part]
    if part in SIDE_BY_SIDE:
        assert not found & (SIDE_BY_SIDE - {part})
    assert "upstream" not in found or part in USE_UPSTREAM


def test_other_parts_enter_replies_by_its_front_door() -> None:
    names = {f"chat.replies.{path.stem}" for path in (CHAT / "replies").glob("[!_]*.py")}
    found = {
        f"{path.relative_to(CHAT)}: {name}"
        for part, path in modules()
        for name in imported(path)
        if part != "replies" and any(f"{name}.".startswith(f"{module}.") for module in names)
        if name not in {"chat.replies.process"}  # the process itself, and no module
    }
    assert not found


def test_chat_knows_nothing_of_the_project_but_its_settings() -> None:
    found = {
        f"{path.relative_to(CHAT)}: {name}"
        for _, path in modules()
        for name in imported(path)
        if name.partition(".")[0] in {"chatproject", "launcher"}
    }
    assert not found


def graph() -> dict[str, set[str]]:
    """Every module with the modules that it imports when it runs."""
    root = CHAT.parent
    paths = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for top in ("chat", "chatproject", "launcher")
        for path in (root / top).rglob("*.py")
        if not path.is_relative_to(CHAT / "tests")
    }
    found: dict[str, set[str]] = {}
    for module, path in paths.items():
        names = imported(path, types=False)
        found[module] = {
            name if name in paths else name.rpartition(".")[0] for name in names
        } & paths.keys()
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = graph()
    while free := {module for module, needs in left.items() if not needs & left.keys()}:
        left = {module: needs for module, needs in left.items() if module not in free}
    circle = {module: sorted(needs & left.keys()) for module, needs in left.items()}
    assert not circle


def test_upstream_and_protocol_know_nothing_of_django() -> None:
    for part, path in modules():
        if part in {
            "protocol",
            "upstream",
            "flow_control",
            "endpoint",
            "address_parts",
            "sentence",
        }:
            assert "import django" not in path.read_text()
            assert "from django" not in path.read_text()


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "helpers", "services", "signals", "mixins", "constants"}
    assert not drawers & {path.stem for _, path in modules()}


def test_the_map_names_the_modules_with_rows() -> None:
    text = (CHAT.parent / "docs" / "architecture.md").read_text()
    table = text.partition("`chat/models/` with rows")[2].partition("`chat/models/outcomes.py`")[0]
    rows = {model.__module__ for model in apps.get_app_config("chat").get_models()}
    named = {f"chat.models.{name}" for name in re.findall(r"`chat/models/(\w+)\.py`", table)}
    assert named == {module for module in rows if module.startswith("chat.models.")}


def test_modules_of_models_without_rows_stand_in_folders() -> None:
    rows = {model.__module__ for model in apps.get_app_config("chat").get_models()}
    beside = {path.stem for path in (CHAT / "models").glob("*.py")} - {"__init__", "outcomes"}
    assert beside == {module.rpartition(".")[2] for module in rows if "chat.models" in module}


def test_no_module_is_longer_than_400_lines() -> None:
    every = sources("chatproject", "launcher")
    long = {path.name for path in every if len(path.read_text().splitlines()) > 400}
    assert not long


def test_every_setting_has_its_row_of_right_and_wrong_values() -> None:
    asked = {name for name in settings.env.asked if not name.startswith("ENDPOINT_OPENAI_")}
    missing, left = sorted(asked - set(TABLE)), sorted(set(TABLE) - asked)

    assert not missing, f"chat/tests/setting_values.py needs a row for {', '.join(missing)}"
    assert not left, f"no setting is called {', '.join(left)}: take the rows out"
    for name, row in TABLE.items():
        assert row.right, f"{name}: give at least one right value"
        assert row.wrong or row.anything_goes, f"{name}: give wrong values, or say why none is"


RIDDLES = {"what", "who", "whom", "whose", "whether", "where", "which", "why", "how", "when"}
RIDDLES |= {"those", "so"}
SHARED = {"Meta", "Command"}
"""Names of types that stand more than once: Django's own."""


def classes() -> Iterator[tuple[str, Path, ast.Module | ast.ClassDef]]:
    for _, path in modules():
        tree = ast.parse(path.read_text())
        yield "", path, tree
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield node.name, path, node


def sources(*folders: str) -> list[Path]:
    """The modules of `chat/` and of other folders, without tests and migrations."""
    found = [path for one in folders for path in sorted((CHAT.parent / one).rglob("*.py"))]
    ours = [path for path in found if "node_modules" not in path.parts]
    return [path for _, path in modules()] + ours


def test_docstrings_begin_with_a_noun_or_a_verb() -> None:
    """Docstrings of modules, classes, functions and attributes: any text that stands alone."""
    found = []
    for path in sources("chatproject", "launcher", "bench", "fake_endpoint", "chat/tests"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                words = str(node.value.value).split()
                if words and words[0].lower().strip(",.:") in RIDDLES:
                    found.append(f"{path.name}:{node.lineno}: {' '.join(words[:6])}")
    assert not found


def test_names_say_who_is_notified_and_what_is_reported() -> None:
    """*Tell* and *told* hide both."""
    found = []
    for path in sources("chatproject", "launcher", "bench", "fake_endpoint"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [getattr(node, field, None) for field in ("name", "id", "attr", "arg")]
            for name in names:
                if isinstance(name, str) and {"tell", "tells", "told"} & set(name.split("_")):
                    found.append(f"{path.name}:{getattr(node, 'lineno', 0)}: {name}")
    assert not found


def test_settings_have_one_meaning_in_a_module() -> None:
    """A module with the settings of a conversation calls Django's `server_settings`."""
    found = []
    for path in sources():
        nodes = list(ast.walk(ast.parse(path.read_text())))
        # Names of attributes, arguments, keywords and fields; `from django.conf import settings`.
        other = any(
            "settings" in (getattr(node, "attr", ""), getattr(node, "arg", ""))
            or (isinstance(node, ast.Name) and node.id == "settings" and is_stored(node))
            for node in nodes
        )
        djangos = any(
            isinstance(node, ast.ImportFrom)
            and node.module == "django.conf"
            and any((alias.asname or alias.name) == "settings" for alias in node.names)
            for node in nodes
        )
        if other and djangos:
            found.append(str(path.relative_to(CHAT)))
    assert not found


def is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def test_the_server_knows_no_drafts() -> None:
    """A draft is the unsent text in the composer; the server never sees one."""
    word = re.compile(r"(?<![a-z])drafts?(?![a-z])", re.IGNORECASE)
    assert not [path.name for path in sources("launcher") if word.search(path.read_text())]


def test_no_type_name_stands_twice() -> None:
    seen: dict[str, list[str]] = {}
    for name, path, _ in classes():
        if name and not name.startswith("_"):
            seen.setdefault(name, []).append(path.name)
    assert not {
        name: paths for name, paths in seen.items() if len(paths) > 1 and name not in SHARED
    }


TESTS = CHAT / "tests"
BY_BEHAVIOUR = {"browser", "cluster", "documents", "live", "sdk"}
OF_THE_WHOLE = {
    "structure",
    "quick_starts",
    "on_postgres",
    "reprs",
    "routes",
    "cors",
    "csp",
    "faulty_requests",
}
"""Tests of the whole product, beside this folder's mirror of `chat/`."""


def mirrored() -> Iterator[tuple[Path, Path]]:
    """Each test file outside the folders by behaviour, and the folder with its module."""
    for path in sorted(TESTS.rglob("test_*.py")):
        folder = path.relative_to(TESTS).parent
        if not BY_BEHAVIOUR & set(folder.parts):
            inside = CHAT / folder
            yield path, inside if inside.is_dir() else CHAT.parent / folder


def test_a_test_file_is_named_after_the_module_it_tests() -> None:
    """`models/test_tokens.py` tests `models/tokens.py`; `test_tokens_races.py` an aspect of it."""
    found = []
    for path, folder in mirrored():
        name = path.stem.removeprefix("test_")
        modules = {one.stem for one in folder.glob("*.py")} | {folder.name, "every"}
        modules |= {one.name for one in folder.iterdir() if (one / "__init__.py").exists()}
        whole = path.parent == TESTS and name in OF_THE_WHOLE
        if not whole and not any(name == one or name.startswith(f"{one}_") for one in modules):
            found.append(f"{path.relative_to(TESTS)} names no module of {folder.name}/")
    assert not found


def test_the_map_names_every_module() -> None:
    """Parts of `chat/`, and the modules of its folders with most of the work."""
    text = (CHAT.parent / "docs" / "architecture.md").read_text()
    outside = {"__init__.py", "__pycache__", "locale", "migrations", "tests"}
    parts = [path for path in CHAT.iterdir() if path.name not in outside]
    names = [f"`chat/{path.name}{'/' if path.is_dir() else ''}`" for path in parts]
    for folder in ("replies", "upstream"):
        names += [f"`chat/{folder}/{path.name}`" for path in (CHAT / folder).glob("[!_]*.py")]
    missing = [name for name in names if name not in text]
    for folder in ("attempting", "commands", "reading", "search", "values"):
        row = text.partition(f"| `chat/models/{folder}/` |")[2].partition("\n")[0]
        found = (CHAT / "models" / folder).glob("[!_]*.py")
        missing += [f"{folder}/{path.stem}" for path in found if f"`{path.stem}`" not in row]
    assert not sorted(missing)
