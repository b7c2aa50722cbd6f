"""The build of the page, as a step of building the Python package.

Works in a directory of its own, so that a checkout's node_modules is neither needed nor touched
and two builds at once do not meet. Only the built files come back.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = (
    "package.json",
    "package-lock.json",
    "build.js",
    "catalogues.js",
    "src",
    "css",
    "icons",
    "locale",
)


class CustomBuildHook(BuildHookInterface[Any]):
    """Installs the npm packages and runs esbuild before the wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build into parley_frontend/static. An sdist carries the sources only."""
        del version, build_data
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        try:
            import node
        finally:
            sys.path.remove(str(root))
        with tempfile.TemporaryDirectory(prefix="parley-frontend-") as name:
            work = Path(name)
            for source in SOURCES:
                if (root / source).is_dir():
                    shutil.copytree(root / source, work / source)
                else:
                    shutil.copy2(root / source, work / source)
            node.install(work, tools=False)
            node.npm("run", "--silent", "build", cwd=work)
            built = root / "parley_frontend" / "static"
            shutil.rmtree(built, ignore_errors=True)
            shutil.copytree(work / "parley_frontend" / "static", built)
