"""The command line's `record`: records a channel of the service that runs."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from functools import partial
from typing import Any
from urllib.parse import quote

import click

_POLL_INTERVAL = 0.5  # seconds
_TIMEOUT = 15.0  # seconds: a disk may take a while to close a file


@click.command()
@click.option("--channel", default="main", show_default=True, help="What to record: all its sources.")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Where the service is.")
@click.option("--token", envvar="SURTITLE_TOKEN", help="With the scope admin, where the service needs one.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop by itself after so long.")
def record(channel: str, url: str, token: str | None, seconds: float | None) -> None:
    """Record a channel of the running service until Ctrl-C.

    The service writes the files. They and the captions are a session, to be found at URL/sessions.
    """
    from rich.console import Console
    from rich.live import Live

    address = f"{url.rstrip('/')}/api/channels/{quote(channel, safe='')}"
    console = Console(stderr=True)
    ask = partial(_ask, token)
    ask(f"{address}/recording", "POST")
    console.print(f"Recording the channel {channel}. Ctrl-C stops it.")
    began = time.monotonic()
    try:
        with Live(console=console, transient=True) as live:
            while seconds is None or time.monotonic() - began < seconds:
                state = ask(address)
                live.update(_line(state))
                if state["recording"]["problem"]:
                    break
                time.sleep(_POLL_INTERVAL)
    except KeyboardInterrupt:
        pass
    problem = ask(f"{address}/recording")["problem"]
    ended = ask(f"{address}/recording", "DELETE")["ended"]
    for one in ended:
        click.echo(f"{one['path']}  {_clock(one['seconds'])}")
    for session in dict.fromkeys(one["session"] for one in ended):
        click.echo(f"Session {session}: {url.rstrip('/')}/sessions/{quote(session)}")
    if problem:
        raise click.ClickException(problem)
    if not ended:
        click.echo(f"Nothing was recorded: no source sent audio to the channel {channel}.", err=True)


def _line(state: dict[str, Any]) -> str:
    recording = state["recording"]
    sources = "  ".join(f"{source['name']} {_bar(source['level'])}" for source in state["sources"])
    lost = f"  {recording['lost']:.0f} s lost" if recording["lost"] else ""
    return f"● {_clock(recording['seconds'])}  {recording['bytes'] / 1e6:.1f} MB{lost}  {sources or 'no source yet'}"


def _bar(level: float) -> str:
    """A level of -60 to 0 dBFS as ten blocks."""
    full = max(0, min(10, round((level + 60) / 6)))
    return "█" * full + "░" * (10 - full)


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


def _ask(token: str | None, address: str, method: str = "GET") -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with direct.open(urllib.request.Request(address, method=method, headers=headers), timeout=_TIMEOUT) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            message = json.load(error)["message"]
        except (ValueError, KeyError):
            message = f"The service answers {error.code} at {address}."
        raise click.ClickException(message) from error
    except OSError as error:
        place = address.partition("/api/")[0]
        raise click.ClickException(
            f"No service answers at {place}: start it with `surtitle serve`, or say where it is with --url."
        ) from error
