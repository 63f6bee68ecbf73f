"""The real mlx-whisper through the tests that all engines have to pass. Run it with pytest, by the name of this file.

MLX is slow on processors, on which this takes ten minutes, so `make test` leaves it out.
"""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import pytest

from surtitle.conformance import EngineConformance
from surtitle.speech.engine import Engine
from surtitle.speech.kinds import find_model
from tests.speech.mlx.weights import convert
from tests.weights import required_weights


class TestMlx(EngineConformance):
    folder: ClassVar[tempfile.TemporaryDirectory[str]]

    @classmethod
    def setup_class(cls) -> None:
        pytest.importorskip("mlx_whisper", reason="mlx-whisper is not installed")
        cls.folder = tempfile.TemporaryDirectory()
        convert(required_weights("tiny.en"), Path(cls.folder.name))
        super().setup_class()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        cls.folder.cleanup()

    @classmethod
    def create(cls) -> Engine:
        model = find_model(f"mlx:{cls.folder.name}")
        model.check()
        return model.load(model.on_disk())

    def break_decoding(self, engine: Any, stream: Any) -> AbstractContextManager[object]:
        return patch.object(engine._model._decoding, "decode", side_effect=RuntimeError("out of memory"))
