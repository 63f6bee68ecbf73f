"""`surtitle polish` on the command line."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from surtitle.cli.main import main


def test_a_session_that_does_not_exist_is_reported_and_nothing_else(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["polish", "nosuch", "--data-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert done.output == "Error: There is no session 'nosuch': choose one from the service's page /sessions.\n"
