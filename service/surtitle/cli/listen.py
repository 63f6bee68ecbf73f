"""The command `surtitle listen`: caption the microphone, or what this computer plays."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from surtitle.cli.options import engine_option, host_option, language_option, name_models, port_option, token_option
from surtitle.core.settings import Settings


@click.command()
@click.option("--list", "only_list", is_flag=True, help="List the devices that can be listened to, and exit.")
@click.option("--device", metavar="NAME", help="The device, by its id or a part of its name.")
@click.option("--playback", is_flag=True, help="Caption what this computer plays, instead of the microphone.")
@click.option("--channel", default="main", show_default=True, help="The channel that shows the captions.")
@click.option("--name", help="The name of the source, which readers see.")
@language_option
@token_option("publish")
@click.option("--url", help="The address of a service on another computer, instead of HOST and PORT.")
@host_option()
@port_option()
@engine_option("The speech recognizer, if no service runs yet.")
@click.option("--model", metavar="NAME|DIR", help="A model, if no service runs yet.")
def listen(
    only_list: bool,
    device: str | None,
    playback: bool,
    channel: str,
    name: str | None,
    language: str,
    token: str | None,
    url: str | None,
    host: str,
    port: int,
    engine: str,
    model: str | None,
) -> None:
    """Caption the microphone, or what this computer plays, until Ctrl-C.

    The captions appear in the terminal and in a channel of the service running at HOST and PORT. If there is none,
    starts one.
    """
    from surtitle.cli.publishing import run
    from surtitle.core import logs
    from surtitle.ingest.devices import choose, list_devices
    from surtitle.ingest.media_input import IngestError

    try:
        devices = list_devices()
        if only_list:
            for one in devices:
                kind = "playback" if one.playback else "microphone"
                click.echo(f"{kind:10}  {'*' if one.default else ' '} {one.name}")
            if not devices:
                click.echo("There are no devices.", err=True)
            return
        chosen = choose(devices, device, playback=playback)
    except IngestError as error:
        raise click.ClickException(str(error)) from error
    logs.configure(verbose=False)
    options: dict[str, Any] = {"source": name or ("Computer" if chosen.playback else "Microphone")}
    if language != "auto":
        options["lang"] = language
    if token:
        options["token"] = token
    settings = name_models(Settings(host=host, port=port, engine=engine, model=model))
    run(_listen(settings, url, channel, options, chosen))


async def _listen(settings: Settings, url: str | None, channel: str, options: dict[str, Any], chosen: Any) -> None:
    from surtitle.cli.own_service import service_at
    from surtitle.cli.publishing import publish_input
    from surtitle.ingest.devices import open_device

    opening = partial(open_device, chosen)
    if url is not None:
        await publish_input(url, channel, options, chosen.name, opening)
        return
    async with service_at(settings):
        click.echo(f"Captions appear at {settings.url}/view/{channel}. Press Ctrl-C to stop.", err=True)
        await publish_input(settings.url, channel, options, chosen.name, opening)
