"""Draw the icons of the installed app from `css/icon.svg`: `python frontend/icons/draw.py`.

Needs the browser of the tests (`make test` finds one). The drawn files are committed: a build has
nothing to draw them with.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "css" / "icon.svg"
BROWSER = HERE.parents[1] / ".venv" / "browser"

# File, pixels, and whether the platform cuts the icon itself: then it fills its square, and what
# matters is within the inner four fifths.
ICONS = (
    ("icon-192.png", 192, False),
    ("icon-512.png", 512, False),
    ("icon-maskable-512.png", 512, True),
    ("apple-touch-icon.png", 180, True),
)


def filling(svg: str) -> str:
    """The icon without round corners, and smaller on its ground."""
    ground, drawing = re.split(
        r"(?<=/>)", svg.partition(">")[2].removesuffix("</svg>\n"), maxsplit=1
    )
    ground = re.sub(r' rx="\d+"', "", ground)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'{ground}<g transform="translate(3.2 3.2) scale(0.8)">{drawing}</g></svg>'
    )


def draw() -> None:
    svg = SOURCE.read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER.read_text(), args=["--no-sandbox", "--disable-gpu"]
        )
        for file, size, is_cut in ICONS:
            page = browser.new_page(viewport={"width": size, "height": size})
            drawing = filling(svg) if is_cut else svg
            page.set_content(
                "<style>body{margin:0}svg{display:block;width:100vw;height:100vh}</style>" + drawing
            )
            page.screenshot(path=HERE / file, omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    draw()
