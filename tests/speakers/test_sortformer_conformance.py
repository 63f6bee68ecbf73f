"""Sortformer has to do what every diarizer has to do."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest

from surtitle.audio import Samples
from surtitle.conformance import DiarizerConformance
from surtitle.speakers.model import SpeakerModel
from tests.speakers.talk import MODEL, two_voices

pytestmark = pytest.mark.torch


class TestSortformer(DiarizerConformance):
    @classmethod
    def create(cls) -> SpeakerModel:
        from surtitle.speakers.sortformer import Sortformer

        return Sortformer(str(MODEL))

    def voices(self) -> tuple[Samples, Samples]:
        return two_voices()

    def break_model(self, model: Any, stream: Any) -> AbstractContextManager[object]:
        return patch.object(stream, "feed", side_effect=RuntimeError("out of memory"))
