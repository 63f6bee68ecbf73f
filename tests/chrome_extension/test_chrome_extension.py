"""The extension without a browser window: its manifest, permissions and texts, and the zip for the Web Store."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.extension_zip import DEVELOPMENT, EXTENSION, FIREFOX, pack, packed_files
from surtitle import __version__
from surtitle.core.settings import Settings
from surtitle.desktop.app import PORTS
from tests.support import need


def run(*command: str | Path) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_chromium_takes_it(tmp_path: Path) -> None:
    """Chromium's packer refuses what is wrong in a manifest or its files."""
    shutil.copytree(EXTENSION, tmp_path / "extension")
    run(
        need("chromium"), "--no-sandbox", "--headless=new", f"--user-data-dir={tmp_path / 'profile'}",
        f"--pack-extension={tmp_path / 'extension'}",
    )  # fmt: skip
    assert (tmp_path / "extension.crx").exists()


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXTENSION / "manifest.json").read_text())
    return found


def test_it_asks_for_no_more_than_it_uses() -> None:
    found = manifest()
    assert found["version"] == __version__
    assert not {"host_permissions", "optional_host_permissions", "content_scripts", "web_accessible_resources"} & set(
        found
    )
    source = "".join(path.read_text() for path in EXTENSION.rglob("*.js"))
    used = set(re.findall(r"chrome\.(\w+)\s*\.", source))
    free = {"action", "commands", "i18n", "runtime", "tabs"}  # need no permission
    assert used - free == set(found["permissions"]) - {"activeTab"}


def test_it_looks_for_the_program_at_all_ports_that_the_program_takes() -> None:
    source = (EXTENSION / "shared" / "find-service.js").read_text()
    (listed,) = re.findall(r"\[([\d, ]+)\]\.map", source)
    first = Settings().port
    assert [int(port) for port in listed.split(",")] == [*range(first + 1, first + PORTS)]


def test_nothing_comes_from_elsewhere() -> None:
    policy = manifest()["content_security_policy"]["extension_pages"]
    assert "script-src 'self';" in policy
    for path in (*EXTENSION.rglob("*.js"), *EXTENSION.rglob("*.html"), *EXTENSION.rglob("*.css")):
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            path
        )
        assert not re.search(r"(src|href)=\"(https?:)?//|@import +[\"u]|url\(", text), path


def test_every_text_is_there_and_used() -> None:
    texts: dict[str, Any] = json.loads((EXTENSION / "_locales" / "en" / "messages.json").read_text())
    source = "".join(path.read_text() for form in ("js", "html", "json") for path in EXTENSION.rglob(f"*.{form}"))
    used = set(re.findall(r"data-(?:text|label)=\"(\w+)\"", source))
    used |= set(re.findall(r"__MSG_(\w+)__", source)) | set(re.findall(r"(?:\btext|getMessage)\(\"(\w+)\"", source))
    assert used <= set(texts)
    for key in set(texts) - used:
        prefix = key.split("_")[0]
        assert f'"{key}"' in source.replace(f'"{key}": {{', "") or f"`{prefix}_${{" in source, key


def test_every_language_says_everything() -> None:
    texts = {path.parent.name: json.loads(path.read_text()) for path in EXTENSION.glob("_locales/*/messages.json")}
    assert {"en", "de", "es", "fr"} <= set(texts)
    for language, said in texts.items():
        assert list(said) == list(texts["en"]), language
        for key, text in said.items():
            assert text.get("placeholders") == texts["en"][key].get("placeholders"), (language, key)
            assert all(f"${name.upper()}$" in text["message"] for name in text.get("placeholders", {})), (language, key)


def test_the_zip_for_the_store(tmp_path: Path) -> None:
    first, second = pack(tmp_path / "one"), pack(tmp_path / "two")
    assert first.read_bytes() == second.read_bytes()
    names, packed_manifest = unpack(first)
    assert packed_manifest == {key: value for key, value in manifest().items() if key != "key"}
    files = [path.relative_to(EXTENSION).as_posix() for path in EXTENSION.rglob("*") if path.is_file()]
    assert sorted(names) == sorted(name for name in files if not name.endswith(DEVELOPMENT) and FIREFOX not in name)
    assert {f"icons/{size}.png" for size in (16, 32, 48, 128)} <= set(names)
    assert not any(
        name.startswith((".", "node_modules")) or name.endswith((".map", ".ts", "tsconfig.json")) for name in names
    )


def test_the_zip_for_firefox(tmp_path: Path) -> None:
    """It asks for nothing that Firefox does not have, and all that it loads is there."""
    path = pack(tmp_path, firefox=True)
    names, packed_manifest = unpack(path)
    assert path.name == f"surtitle-extension-{__version__}-firefox.zip"
    assert set(packed_manifest["permissions"]) == set(manifest()["permissions"]) - {"offscreen", "tabCapture"}
    assert "key" not in packed_manifest
    assert "minimum_chrome_version" not in packed_manifest
    assert packed_manifest["background"] == {"scripts": ["firefox/background.js"], "type": "module"}
    used: set[str] = set()
    for name in names:
        if name.endswith(".js"):
            used |= set(re.findall(r"chrome\.(\w+)\s*\.", (EXTENSION / name).read_text()))
    assert not {"offscreen", "tabCapture"} & used


@pytest.mark.parametrize("firefox", [False, True])
def test_every_packed_page_and_module_finds_what_it_loads(firefox: bool) -> None:
    names = set(packed_files(firefox=firefox))
    for name in names:
        if not name.endswith((".js", ".html")):
            continue
        text = (EXTENSION / name).read_text()
        loaded = re.findall(r"^(?:import|export) .*from \"(.+)\";$|(?:src|href)=\"(.+?)\"", text, re.MULTILINE)
        for path in filter(None, (path for pair in loaded for path in pair)):
            assert (EXTENSION / name).parent.joinpath(path).resolve().relative_to(EXTENSION).as_posix() in names, name


def unpack(path: Path) -> tuple[list[str], dict[str, Any]]:
    """The names of an archive's files, and its manifest."""
    with zipfile.ZipFile(path) as packed:
        return packed.namelist(), json.loads(packed.read("manifest.json"))
