"""The commands `serve`, `demo` and `config`, and the group that all commands belong to.

Commands import the service only when they run, so that `surtitle --help` answers at once.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from surtitle import __version__
from surtitle.cli.align import align
from surtitle.cli.app import app, replace_program, uninstall
from surtitle.cli.config import format_example
from surtitle.cli.doctor import doctor
from surtitle.cli.ingest import ingest
from surtitle.cli.listen import listen
from surtitle.cli.models import models
from surtitle.cli.obs import obs
from surtitle.cli.options import (
    data_dir_option,
    engine_option,
    host_option,
    language_option,
    name_models,
    port_option,
    recordings_option,
    token_option,
    use_pool,
)
from surtitle.cli.own_service import build_server, service_at
from surtitle.cli.polish import polish
from surtitle.cli.publishing import show_message
from surtitle.cli.record import record
from surtitle.cli.removed_options import removed_options
from surtitle.cli.serve_options import add_serve_options, check_access, check_folder
from surtitle.cli.token import token
from surtitle.cli.transcribe import transcribe
from surtitle.cli.voices import voices
from surtitle.core.announcement import find_announcement
from surtitle.core.errors import SurtitleError
from surtitle.core.probe import is_running
from surtitle.core.settings import POLICIES, RECORDING_FORMATS, SPEAKER_MODEL, Settings
from surtitle.core.tenants import SEPARATORS
from surtitle.core.threads import end_process_if_busy
from surtitle.pool.address import TOKEN_VARIABLE, URL_VARIABLE

if TYPE_CHECKING:
    from surtitle.web.server import Server

_START_TIMEOUT = 30.0  # seconds until a service that is starting answers
_ANSWER_TIMEOUT = 2.0  # seconds for one that runs
_POLL_INTERVAL = 0.1  # seconds

_engine = engine_option()
_model = click.option(
    "--model",
    metavar="NAME|DIR",
    help="A model: a name such as small.en, or a directory; another recognizer's with its name, as whisper.cpp:small.",
)

_policy = click.option(
    "--policy",
    type=click.Choice(POLICIES),
    default=POLICIES[0],
    show_default=True,
    help="The policy that decides when Whisper's words are committed.",
)
_host = host_option("The address to listen on.")


@click.group(
    invoke_without_command=True,
    context_settings={"auto_envvar_prefix": "SURTITLE", "help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="surtitle")
@click.pass_context
def main(context: click.Context) -> None:
    """Live captions for anything a browser tab or OBS can play.

    Without a command, starts the service and opens its dashboard, like `surtitle serve --open`.

    Every option can also be set by an environment variable, for example SURTITLE_SERVE_PORT for `serve --port`.
    """
    if context.invoked_subcommand is None:
        with serve.make_context("serve", ["--open"], parent=context) as serving:
            serve.invoke(serving)


main.add_command(align)
main.add_command(app)
main.add_command(doctor)
main.add_command(ingest)
main.add_command(listen)
main.add_command(models)
main.add_command(obs)
main.add_command(record)
main.add_command(polish)
main.add_command(replace_program)
main.add_command(token)
main.add_command(transcribe)
main.add_command(uninstall)
main.add_command(voices)


@main.command()
@_host
@port_option()
@_engine
@_model
@language_option
@_policy
@removed_options
@click.option(
    "--speaker-model",
    metavar="FILE|NAME",
    default=SPEAKER_MODEL,
    show_default=True,
    help="The model that tells speakers apart in channels that ask for it: a .nemo file, a name on the hub, or one of "
    "another kind, as KIND:MODEL.",
)
@data_dir_option("The folder for settings, transcripts and recordings.")
@click.option(
    "--database",
    metavar="URL",
    help="A PostgreSQL database for settings and transcripts: postgresql://user:password@host/name.",
)
@click.option(
    "--bus",
    metavar="URL",
    help="A Redis by which several services serve the readers of all channels: redis://host:6379/0.",
)
@recordings_option(
    "Storage for recordings that several services share: s3://bucket/prefix, or a folder. By default only the "
    "data folder."
)
@click.option(
    "--inference",
    metavar="URL",
    envvar=["SURTITLE_SERVE_INFERENCE", URL_VARIABLE],
    help="An inference pool, which recognizes speech in place of this computer: http://pool.example:8000. "
    f"{TOKEN_VARIABLE} has its secret.",
)
@click.option(
    "--tenant-separator",
    type=click.Choice(SEPARATORS),
    default=None,
    callback=lambda context, option, value: value or "",
    help="What is before it in a channel's name is the channel's tenant. Tenants share a busy service equally, and "
    "have limits of their own.  [default: there are no tenants]",
)
@click.option(
    "--recording-format",
    type=click.Choice(RECORDING_FORMATS),
    default=RECORDING_FORMATS[0],
    show_default=True,
    help="FLAC is lossless; Opus is a tenth of the size and sounds the same.",
)
@click.option(
    "--transcripts",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="A folder to which sessions' transcripts are written as SRT, WebVTT and text while people speak.",
)
@click.option(
    "--outputs-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The folder for text files with the newest captions. By default `outputs` in the data folder.",
)
@click.option(
    "--private-outputs",
    is_flag=True,
    help="Let captions be posted to addresses of this computer and its network, and to addresses without encryption.",
)
@click.option(
    "--translation-model",
    metavar="NAME|DIR",
    help="An NLLB model for translating captions: a name such as nllb-200-distilled-600M, or a directory. NLLB-200's "
    "weights are licensed for non-commercial use only (CC BY-NC 4.0).",
)
@click.option(
    "--allow-origin", multiple=True, metavar="ORIGIN", help="The origin of a web page that may use the service."
)
@click.option(
    "--compat-channel",
    metavar="NAME",
    help="The channel of clients of other services' interfaces that name none; by default one that is not stored.",
)
@click.option(
    "--vosk-port",
    type=click.IntRange(1, 65535),
    help="Also serve programs on this computer that use a Vosk server, usually at port 2700.",
)
@click.option(
    "--wyoming-port",
    type=click.IntRange(1, 65535),
    help="Also recognize voice commands for Home Assistant by the Wyoming protocol, usually at port 10300.",
)
@click.option(
    "--wyoming-host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on for Home Assistant. There are no tokens: everybody who can reach it may use it.",
)
@click.option(
    "--open",
    "open_dashboard",
    is_flag=True,
    help="Open the dashboard in a browser; that of the service that runs, if any.",
)
@add_serve_options
@click.option("--verbose", is_flag=True, help="Log more.")
def serve(open_dashboard: bool, verbose: bool, log_format: str, **options: Any) -> None:
    """Start the caption service.

    By default it listens on this computer only. --host 0.0.0.0 listens on all network addresses; then every client
    needs a token, see `surtitle token`.
    """
    settings = _check_settings(Settings(**options))
    if open_dashboard and is_running(settings.url, _ANSWER_TIMEOUT):
        _open_running(settings.url)
        return
    _run(_serve(settings, verbose, log_format, open_dashboard=open_dashboard))


def _open_running(url: str) -> None:
    click.echo(f"Surtitle is running already, at {url}/.")
    click.launch(f"{url}/")


def _find_running(problem: BaseException | None, settings: Settings, timeout: float) -> str | None:
    """The address of the service because of which this one has a ``problem``, once it answers; None if none does."""
    from surtitle.store.folder_lock import FolderInUse
    from surtitle.web.server import PortTaken

    if isinstance(problem, PortTaken) and is_running(settings.url, timeout):
        return settings.url
    deadline = time.monotonic() + timeout
    while isinstance(problem, FolderInUse) and settings.data_dir is not None:
        if (found := find_announcement(settings.data_dir)) is not None:
            return found.url
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_INTERVAL)
    return None


@main.command()
def config() -> None:
    """Print a settings file for `serve` with comments."""
    click.echo(format_example(serve), nl=False)


@main.command()
@_host
@port_option()
@_engine
@_model
@_policy
@click.option("--channel", default="main", show_default=True, help="The channel that shows the captions.")
@token_option("publish")
@click.option("--browser/--no-browser", default=True, help="Open the overlay in a browser.")
@click.option("--once", is_flag=True, help="Play the sample once, even if the demo started the service.")
def demo(channel: str, token: str | None, browser: bool, once: bool, **options: Any) -> None:
    """Play a short speech sample and show its captions.

    Uses the service running at HOST and PORT. If there is none, starts one and repeats the sample
    until Ctrl-C.
    """
    _run(_demo(_check_settings(Settings(**options)), channel, token, browser, once))


def _check_settings(settings: Settings) -> Settings:
    """Return the settings. Raises `click.UsageError`, before anything starts, if they cannot work."""
    check_access(settings)
    settings = name_models(use_pool(settings), choose=False)
    _check_speaker_model(settings.speaker_model)
    if settings.transcripts is not None:
        check_folder(settings.transcripts, "--transcripts")
    if settings.recordings is not None:
        from surtitle.recordings.storage import open_storage

        try:
            open_storage(settings.recordings)
        except SurtitleError as error:
            raise click.UsageError(error.message) from error
    if settings.compat_channel is not None:
        from surtitle.channels.channel import check_name

        try:
            check_name(settings.compat_channel)
        except SurtitleError as error:
            raise click.UsageError(f"--compat-channel: {error.message}") from error
    if settings.translation_model is not None:
        from surtitle.translation.models import check_name as check_translation_model

        try:
            check_translation_model(settings.translation_model)
        except SurtitleError as error:
            raise click.UsageError(error.message) from error
    return settings


def _check_speaker_model(name: str) -> None:
    """Raise `click.UsageError` if there can be no such model. What is missing for it is said when it is needed."""
    from surtitle.speakers.kinds import find_diarizer

    try:
        model = find_diarizer(name)
        model.kind.check_model(model.name)
    except SurtitleError as error:
        raise click.UsageError(error.message) from error


async def _serve(settings: Settings, verbose: bool, log_format: str, *, open_dashboard: bool) -> None:
    from surtitle.core import logs
    from surtitle.core.memory import limit_malloc_arenas, trim_heap_periodically
    from surtitle.web.server import raise_socket_limit

    limit_malloc_arenas()
    raise_socket_limit()
    logs.configure(verbose=verbose, log_format=log_format)
    try:
        server = build_server(settings)
    except click.ClickException as error:
        timeout = _START_TIMEOUT if open_dashboard else _ANSWER_TIMEOUT
        url = await asyncio.to_thread(_find_running, error.__cause__, settings, timeout)
        if url is None:
            raise
        if open_dashboard:
            _open_running(url)
            return
        raise click.ClickException(
            f"Surtitle is running already: open {url}/ in a browser, or stop it before you start another."
        ) from error
    signal.signal(signal.SIGTERM, _exit)  # uvicorn raises the signal again after its own shutdown
    background = [
        asyncio.create_task(_announce(server, settings, open_dashboard=open_dashboard)),
        asyncio.create_task(trim_heap_periodically()),
    ]
    try:
        await server.serve()
    finally:
        for task in background:
            task.cancel()


def _exit(*_: object) -> NoReturn:
    raise SystemExit(0)


async def _demo(settings: Settings, channel: str, token: str | None, browser: bool, once: bool) -> None:
    from rich.console import Console
    from rich.live import Live
    from websockets.exceptions import WebSocketException

    from surtitle.core import logs
    from surtitle.demo import play

    logs.configure(verbose=False)
    console = Console(stderr=True)
    async with service_at(settings) as started:
        overlay = f"{settings.url}/overlay/{channel}"
        console.print(f"Captions appear at {overlay} and {settings.url}/view/{channel}")
        if browser:
            click.launch(overlay)
        try:
            while True:
                with Live(console=console, transient=True) as live:
                    async for message in play(settings.url, channel, token):
                        show_message(live, message)
                if once or not started:
                    break
                await asyncio.sleep(3.0)
        except (OSError, TimeoutError, WebSocketException) as error:
            raise click.ClickException(f"The service at {settings.url} does not answer ({error}).") from error


async def _announce(server: Server, settings: Settings, *, open_dashboard: bool) -> None:
    await server.ready.wait()
    url = settings.public_url
    click.echo(
        f"Surtitle {__version__} is running. Press Ctrl-C to stop it.\n"
        f"  dashboard  {url}/\n"
        f"  overlay    {url}/overlay/main   (add it to OBS as a browser source)\n"
        f"  viewer     {url}/view/main"
    )
    if settings.vosk_port:
        click.echo(
            f"  Vosk       ws://127.0.0.1:{settings.vosk_port}   (without a token, for programs on this computer)"
        )
    if settings.wyoming_port:
        click.echo(f"  Wyoming    tcp://{settings.wyoming_host}:{settings.wyoming_port}   (for Home Assistant)")
    if settings.guarded:
        click.echo("Each page needs a token. For the dashboard, run: surtitle token --scope admin --channel '*'")
    if open_dashboard:
        click.launch(f"{settings.url}/")


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work ends, or quietly until Ctrl-C or a signal."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
    except SystemExit:  # from `_exit`
        end_process_if_busy()
        raise
    end_process_if_busy()
