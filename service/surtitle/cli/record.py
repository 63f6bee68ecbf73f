"""The command `surtitle record`: record a channel of the running service."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from functools import partial
from typing import Any
from urllib.parse import quote

import click

from surtitle.cli.options import DEFAULT_URL, explain_refusal, token_option
from surtitle.core.clock import format_clock

_POLL_INTERVAL = 0.5  # seconds
_TIMEOUT = 15.0  # seconds: closing a file on a slow disk can take a while


@click.command()
@click.option("--channel", default="main", show_default=True, help="The channel to record, with all its sources.")
@click.option("--url", default=DEFAULT_URL, show_default=True, help="The address of the service.")
@token_option("admin")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop after this many seconds.")
def record(channel: str, url: str, token: str | None, seconds: float | None) -> None:
    """Record a channel of the running service until Ctrl-C.

    The service writes the files. They form a session together with the captions, listed at URL/sessions.
    """
    from rich.console import Console
    from rich.live import Live

    address = f"{url.rstrip('/')}/api/channels/{quote(channel, safe='')}"
    console = Console(stderr=True)
    request = partial(_request, token)
    request(f"{address}/recording", "POST")
    console.print(f"Recording the channel {channel}. Press Ctrl-C to stop.")
    started = time.monotonic()
    seen: dict[str, Any] = {"files": []}  # while a source was recorded
    try:
        with Live(console=console, transient=True) as live:
            while seconds is None or time.monotonic() - started < seconds:
                state = request(address)
                if state["recording"]["files"] or not seen["files"]:
                    seen = state["recording"]
                live.update(_line(state, seen))
                if state["recording"]["problem"]:
                    break
                time.sleep(_POLL_INTERVAL)
    except KeyboardInterrupt:
        pass
    problem = request(f"{address}/recording")["problem"]
    ended = request(f"{address}/recording", "DELETE")["ended"]
    for file in ended:
        click.echo(f"{file['path']}  {format_clock(file['seconds'])}")
    for session in dict.fromkeys(file["session"] for file in ended):
        click.echo(f"Session {session}: {url.rstrip('/')}/sessions/{quote(session)}")
    if problem:
        raise click.ClickException(problem)
    if not ended:
        click.echo(f"Nothing was recorded: no source sent audio to the channel {channel}.", err=True)


def _line(state: dict[str, Any], recording: dict[str, Any]) -> str:
    """The sources, and how much is recorded: what was recorded last, if no source is there any more."""
    sources = "  ".join(f"{source['name']} {_bar(source['level'])}" for source in state["sources"])
    lost = f"  {recording['lost']:.0f} s lost" if recording["lost"] else ""
    sources = sources or ("no source now" if recording["files"] else "no source yet")
    return f"● {format_clock(recording['seconds'])}  {recording['bytes'] / 1e6:.1f} MB{lost}  {sources}"


def _bar(level: float) -> str:
    """A level from -60 to 0 dBFS as ten blocks."""
    full = max(0, min(10, round((level + 60) / 6)))
    return "█" * full + "░" * (10 - full)


def _request(token: str | None, address: str, method: str = "GET") -> Any:
    """Send a request and return its JSON answer. Raises `click.ClickException`."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with direct.open(urllib.request.Request(address, method=method, headers=headers), timeout=_TIMEOUT) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            refusal = json.load(error)
            message = explain_refusal(refusal["code"], refusal["message"])
        except (ValueError, KeyError):
            message = f"The service answered with status {error.code} at {address}: check --url."
        raise click.ClickException(message) from error
    except OSError as error:
        service = address.partition("/api/")[0]
        raise click.ClickException(
            f"No service answers at {service}: start it with `surtitle serve`, or give its address with --url."
        ) from error
