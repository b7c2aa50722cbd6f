"""Clients of OpenAI's API that the tests try on Parley, in environments of their own.

For Node with the Node of the PyPI wheel, for Python apart from what Parley needs itself.
`python -m chat.tests.sdk` installs both, beside this file and in the virtual environment; tests
that need one do so too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
PYTHON = Path(sys.prefix) / "clients"
PINS = HERE.parents[2] / "requirements-clients.txt"


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
    """The Node and the `node_modules` with the clients, installed where the lock file changed."""
    stamp = MODULES / ".installed"
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    node = _node()
    if not stamp.exists() or stamp.read_text() != lock:
        node.install(HERE)
        stamp.write_text(lock)
    program = Path(node.node_environment()["PATH"].partition(os.pathsep)[0]) / "node"
    return str(program), MODULES


def install_python() -> str:
    """The Python that has the clients, installed where their pins changed."""
    stamp = PYTHON / ".installed"
    pins = hashlib.sha256(PINS.read_bytes()).hexdigest()
    program = PYTHON / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not stamp.exists() or stamp.read_text() != pins:
        uv = [sys.executable, "-m", "uv", "--quiet", "--no-config"]
        subprocess.run(
            [*uv, "venv", "--clear", "--python", sys.executable, str(PYTHON)], check=True
        )
        sync = ["pip", "sync", "--python", str(program), str(PINS)]
        subprocess.run([*uv, *sync], check=True)
        stamp.write_text(pins)
    return str(program)
