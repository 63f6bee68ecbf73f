"""Every kind of engine through the tests that all engines have to pass."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import pytest

from surtitle.conformance import EngineConformance
from surtitle.core.errors import EngineError
from surtitle.inference.recognition import create_recognition
from surtitle.inference.replica import Replica
from surtitle.pool.address import URL_VARIABLE
from surtitle.speech.engine import Engine
from surtitle.speech.kinds import engine_kinds, find_model
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper_cpp.convert import convert
from tests.inference.pool_server import PoolServer, answer_text, pool_server
from tests.speech.sherpa_onnx.miniature import MINIATURE, need_sherpa_onnx
from tests.speech.whisper_cpp.weights import need_whisper_cpp
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


class TestWhisperCpp(EngineConformance):
    folder: ClassVar[tempfile.TemporaryDirectory[str]]

    @classmethod
    def setup_class(cls) -> None:
        need_whisper_cpp()
        cls.folder = tempfile.TemporaryDirectory()
        convert(required_weights("tiny.en"), Path(cls.folder.name) / "ggml-tiny.en.bin")
        super().setup_class()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        cls.folder.cleanup()

    @classmethod
    def create(cls) -> Engine:
        model = find_model(f"whisper.cpp:{cls.folder.name}")
        return model.load(model.on_disk())

    def break_decoding(self, engine: Any, stream: Any) -> AbstractContextManager[object]:
        return patch.object(engine._decoder, "decode", side_effect=EngineError("whisper.cpp failed."))


class TestSherpaOnnx(EngineConformance):
    """With a small model that was trained for tests."""

    @classmethod
    def create(cls) -> Engine:
        need_sherpa_onnx()
        return find_model(f"sherpa-onnx:{MINIATURE}").load(MINIATURE)

    def break_decoding(self, engine: Any, stream: Any) -> AbstractContextManager[object]:
        return patch.object(engine._model, "decode", side_effect=EngineError("sherpa-onnx failed."))


class TestPool(EngineConformance):
    """On a pool in this process, which dies and comes back."""

    replica: ClassVar[Replica]
    server: ClassVar[PoolServer]
    stack: ClassVar[ExitStack]

    @classmethod
    def setup_class(cls) -> None:
        with ExitStack() as stack:
            engine = stack.enter_context(closing(WhisperEngine(required_weights("tiny.en"), "tiny.en")))
            cls.replica = stack.enter_context(closing(create_recognition(engine)))
            cls.server = stack.enter_context(pool_server({"tiny.en": cls.replica}))
            super().setup_class()
            cls.stack = stack.pop_all()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        cls.stack.close()

    @classmethod
    def create(cls) -> Engine:
        with patch.dict("os.environ", {URL_VARIABLE: cls.server.url}):
            return find_model("pool:tiny.en").load(None)

    @contextmanager
    def break_decoding(self, engine: Any, stream: Any) -> Iterator[None]:
        self.server.models["tiny.en"] = answer_text(502)
        try:
            with patch("surtitle.speech.whisper.stream._MAX_WAIT", 0.0):
                yield
        finally:
            self.server.models["tiny.en"] = self.replica


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
