"""The commands `app` and `uninstall`, and the one with which a new version replaces the program."""

from __future__ import annotations

from pathlib import Path

import click

from surtitle.cli.options import data_dir_option, engine_option, host_option, name_models, or_of_serve, port_option
from surtitle.core.errors import SurtitleError
from surtitle.core.settings import Settings

_END_TIMEOUT = 10.0  # seconds for an app that was just quit


@click.command()
@host_option("The address to listen on.", envvar=or_of_serve("APP", "HOST"))
@port_option(envvar=or_of_serve("APP", "PORT"))
@engine_option(envvar=or_of_serve("APP", "ENGINE"), hidden=True)
@click.option(
    "--model",
    metavar="NAME|DIR",
    envvar=or_of_serve("APP", "MODEL"),
    help="A model: a name such as small.en, or a directory.",
)
@data_dir_option("The folder for settings, transcripts and recordings.", envvar=or_of_serve("APP", "DATA_DIR"))
@click.option("--background", is_flag=True, help="Open no dashboard, as when the computer starts.")
@click.option("--update-failed", metavar="VERSION", hidden=True)
def app(
    host: str,
    port: int,
    engine: str,
    model: str | None,
    data_dir: Path,
    background: bool,
    update_failed: str | None,
) -> None:
    """Run the service with an icon in the tray, and open its dashboard.

    It runs once: a second start opens the dashboard of the first. Its log is a file, which `surtitle doctor` names.
    """
    from surtitle.access import secret as secrets
    from surtitle.cli.serve_options import check_access
    from surtitle.core.settings import Access
    from surtitle.core.threads import end_process_if_busy
    from surtitle.desktop.run import run_app

    options = _options_of(click.get_current_context())
    try:
        access = Access(secret=secrets.find(data_dir))
        settings = Settings(host=host, port=port, engine=engine, model=model, data_dir=data_dir, access=access)
        check_access(settings)
        settings = name_models(settings)
        run_app(settings, data_dir, options, background=background, failed_update=update_failed)
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    except OSError as error:
        raise click.ClickException(f"Surtitle cannot start ({error.strerror or error}).") from error
    end_process_if_busy()


def _options_of(context: click.Context) -> list[str]:
    """The options that were given on the command line, and which the app needs when it starts again."""
    options = []
    for name in ("host", "port", "engine", "model", "data_dir"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            options += [f"--{name.replace('_', '-')}", str(context.params[name])]
    return options


@click.command("replace-program", hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("root", type=click.Path(path_type=Path))
@click.argument("version")
@click.option("--data-dir", type=click.Path(path_type=Path), required=True)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def replace_program(root: Path, version: str, data_dir: Path, options: tuple[str, ...]) -> None:
    """Replace the program in ROOT with this one, start it with OPTIONS, and restore it if that fails."""
    from surtitle.core import logs
    from surtitle.desktop import replacement
    from surtitle.desktop.location import LOG_FILE, LOG_FOLDER, Location

    new = Location.find()
    if new is None:
        raise click.UsageError("Only the downloaded program can replace itself.")
    logs.configure(verbose=False, file=LOG_FOLDER / LOG_FILE)
    replacement.replace_program(new.at(root), new, data_dir, version, [*options, "--background"])


@click.command()
@data_dir_option(envvar=or_of_serve("APP", "DATA_DIR"))
@click.option("--delete-data/--keep-data", default=None, help="Also delete settings, transcripts, recordings and logs.")
@click.option(
    "--keep-program", is_flag=True, hidden=True, help="Remove only the entries: an uninstaller does the rest."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def uninstall(data_dir: Path, delete_data: bool | None, keep_program: bool, yes: bool) -> None:
    """Remove the downloaded program, and its entries in the menu and in the autostart.

    Asks whether to delete the data, too. Models stay in the cache, which other programs share: see `surtitle models`.
    """
    from surtitle.desktop.location import Location
    from surtitle.desktop.removal import remove_data, remove_program, removes_its_folder
    from surtitle.desktop.single_instance import AlreadyRunning, SingleInstance
    from surtitle.model_files.cache import cache

    location = Location.find()
    models = cache()  # before the program's files are gone, which are loaded when they are needed
    folder = location is not None and removes_its_folder() and not keep_program
    try:
        if data_dir.exists():
            SingleInstance(data_dir, _END_TIMEOUT).release()
        if folder and location is not None and not yes:
            click.confirm(f"Remove {location.root}?", abort=True)
        if delete_data is None:
            delete_data = not yes and data_dir.exists() and click.confirm(f"Also delete all data in {data_dir}?")
        removed = list(remove_program(location, folder=folder))
        if delete_data:
            removed += remove_data(data_dir)
    except AlreadyRunning:
        raise click.ClickException("Surtitle is running: quit it first.") from None
    except OSError as error:
        raise click.ClickException(f"Cannot remove everything ({error.filename}: {error.strerror}).") from error
    for path in removed:
        click.echo(f"Removed {path}")
    if not delete_data and data_dir.exists():
        click.echo(f"Settings, transcripts and recordings stay in {data_dir}.")
    click.echo(f"Models stay in {models}, which other programs may use, too.")
    if location is None:
        click.echo("The package itself is removed by the program that installed it, such as pip.")
    elif not folder and not keep_program:
        click.echo("Remove the program itself under Settings, Apps.")
