"""The service that a command publishes to: the one that runs, or else one in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from surtitle.core.errors import SurtitleError
from surtitle.core.probe import is_running
from surtitle.core.settings import Settings

if TYPE_CHECKING:
    from surtitle.web.server import Server


@asynccontextmanager
async def service_at(settings: Settings) -> AsyncIterator[bool]:
    """Make sure that a service runs at the address of the settings for as long as the block runs.

    Starts one if none does, and yields whether it did. Raises `click.ClickException`.
    """
    if await asyncio.to_thread(is_running, settings.url):
        yield False
        return
    server = build_server(settings)
    serving = asyncio.create_task(server.serve())
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield True
    finally:
        ready.cancel()
        server.should_exit = True
        await serving


def build_server(settings: Settings) -> Server:
    """A server with these settings. Raises `click.ClickException`."""
    from surtitle.web.server import Server

    try:
        return Server(settings)
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
