"""What results say about their making."""

from __future__ import annotations

from benchmarks.store import command


def test_folders_of_this_machine_are_left_out_of_the_command() -> None:
    arguments = ["compare", "--model-dir", "base=/x", "--models", "base", "--wlk=/y", "--tree", "../older", "--quick"]
    assert command(arguments) == ["compare", "--models", "base", "--quick"]
