"""What Sortformer remembers of a source, as bytes: they arrive as they were sent, and others are refused."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.speakers.sortformer_state import Shape, StreamState, pack_state, unpack_state

SHAPE = Shape(model=7, mels=4, width=6, speakers=4, max_left=8, max_margin=3, max_columns=20, max_cache=10, max_queue=9)
RANDOM = np.random.default_rng(1)


def numbers(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype(np.float32)


STATE = StreamState(
    samples=numbers(500),
    margin=3,
    columns=numbers(4, 12),
    left=8,
    cache=numbers(10, 6),
    cache_activity=numbers(10, 4),
    queue=numbers(5, 6),
    silence=numbers(6),
    silent_frames=1234,
)


@pytest.mark.parametrize(
    "state",
    [
        STATE,
        replace(STATE, columns=numbers(4, 0), left=0, cache=numbers(0, 6), cache_activity=None, samples=numbers(0)),
    ],
)
def test_a_state_arrives_as_it_was_sent(state: StreamState) -> None:
    arrived = unpack_state(pack_state(state, SHAPE), SHAPE)
    for field in fields(StreamState):
        np.testing.assert_array_equal(getattr(arrived, field.name), getattr(state, field.name), field.name)


def test_a_state_has_hardly_more_than_its_numbers() -> None:
    count = sum(array.size for array in vars_of(STATE) if isinstance(array, np.ndarray))
    assert len(pack_state(STATE, SHAPE)) < 4 * count + 50


def vars_of(state: StreamState) -> list[Any]:
    return [getattr(state, field.name) for field in fields(state)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"columns": numbers(4, 21)}, "columns have a wrong size"),
        ({"columns": numbers(1, 13)}, "columns have a wrong size"),
        ({"left": 9}, "more context than columns"),
        ({"left": -1}, "more context than columns"),
        ({"columns": numbers(4, 5)}, "more context than columns"),
        ({"margin": 4}, "samples repeat"),
        ({"cache": numbers(11, 6)}, "cache have a wrong size"),
        ({"cache": numbers(9, 6)}, "another number of frames in its cache"),
        ({"cache": np.full((10, 6), np.nan, np.float32)}, "cache are not all numbers"),
        ({"queue": np.full((1, 6), np.inf, np.float32)}, "queue are not all numbers"),
        ({"queue": numbers(10, 6)}, "queue have a wrong size"),
        ({"silence": numbers(0)}, "no silence"),
        ({"samples": numbers(16_001)}, "samples have a wrong size"),
        ({"silent_frames": -1}, "not understood"),
    ],
)
def test_a_state_that_no_stream_can_have_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack_state(pack_state(replace(STATE, **changes), SHAPE), SHAPE)


def test_the_state_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="another model"):
        unpack_state(pack_state(STATE, SHAPE), replace(SHAPE, model=8))


ITEMS = st.integers(-9, 9) | st.binary(max_size=9) | st.none()


@given(st.binary(max_size=200) | st.lists(ITEMS).map(msgspec.msgpack.encode))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="state"):
        unpack_state(data, SHAPE)


@given(st.integers(0, len(pack_state(STATE, SHAPE)) - 1))
def test_a_part_of_a_state_is_refused(end: int) -> None:
    with pytest.raises(ValueError, match="state"):
        unpack_state(pack_state(STATE, SHAPE)[:end], SHAPE)
