"""Pack the extension for the browsers' stores: `python scripts/extension_zip.py` makes
dist/surtitle-extension-VERSION.zip and, for Firefox, dist/surtitle-extension-VERSION-firefox.zip.

The same files always make the same bytes. The manifest's key, which gives an unpacked extension its id, is left out:
the store gives its own. Firefox has a manifest of its own (chrome-extension/firefox/manifest-changes.json), and gets no
file that captures sound, which it does not allow.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

EXTENSION = Path(__file__).parents[1] / "chrome-extension"
DIST = EXTENSION.parent / "dist"
DEVELOPMENT = (".d.ts", "tsconfig.json", "manifest-changes.json")
"""How the names of files end that are not packed: only the type checker and this script read them."""
FIREFOX = "firefox/"
"""The folder that only Firefox gets."""
CAPTURING = (
    "background/offscreen-page.js",
    "background/worker.js",
    "capture/capture.js",
    "capture/publisher.js",
    "capture/source.js",
    "capture/worklet/",
    "offscreen/",
    "permission/",
)
"""Files and folders that only browsers get that let extensions capture tabs."""


def pack(folder: Path, *, firefox: bool = False) -> Path:
    """Write the archive for Chromium's browsers, or for Firefox, into a folder. Returns its path."""
    manifest = build_manifest(firefox=firefox)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"surtitle-extension-{manifest['version']}{'-firefox' if firefox else ''}.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name in packed_files(firefox=firefox):
            data = (EXTENSION / name).read_bytes()
            if name == "manifest.json":
                data = json.dumps(manifest, indent=2).encode()
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, data)
    return path


def build_manifest(*, firefox: bool) -> dict[str, Any]:
    """The manifest as it is packed."""
    manifest: dict[str, Any] = json.loads((EXTENSION / "manifest.json").read_text(encoding="utf-8"))
    del manifest["key"]
    if firefox:
        changes = (EXTENSION / FIREFOX / "manifest-changes.json").read_text(encoding="utf-8")
        _merge(manifest, json.loads(changes))
    return manifest


def packed_files(*, firefox: bool) -> list[str]:
    """The files of the extension as paths below its folder, sorted."""
    files = sorted(path for path in EXTENSION.rglob("*") if path.is_file() and not path.name.endswith(DEVELOPMENT))
    left_out = CAPTURING if firefox else (FIREFOX,)
    names = [path.relative_to(EXTENSION).as_posix() for path in files]
    return [name for name in names if not name.startswith(left_out)]


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """Apply a JSON merge patch (RFC 7396) in place: null removes a member."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


if __name__ == "__main__":
    for for_firefox in (False, True):
        print(pack(DIST, firefox=for_firefox), file=sys.stderr)
