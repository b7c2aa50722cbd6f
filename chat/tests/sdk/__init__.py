"""OpenAI's SDK for Node, with the Node of the PyPI wheel: what the tests try on Parley.

`python -m chat.tests.sdk` installs it beside this file; tests that need it do so too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"


def _node() -> Any:
    """`frontend/node.py`, which is no part of a package."""
    path = HERE.parents[2] / "frontend" / "node.py"
    spec = importlib.util.spec_from_file_location("parley_node", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install() -> tuple[str, Path]:
    """The Node and the `node_modules` with the SDK, installed where its lock file has changed."""
    stamp = MODULES / ".installed"
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    node = _node()
    if not stamp.exists() or stamp.read_text() != lock:
        node.install(HERE)
        stamp.write_text(lock)
    program = Path(node.node_environment()["PATH"].partition(os.pathsep)[0]) / "node"
    return str(program), MODULES
