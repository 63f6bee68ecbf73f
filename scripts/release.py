"""What a release needs.

`python scripts/release.py check 1.2.3` compares the versions in all files with that of the tag.
`python scripts/release.py notes 1.2.3` prints what the changelog says about it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_USAGE = "Usage: python scripts/release.py check|notes VERSION"


def versions(root: Path) -> dict[str, str]:
    """The version that each file names."""
    package = (root / "service" / "surtitle" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', package, re.MULTILINE)
    manifest = json.loads((root / "chrome-extension" / "manifest.json").read_text(encoding="utf-8"))
    return {
        "service/surtitle/__init__.py": found[1] if found else "none",
        "chrome-extension/manifest.json": manifest["version"],
    }


def notes(root: Path, version: str) -> str:
    """What CHANGELOG.md says about a version; empty if nothing."""
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |^\[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def problems(root: Path, version: str) -> list[str]:
    """What keeps a version from being released, in sentences."""
    wrong = [
        f"{file} has version {found}: change it to {version}"
        for file, found in versions(root).items()
        if found != version
    ]
    if not notes(root, version):
        wrong.append(f"CHANGELOG.md has no section [{version}]: rename [Unreleased], and give it the date")
    return wrong


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] not in ("check", "notes"):
        print(_USAGE, file=sys.stderr)
        return 2
    command, version = arguments
    if command == "notes":
        print(notes(ROOT, version))
        return 0
    wrong = problems(ROOT, version)
    print("\n".join(wrong) or f"{version} can be released.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
