"""Draw the extension's icons from icons/icon.svg, with Chromium: `python scripts/extension_icons.py`."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ICONS = Path(__file__).parents[1] / "chrome-extension" / "icons"


def main() -> None:
    drawing = (ICONS / "icon.svg").read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for size in (16, 32, 48, 128):
            page = browser.new_page(viewport={"width": size, "height": size})
            # The store asks for a picture of 96 in 128; the toolbar's small ones need every pixel.
            inner = 96 if size == 128 else size
            style = f"margin:{(size - inner) // 2}px;width:{inner}px;height:{inner}px"
            page.set_content(f"<body style='margin:0'>{drawing.replace('<svg ', f'<svg style={style!r} ')}")
            page.screenshot(path=ICONS / f"{size}.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    main()
