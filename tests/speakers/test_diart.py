"""The real diart on the small networks that the project trains itself (tests/trained_models/diart)."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.conformance import DiarizerConformance
from surtitle.speakers.diart_kind import KIND, Networks
from surtitle.speakers.model import SpeakerModel
from tests.speakers.talk import dialogues, two_voices

pytestmark = pytest.mark.torch

MODEL = Path(__file__).parents[1] / "trained_models" / "diart" / "model"
# speakers, latency, most diarization errors
FIGURES = [(2, 1.04, 0.35), (3, 1.04, 0.45)]


class TestDiart(DiarizerConformance):
    @classmethod
    def create(cls) -> SpeakerModel:
        return KIND.load(str(MODEL))

    def voices(self) -> tuple[Samples, Samples]:
        return two_voices()

    def break_model(self, model: Any, stream: Any) -> AbstractContextManager[object]:
        return patch.object(stream, "_pipeline", side_effect=RuntimeError("out of memory"))

    def test_what_is_kept_of_the_audio_is_bounded(self) -> None:
        stream: Any = self.model.open(1.04)
        for second in range(20):
            stream.feed(np.full(RATE, 0.01 * (second % 2), dtype=np.float32))
            assert len(stream._recent) + len(stream._waiting) < 6 * RATE
            assert len(stream._activity) < 5 * RATE
            assert len(stream._pipeline.chunk_buffer) <= 2
        stream.close()

    @pytest.mark.parametrize(("speakers", "latency", "most"), FIGURES)
    def test_it_distinguishes_voices(self, speakers: int, latency: float, most: float) -> None:
        """Diarization error rate on held-out dialogues by pyannote.metrics."""
        from tests.trained_models.sortformer.evaluate import Score, heard

        score = Score()
        for dialogue in dialogues(speakers, 3):
            score.add(dialogue, heard(self.model, dialogue.sound, latency))
        assert score.error < most, score


@pytest.mark.filterwarnings("ignore")
def test_a_network_of_pyannote_is_loaded_without_telling_its_makers(tmp_path: Path) -> None:
    """One with random weights, whose output are sets of speakers, as that of pyannote/segmentation-3.0."""
    import torch
    from lightning.pytorch import Trainer
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    from surtitle.speakers.diart import Diart

    network = PyanNet(lstm={"hidden_size": 8, "num_layers": 1}, linear={"hidden_size": 8, "num_layers": 1})
    network.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=5.0,
        classes=["one", "two", "three"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    network.build()
    trainer = Trainer(logger=False, enable_progress_bar=False, accelerator="cpu")
    trainer.strategy.connect(network)
    trainer.save_checkpoint(tmp_path / "segmentation.bin")
    model: Any = Diart(Networks(str(tmp_path / "segmentation.bin"), str(MODEL / "embedding.onnx")))
    assert os.environ["PYANNOTE_METRICS_ENABLED"] == "false"
    found = model._segmentation(torch.zeros(1, 1, 5 * RATE))
    assert found.shape[2] == 3  # one for each speaker, and not for each set of them
    assert set(found.unique().tolist()) <= {0.0, 1.0}
