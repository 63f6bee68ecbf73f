"""The command `surtitle ingest`: caption a stream, a file or standard input."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surtitle.cli.options import DEFAULT_URL, language_option, token_option
from surtitle.core.errors import SurtitleError

if TYPE_CHECKING:
    from surtitle.ingest.media_input import OpenInput


@click.command()
@click.argument("source", metavar="URL|FILE|-")
@click.option("--channel", default="main", show_default=True, help="The channel that shows the captions.")
@click.option("--name", help="The name of the source, which readers see.")
@language_option
@click.option("--listen", is_flag=True, help="Wait at an rtmp or srt URL for an encoder, instead of connecting to it.")
@click.option(
    "--raw",
    type=click.IntRange(8_000, 192_000),
    metavar="RATE",
    help="Standard input is raw samples of this rate in Hz: 16 bit, little-endian, one channel.",
)
@click.option("--url", default=DEFAULT_URL, show_default=True, help="The address of the service.")
@token_option("publish")
def ingest(
    source: str,
    channel: str,
    name: str | None,
    language: str,
    listen: bool,
    raw: int | None,
    url: str,
    token: str | None,
) -> None:
    """Caption a stream, a file, or standard input (-) in a channel of the running service.

    Streams have URLs that begin with rtmp, rtmps, rtsp, http, https (also HLS), udp, rtp or srt. A stream that breaks
    is opened again, and its source continues. With --listen, or ?listen at the end of an rtmp URL, an encoder such as
    OBS sends to this computer: surtitle ingest --listen rtmp://127.0.0.1:1935/live/talk
    """
    from surtitle.cli.publishing import publish_input, run
    from surtitle.core import logs

    label, listens, open_input = _find_input(source, listen=listen, raw=raw)
    logs.configure(verbose=False)
    options: dict[str, Any] = {"source": name or "stream", "lang": language}
    if token:
        options["token"] = token
    if language == "auto":
        del options["lang"]
    run(publish_input(url, channel, options, label, open_input, listens=listens))


def _find_input(source: str, *, listen: bool, raw: int | None) -> tuple[str, bool, OpenInput]:
    """How to call the input, whether it is sent to this computer, and how to open it. Raises `click.UsageError`."""
    from surtitle.ingest.address import parse_address
    from surtitle.ingest.media_input import open_file, open_pipe, open_stream

    if source == "-":
        return "standard input", False, partial(open_pipe, sys.stdin.buffer, raw)
    if raw is not None:
        raise click.UsageError("--raw is for standard input: give - instead of a URL.")
    if "://" in source:
        try:
            address = parse_address(source, listen=listen)
        except SurtitleError as error:
            raise click.UsageError(error.message) from error
        return address.label, address.listens, partial(open_stream, address, True)
    if not Path(source).is_file():
        raise click.UsageError(f"There is no file {source!r}: give its name, or a URL such as rtsp://camera/stream.")
    return Path(source).name, False, partial(open_file, source)
