"""The kinds of engines, and the names of their models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import pytest

from surtitle.core.errors import ModelError
from surtitle.models import catalogue
from surtitle.speech import kinds
from surtitle.speech.engine import Engine
from surtitle.speech.kinds import EngineOptions, OfferedModel, engine_kinds, find_model, name_model, split_name


class ParrotKind:
    """A kind of another package, which has no files."""

    name = "parrot"
    title = "Parrot"
    local = False
    default = "grey"
    files = None
    models: ClassVar[Sequence[OfferedModel]] = (OfferedModel("grey"), OfferedModel("macaw"))
    missing = ""

    def problem(self) -> str:
        return self.missing

    def load(self, directory: Path | None, model: str, options: EngineOptions) -> Engine:
        raise ModelError(f"{model} flew away: open the cage.")


PARROT = ParrotKind()
BROKEN = "not even a module"


@pytest.fixture(autouse=True)
def _parrot(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    points = [
        EntryPoint("parrot", f"{__name__}:PARROT", kinds.GROUP),
        EntryPoint("broken", f"{__name__}.missing:KIND", kinds.GROUP),
        EntryPoint("whisper", f"{__name__}:PARROT", kinds.GROUP),
    ]
    monkeypatch.setattr("surtitle.core.kinds.entry_points", lambda group: points)
    monkeypatch.setattr(PARROT, "missing", "", raising=False)
    engine_kinds.cache_clear()
    yield
    engine_kinds.cache_clear()


def test_another_package_adds_a_kind_and_replaces_none(caplog: pytest.LogCaptureFixture) -> None:
    assert list(engine_kinds()) == ["whisper", "pocketsphinx", "parrot"]
    assert engine_kinds()["whisper"].title == "Whisper"
    assert "broken" in caplog.text


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("base", ("whisper", "base")),
        ("whisper:base", ("whisper", "base")),
        ("Systran/faster-whisper-base", ("whisper", "Systran/faster-whisper-base")),
        ("/models/base", ("whisper", "/models/base")),
        (r"C:\models\base", ("whisper", r"C:\models\base")),
        ("c:/models/base", ("whisper", "c:/models/base")),
        ("parrot:macaw", ("parrot", "macaw")),
        ("parrot:/folder/a:b", ("parrot", "/folder/a:b")),
        ("parrot", ("parrot", "grey")),
        ("pocketsphinx", ("pocketsphinx", "en-us")),
        ("unknown:base", ("unknown", "base")),
    ],
)
def test_a_name_has_the_kind_before_a_colon(model: str, parts: tuple[str, str]) -> None:
    assert split_name(model) == parts


@pytest.mark.parametrize(
    ("engine", "model", "name"),
    [
        ("auto", None, None),
        ("auto", "parrot:macaw", "parrot:macaw"),
        ("whisper", "base", "base"),
        ("whisper", None, None),
        ("parrot", "macaw", "parrot:macaw"),
        ("parrot", "parrot:macaw", "parrot:macaw"),
        ("parrot", None, "parrot:grey"),
        ("pocketsphinx", None, "pocketsphinx"),
        ("pocketsphinx", "en-us", "pocketsphinx"),
        ("pocketsphinx", "pocketsphinx:en-us", "pocketsphinx"),
    ],
)
def test_an_engine_and_a_model_make_a_name(engine: str, model: str | None, name: str | None) -> None:
    assert name_model(engine, model) == name


@pytest.mark.parametrize("engine", ["whisper", "parrot"])
def test_a_model_of_another_kind_is_refused(engine: str) -> None:
    other = "whisper:base" if engine == "parrot" else "parrot:grey"
    with pytest.raises(ModelError, match=f"not a model of the recognizer “{engine}”"):
        name_model(engine, other)


@pytest.mark.parametrize("model", ["base", "pocketsphinx:base", "parrot:grey"])
def test_a_kind_with_one_model_takes_no_other(model: str) -> None:
    with pytest.raises(ModelError, match=f"“pocketsphinx” has one model only, which is not “{model}”: leave out"):
        name_model("pocketsphinx", model)


def test_another_model_is_refused_by_its_full_name_too() -> None:
    with pytest.raises(ModelError, match="“pocketsphinx” has one model only, which is not “base”"):
        find_model("pocketsphinx:base").check()


def test_an_unknown_kind_is_reported_with_those_that_exist() -> None:
    with pytest.raises(ModelError, match="no recognizer “unknown”: choose one of whisper, pocketsphinx, parrot"):
        find_model("unknown:base")


def test_what_is_missing_is_said_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PARROT, "missing", "Parrot is not installed: run `pip install parrot`.")
    model = find_model("parrot:grey")
    for step in (model.check, lambda: model.load(None)):
        with pytest.raises(ModelError, match="run `pip install parrot`"):
            step()
    assert catalogue.other_models() == []


def test_a_kind_without_files_is_local_at_once() -> None:
    model = find_model("parrot:grey")
    model.check()
    assert model.is_local()
    assert model.on_disk() is None
    with pytest.raises(ModelError, match="parrot:grey flew away"):
        model.load(None)


def test_its_models_are_in_the_catalogue() -> None:
    listed = [(model.name, model.engine, model.complete) for model in catalogue.other_models()]
    assert listed == [("parrot:grey", "parrot", True), ("parrot:macaw", "parrot", True)]


def test_clients_see_no_directories_of_other_kinds_either() -> None:
    assert catalogue.plain_name("parrot:/home/ann/models/macaw") == "parrot:macaw"
    assert catalogue.plain_name("parrot") == "parrot"
