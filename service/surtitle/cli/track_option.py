"""The option `--track`."""

from __future__ import annotations

import click

ALL = "all"


class TrackOption(click.ParamType[str]):
    """A track's number, or "all"."""

    name = "track"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value != ALL and not (value.isascii() and value.isdigit() and int(value)):
            self.fail(f"{value!r} is not a track: give its number, from 1, or {ALL}.", param, ctx)
        return value


track_option = click.option(
    "--track",
    type=TrackOption(),
    metavar="N|all",
    help="The audio track of files with several: its number, or all, each as a speaker of its own. By default the one "
    "with the most speech.",
)
