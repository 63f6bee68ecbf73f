"""The browser for pages."""

from __future__ import annotations

import shutil

from tests.support import need


def find_chromium() -> str:
    """The path of Chromium's headless shell, or else of Chromium, which takes twice the processor time for a page."""
    return shutil.which("chromium-headless-shell") or need("chromium")
