"""The kinds of diarizers, and the names of their models."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from surtitle.core.errors import ModelError
from surtitle.core.settings import SPEAKER_MODEL
from surtitle.speakers import kinds
from surtitle.speakers.diarizer import Diarizer
from surtitle.speakers.kinds import diarizer_kinds, find_diarizer
from surtitle.speakers.model import SpeakerModel


class BirdKind:
    """A kind of another package."""

    name = "birds"
    title = "Birds"
    default = ""

    def problem(self) -> str:
        return "Birds is not installed: run `pip install birds`."

    def check_model(self, model: str) -> None:
        if model != "forest":
            raise ModelError(f"There is no model {model}: choose forest.")

    def load(self, model: str) -> SpeakerModel:
        raise NotImplementedError


BIRDS = BirdKind()


@pytest.fixture(autouse=True)
def _birds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    points = [
        EntryPoint("birds", f"{__name__}:BIRDS", kinds.GROUP),
        EntryPoint("broken", f"{__name__}.missing:KIND", kinds.GROUP),
    ]
    monkeypatch.setattr("surtitle.core.kinds.entry_points", lambda group: points)
    diarizer_kinds.cache_clear()
    yield
    diarizer_kinds.cache_clear()


@pytest.mark.parametrize(
    ("name", "kind", "model"),
    [
        (SPEAKER_MODEL, "sortformer", SPEAKER_MODEL),
        ("/models/small.nemo", "sortformer", "/models/small.nemo"),
        (r"C:\models\small.nemo", "sortformer", r"C:\models\small.nemo"),
        ("sortformer", "sortformer", SPEAKER_MODEL),
        ("sortformer:small.nemo", "sortformer", "small.nemo"),
        ("birds:forest", "birds", "forest"),
    ],
)
def test_a_name_has_the_kind_before_a_colon(name: str, kind: str, model: str) -> None:
    found = find_diarizer(name)
    assert (found.kind.name, found.name) == (kind, model)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fish:pond", "no diarizer “fish”: choose one of sortformer, pool, birds"),
        ("birds", "needs a model: write --speaker-model birds:NAME"),
    ],
)
def test_what_does_not_exist_is_refused(name: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        find_diarizer(name)


def test_a_file_that_does_not_exist_is_refused() -> None:
    model = find_diarizer("sortformer:/no/such/model.nemo")
    with pytest.raises(ModelError, match=r"/no/such/model\.nemo does not exist: give another file"):
        model.kind.check_model(model.name)


def test_what_is_missing_is_said_where_speakers_are_wanted() -> None:
    diarizer = Diarizer("birds:forest")
    assert diarizer.open(0.0, 1.04) is None
    assert (diarizer.state.name, diarizer.state.message) == ("missing", BIRDS.problem())
    with pytest.raises(ModelError, match="pip install birds"):
        find_diarizer("birds:forest").check()
