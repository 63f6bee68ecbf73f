"""The real NeMo on the small model that the project trains itself (tests/trained_models/sortformer)."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest

from surtitle.audio import RATE
from surtitle.speakers.sortformer import LATENCIES, Sortformer
from surtitle.speakers.timeline import FRAME, Activity
from tests.speakers.talk import MODEL, dialogues, turns
from tests.support import silence

pytestmark = pytest.mark.torch

BLOCK = 1600  # samples, and not a multiple of the model's own steps
# speakers, latency, most diarization errors, least share of frames under the number of the speaker's arrival
FIGURES = [(2, 1.04, 0.05, 0.95), (2, 10.0, 0.05, 0.95), (3, 1.04, 0.12, 0.9), (4, 1.04, 0.4, 0.6)]


@pytest.fixture(scope="module")
def model() -> Sortformer:
    return Sortformer(str(MODEL))


def heard(model: Sortformer, sound: np.ndarray, latency: float, block: int = 4000) -> Activity:
    stream = model.open(latency)
    found = [stream.feed(sound[at : at + block]) for at in range(0, len(sound), block)]
    return np.concatenate([*found, stream.flush()])


@pytest.mark.parametrize("latency", LATENCIES)
def test_streaming_gives_the_same_activity_as_nemo_offline(model: Sortformer, latency: float) -> None:
    """Whatever pieces the sound comes in: features, context and cache are as if it were there at once."""
    sound = dialogues(3, 1, 15.0)[0].sound
    first = heard(model, sound, latency)  # sets the model to this latency
    whole = model.net.forward(
        audio_signal=model.torch.from_numpy(sound)[None], audio_signal_length=model.torch.tensor([len(sound)])
    )
    whole = whole[0].detach().numpy()
    assert np.ptp(whole) > 0.5
    for found in (first, heard(model, sound, latency, BLOCK)):
        assert len(found) == len(whole)
        np.testing.assert_allclose(found, whole, atol=1e-3)


@pytest.mark.parametrize("latency", LATENCIES)
def test_activity_is_returned_within_the_latency(model: Sortformer, latency: float) -> None:
    stream = model.open(latency)
    needed, known = round(latency * RATE), 0.0
    for at in range(0, 22 * RATE, 1600):
        known += len(stream.feed(silence(0.1))) * FRAME
        assert known >= (at + 1600 - needed) / RATE - 0.05


def test_speakers_are_recognized_after_a_gap(model: Sortformer) -> None:
    """The audio after a gap is processed with the cache from before it."""
    stream = model.open(1.04)
    first = np.concatenate([stream.feed(turns(("slt", "Good morning everyone."))), stream.flush()])
    second = np.concatenate([stream.feed(turns(("slt", "Welcome back."))), stream.flush()])
    assert [int(part.mean(axis=0).argmax()) for part in (first, second)] == [0, 0]


def test_the_state_and_each_step_are_bounded(model: Sortformer) -> None:
    """A minute and a half: nothing grows once cache and queue are full, so each step costs what the last one did."""
    sound = np.tile(dialogues(4, 1, 30.0)[0].sound, 3)
    stream: Any = model.open(1.04)
    columns: list[int] = []
    for at in range(0, len(sound), RATE):
        stream.feed(sound[at : at + RATE])
        columns.append(stream._columns.shape[2])
        assert stream._state.spkcache.shape[1] <= LATENCIES[1.04].cache
        assert stream._state.fifo.shape[1] <= LATENCIES[1.04].queue
        assert len(stream._samples) < RATE
    assert max(columns) < (LATENCIES[1.04].chunk + LATENCIES[1.04].ahead + 1) * model.subsampling + 8


@pytest.mark.parametrize(("speakers", "latency", "most", "in_order"), FIGURES)
def test_it_distinguishes_voices(
    model: Sortformer, speakers: int, latency: float, most: float, in_order: float
) -> None:
    """Diarization error rate on held-out dialogues by pyannote.metrics, and the share of frames in arrival order."""
    from tests.trained_models.sortformer.evaluate import Score

    score = Score()
    for dialogue in dialogues(speakers, 3):
        score.add(dialogue, heard(model, dialogue.sound, latency))
    assert score.error < most, score
    assert statistics.mean(score.in_order) > in_order, score
