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
    words = re.findall(r"`([^`\s]+)`", _without_code_blocks(document))
    names = {word for word in words if re.match(rf"(?:{OWN_FOLDERS})/|[\w./*-]+\.(?:css|html|js|po|py|ts)$", word)}
    missing = [
        name
        for name in sorted(names)
        if not name.startswith(CACHE) and not any(fnmatch(file, f"*/{name.rstrip('/')}") for file in FILES)
    ]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings_that_exist(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if re.match(r"https?:|mailto:", link):
            continue
        name, _, heading = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        if heading and target.suffix == ".md":
            assert heading in _headings(target), link


def _without_code_blocks(document: Path) -> str:
    return re.sub(r"^ *```.*?^ *```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def _headings(document: Path) -> set[str]:
    """The headings as GitHub names them in links."""
    text = _without_code_blocks(document)
    plain = (
        re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    )
    return {re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-") for heading in plain}
