"""The built browser code of Parley, as static files for Django.

`static_dir` holds one directory, `parley/`, with the scripts, styles and the icon. It is made by
the build of this package (`hatch_build.py`), so it is empty in a checkout that was not built.
"""

from pathlib import Path

static_dir = Path(__file__).parent / "static"

__all__ = ["static_dir"]
