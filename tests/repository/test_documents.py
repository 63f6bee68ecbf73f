"""The files and folders that documents name exist in the repository."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.repository.test_github import OWN_FOLDERS

ROOT = Path(__file__).parents[2]
FOLDERS = [".", "benchmarks", "docs", "obs_overlay"]
DOCUMENTS = sorted(document for folder in FOLDERS for document in (ROOT / folder).glob("*.md"))
FILES = [  # each begins with a slash
    "/" + path.relative_to(ROOT).as_posix()
    for pattern in ("*", *(f"{folder}/**/*" for folder in OWN_FOLDERS.split("|")))
    for path in ROOT.glob(pattern)
]
CACHE = "benchmarks/.cache"  # written by the benchmarks


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_files_that_a_document_names_exist(document: Path) -> None:
    """A name may leave out the folders before it: `stream.py` is `service/surtitle/speech/whisper/stream.py`."""
    text = re.sub(r"^ *```.*?^ *```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    words = re.findall(r"`([^`\s]+)`", text)
    names = {word for word in words if re.match(rf"(?:{OWN_FOLDERS})/|[\w./*-]+\.(?:css|html|js|po|py|ts)$", word)}
    missing = [
        name
        for name in sorted(names)
        if not name.startswith(CACHE) and not any(fnmatch(file, f"*/{name.rstrip('/')}") for file in FILES)
    ]
    assert not missing
