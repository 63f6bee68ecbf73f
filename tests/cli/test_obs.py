"""`surtitle obs`: where the script for OBS is."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from surtitle.cli.main import main
from tests.obs.bed import LUA_SCRIPT


def test_the_script_is_saved_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "surtitle.lua"
    for hint in (False, True):
        result = CliRunner().invoke(main, ["obs", "--folder", str(path.parent)])
        assert result.exit_code == 0, result.output
        assert result.output.splitlines()[0] == f"The script for OBS is {path}"
        assert "Tools → Scripts, press +" in result.output
        assert ("OBS has it already" in result.output) == hint
        assert path.read_bytes() == LUA_SCRIPT.read_bytes()
        path.write_text("an older one")
    assert list(path.parent.iterdir()) == [path]


def test_the_script_is_printed() -> None:
    assert CliRunner().invoke(main, ["obs", "--print"]).stdout_bytes == LUA_SCRIPT.read_bytes()


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(main, ["obs", "--folder", str(tmp_path / "file" / "folder")])
    assert result.exit_code == 1
    assert "choose another folder with --folder" in result.output
