"""Pack the extension for the Web Store: `python scripts/extension_zip.py` makes dist/surtitle-extension-VERSION.zip.

The same files always make the same bytes. The manifest's key, which gives an unpacked extension its id, is left out:
the store gives its own.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

EXTENSION = Path(__file__).parents[1] / "chrome-extension"
DIST = EXTENSION.parent / "dist"
DEVELOPMENT = (".d.ts", "tsconfig.json")
"""How the names of files end that only the type checker reads; they are not packed."""


def pack(folder: Path) -> Path:
    """Write the zip into a folder, and return its path."""
    manifest = json.loads((EXTENSION / "manifest.json").read_text(encoding="utf-8"))
    manifest.pop("key")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"surtitle-extension-{manifest['version']}.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(one for one in EXTENSION.rglob("*") if one.is_file() and not one.name.endswith(DEVELOPMENT)):
            data = file.read_bytes()
            if file.name == "manifest.json":
                data = json.dumps(manifest, indent=2).encode()
            entry = zipfile.ZipInfo(file.relative_to(EXTENSION).as_posix(), date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, data)
    return path


if __name__ == "__main__":
    print(pack(DIST), file=sys.stderr)
