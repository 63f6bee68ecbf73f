"""Every kind of engine through the tests that all engines have to pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar
from unittest.mock import patch

import pytest

from surtitle.conformance import EngineConformance
from surtitle.core.errors import EngineError
from surtitle.speech.engine import Engine
from surtitle.speech.kinds import engine_kinds, find_model
from tests.weights import required_weights

pytestmark = pytest.mark.slow  # they start processes and load models


class TestPocketsphinx(EngineConformance):
    min_similarity: ClassVar[float] = 0.5

    @classmethod
    def create(cls) -> Engine:
        return find_model("pocketsphinx").load(None)

    @contextmanager
    def break_decoding(self, engine: Any, stream: Any) -> Iterator[None]:
        with patch("surtitle.speech.pocketsphinx.engine._RETRY_INTERVAL", 0.0):
            stream._worker._process.kill()
            stream._worker._process.wait(30)
            yield


class TestWhisper(EngineConformance):
    @classmethod
    def create(cls) -> Engine:
        directory = required_weights("tiny.en")
        return find_model(str(directory)).load(directory)

    def break_decoding(self, engine: Any, stream: Any) -> AbstractContextManager[object]:
        return patch.object(engine._decoder, "decode", side_effect=EngineError("Whisper failed."))


@pytest.mark.parametrize("name", engine_kinds())
def test_what_a_kind_says_of_itself_can_be_shown(name: str) -> None:
    kind = engine_kinds()[name]
    assert kind.name == name
    assert kind.title
    assert kind.problem() == "" or kind.problem().endswith(".")
    assert len({model.name for model in kind.models}) == len(kind.models)
    for model in kind.models:
        if kind.files is not None:
            kind.files.check_name(model.name)
