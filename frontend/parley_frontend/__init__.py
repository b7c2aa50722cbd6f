"""The built browser code of Parley, as static files for Django.

`static_dir` holds one directory, `parley/`, with the scripts, styles and the icon. It is made by
the build of this package (`hatch_build.py`), so it is empty in a checkout that was not built.
"""

from pathlib import Path

static_dir = Path(__file__).parent / "static"

catalogues = {
    path.stem: f"parley/catalogues/{path.name}"
    for path in sorted((static_dir / "parley" / "catalogues").glob("*.js"))
}
"""Static files with the page's sentences, by Django's code of the language. English needs none."""

__all__ = ["catalogues", "static_dir"]
