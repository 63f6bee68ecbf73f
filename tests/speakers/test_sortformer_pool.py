"""The small Sortformer on a pool: the same frames as in a process of its own, to the last bit."""

from __future__ import annotations

import warnings
from typing import Any

import msgspec
import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.audio.pcm import from_pcm, to_pcm
from surtitle.core.errors import ModelError
from surtitle.inference.diarization import create_diarization
from surtitle.pool.messages import DIARIZATION, DiarizationAnswer, DiarizationRequest, encode
from surtitle.speakers.pool import PoolStream
from surtitle.speakers.sortformer import LATENCIES, Sortformer
from tests.inference.ray_process import need_ray
from tests.speakers.talk import MODEL, dialogues
from tests.support import silence

pytestmark = pytest.mark.torch

BLOCK = 1600  # samples


@pytest.fixture(scope="module")
def model() -> Sortformer:
    return Sortformer(str(MODEL))


@pytest.fixture(scope="module")
def sound() -> Samples:
    """Four voices for longer than it takes until the cache has been full, as they arrive at the pool."""
    return from_pcm(to_pcm(np.concatenate([dialogue.sound for dialogue in dialogues(4, 2, 20.0)])))


class Pool:
    """What answers a `PoolStream` in place of a client; it notes the bytes of each request and answer."""

    def __init__(self, model: Sortformer) -> None:
        self.sizes: list[tuple[int, int]] = []
        self._work = create_diarization(model)._tasks[DIARIZATION].work

    def ask(self, request: DiarizationRequest) -> DiarizationAnswer:
        sent = encode(request)
        received = encode(self._work(msgspec.msgpack.decode(sent, type=DiarizationRequest)))
        self.sizes.append((len(sent), len(received)))
        return msgspec.msgpack.decode(received, type=DiarizationAnswer)


def listen(stream: Any, sound: Samples, block: int = BLOCK) -> Any:
    return np.concatenate(
        [*(stream.feed(sound[at : at + block]) for at in range(0, len(sound), block)), stream.flush()]
    )


@pytest.mark.parametrize("latency", [1.04, 10.0])
def test_the_frames_are_the_same(model: Sortformer, sound: Samples, latency: float) -> None:
    """Also after a gap; and nothing is sent that only waits there."""
    pool = Pool(model)
    here, there = model.open(latency), PoolStream(pool.ask, latency)
    found = listen(there, sound)
    np.testing.assert_array_equal(found, listen(here, sound))
    assert np.ptp(found) > 0.5
    steps = len(sound) / RATE / (LATENCIES[latency].chunk * 0.08)
    assert len(pool.sizes) <= steps + 3
    np.testing.assert_array_equal(listen(there, sound[: 6 * RATE]), listen(here, sound[: 6 * RATE]))
    assert here._state.spkcache_preds is not None, "the cache has never been full"
    width = 4 * model.net.sortformer_modules.fc_d_model
    assert max(map(max, pool.sizes)) < (188 + LATENCIES[latency].queue) * width + 60_000 + 2 * round(latency * RATE)


@pytest.mark.parametrize("latency", LATENCIES)
def test_frames_come_within_the_latency(model: Sortformer, latency: float) -> None:
    stream, known = PoolStream(Pool(model).ask, latency), 0.0
    for at in range(0, 11 * RATE, BLOCK):
        known += len(stream.feed(silence(0.1))) * 0.08
        assert known >= (at + BLOCK) / RATE - latency - 0.13


def test_a_state_in_another_model_or_setting_is_refused(model: Sortformer, sound: Samples) -> None:
    stream = model.open(1.04)
    stream.feed(sound[: 12 * RATE])
    state = stream.save()
    with pytest.raises(ValueError, match="queue have a wrong size"):
        model.restore(10.0, state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "_checksum", 0)
        with pytest.raises(ValueError, match="another model"):
            model.restore(1.04, state)
    more = sound[12 * RATE : 14 * RATE]
    np.testing.assert_array_equal(model.restore(1.04, state).feed(more), stream.feed(more))


def test_a_deployment_loads_a_model_but_none_of_a_pool() -> None:
    need_ray()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of Ray's own imports
        from surtitle.inference.app import Diarization

    assert Diarization(str(MODEL))._replica._info.task == "diarization"
    with pytest.raises(ModelError, match="name the model itself"):
        Diarization("pool:sortformer")
