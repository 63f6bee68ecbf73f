"""Both clouds through the tests that all engines have to pass, with stand-ins that know what is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np

from surtitle.conformance import EngineConformance
from surtitle.speech.cloud.access import CloudAccess
from surtitle.speech.cloud.deepgram import Deepgram
from surtitle.speech.cloud.engine import CloudEngine
from surtitle.speech.cloud.errors import CloudRefused
from surtitle.speech.cloud.openai import OpenAI
from surtitle.speech.cloud.service import CloudService
from tests.speech.cloud.fakes import FakeCloud, running_cloud, serve_deepgram, serve_openai

WORDS = re.findall(r"\w+", EngineConformance.text)
AUDIBLE = 100  # the root mean square of 16-bit samples of speech


def know_text(audio: bytes, second: int) -> list[str]:
    """Three words of the text for each second in which somebody speaks."""
    loudness = float(np.sqrt(np.mean(np.square(np.frombuffer(audio, "<i2").astype(float)))))
    return WORDS[3 * second : 3 * second + 3] if loudness > AUDIBLE else []


class _Clouds(EngineConformance):
    path: ClassVar[str]
    make: ClassVar[type[Deepgram] | type[OpenAI]]
    serve: ClassVar[Callable[..., None]]
    cloud: ClassVar[FakeCloud]
    running: ClassVar[AbstractContextManager[FakeCloud]]

    @classmethod
    def setup_class(cls) -> None:
        cls.running = running_cloud(cls.serve)
        cls.cloud = cls.running.__enter__()
        cls.cloud.recognize = know_text
        super().setup_class()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        cls.running.__exit__(None, None, None)

    @classmethod
    def create(cls) -> CloudEngine:
        access = CloudAccess(f"ws://127.0.0.1:{cls.cloud.port}{cls.path}", "a-key")
        return CloudEngine(CloudService(cls.make(access, "a-model"), local=True), "cloud:a-model")

    @contextmanager
    def break_decoding(self, engine: Any, stream: Any) -> Iterator[None]:
        refused = CloudRefused("The cloud refuses: try again.", 0.1)
        with patch.object(engine._service, "connect", side_effect=refused):
            stream._loop.run(stream._link._disconnect(), 10)
            yield


class TestDeepgram(_Clouds):
    path, make, serve = "/v1/listen", Deepgram, staticmethod(serve_deepgram)


class TestOpenAI(_Clouds):
    path, make, serve = "/v1/realtime", OpenAI, staticmethod(serve_openai)
