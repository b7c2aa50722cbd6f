"""Clients of OpenAI's API that the tests try on Parley, in environments of their own.

For Node with the Node of the PyPI wheel, beside this file. For Python in `.venv-clients/`, one
environment for each set of clients that agree on their dependencies. `python -m chat.tests.sdk`
installs those for Node, and with `--python` the others, too; tests that need one do so themselves.
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
ROOT = HERE.parents[2]
MODULES = HERE / "node_modules"
PINS = {
    "common": ROOT / "requirements-clients.txt",
    "llama-index": ROOT / "requirements-clients-llama-index.txt",
}
"""Files of pins of the environments."""


def _node() -> Any:
    """`frontend/node.py`, which is no part of a package."""
    path = ROOT / "frontend" / "node.py"
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


def install_python(name: str) -> str:
    """The Python of an environment of clients, installed where its pins changed."""
    folder = ROOT / ".venv-clients" / name
    stamp = folder / ".installed"
    pins = hashlib.sha256(PINS[name].read_bytes()).hexdigest()
    program = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not stamp.exists() or stamp.read_text() != pins:
        uv = [sys.executable, "-m", "uv", "--quiet", "--no-config"]
        subprocess.run(
            [*uv, "venv", "--clear", "--python", sys.executable, str(folder)], check=True
        )
        sync = ["pip", "sync", "--python", str(program), str(PINS[name])]
        subprocess.run([*uv, *sync], check=True)
        stamp.write_text(pins)
    return str(program)
