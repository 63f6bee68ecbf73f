"""Publishing audio from the command line, with its captions in the terminal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from surtitle.cli.options import explain_refusal
from surtitle.core.errors import SurtitleError

if TYPE_CHECKING:
    from rich.live import Live

    from surtitle.ingest.ingest import Ingest
    from surtitle.ingest.media_input import OpenInput


def show_message(live: Live, message: dict[str, Any]) -> None:
    """Show a message of the service: a caption's committed words bright, tentative ones dim.

    Raises `click.ClickException` for an error.
    """
    from rich.text import Text

    if message["type"] == "error":
        raise click.ClickException(explain_refusal(message["code"], message["message"]))
    if message["type"] == "status":
        live.console.print(Text(message["notice"], style="yellow"))
    elif message["type"] == "partial":
        line = Text(message["text"], style="bold")
        line.stylize("dim not bold", message["stable"])
        live.update(line)
    elif message["type"] == "final":
        live.update("")
        live.console.print(Text(message["text"], style="bold"))


async def publish_input(
    url: str, channel: str, options: dict[str, Any], label: str, open_input: OpenInput, *, listens: bool = False
) -> None:
    """Publish an input to the service at ``url`` until it ends, and show its captions and its state.

    ``options`` are added to the start message. Raises `click.ClickException`.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from surtitle.ingest.ingest import Ingest
    from surtitle.ingest.media_input import IngestError
    from surtitle.ingest.publish_sink import PublishError, PublishSink

    logging.getLogger("surtitle.ingest").setLevel(logging.WARNING)  # its states are shown here
    console = Console(stderr=True)
    with Live(console=console, transient=True) as live:

        def say(sentence: str) -> None:
            if sentence:
                live.console.print(Text(sentence, style="dim"))

        address = f"{url.rstrip('/').replace('http', 'ws', 1)}/api/channels/{quote(channel, safe='')}/audio"
        sink = PublishSink(address, options, lambda message: show_message(live, message), once_each(say))
        ingest = Ingest(label, open_input, sink, listens=listens, persistent=False)
        ingest.on_change = _announcer(ingest, once_each(say))
        ingest.on_change()
        try:
            await ingest.run()
        except PublishError as error:
            raise click.ClickException(explain_refusal(error.refusal, error.message)) from error
        except (IngestError, SurtitleError) as error:
            raise click.ClickException(str(error)) from error


def once_each(say: Callable[[str], None]) -> Callable[[str], None]:
    """Like ``say``, but without repeating the last sentence."""
    last = ""

    def say_new(sentence: str) -> None:
        nonlocal last
        if sentence != last:
            last = sentence
            say(sentence)

    return say_new


def _announcer(ingest: Ingest, say: Callable[[str], None]) -> Callable[[], None]:
    return lambda: say(ingest.status.message)


def run(work: Any) -> None:
    """Run until the work ends, or quietly until Ctrl-C."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
