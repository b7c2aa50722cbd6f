"""The commit that today's figures are compared with, out of the repository's own history."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from bench.servers import ROOT

COMMIT = "d854c16"


def checkout(folder: Path) -> Path | None:
    """That commit's tree below `folder`, or None where there is no such commit here."""
    command = ["git", "archive", "--format=tar", COMMIT]
    try:
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    except (subprocess.CalledProcessError, OSError):
        return None
    tree = folder / COMMIT
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(tree, filter="data")
    return tree
