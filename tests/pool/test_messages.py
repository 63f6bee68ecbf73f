"""The messages between a service and its pool."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from surtitle.core.words import Word
from surtitle.pool.messages import (
    Features,
    WindowAnswer,
    WindowRequest,
    encode,
    pack_features,
    unpack_features,
)
from surtitle.speech.pool.windows import pack_decoded, pack_window, unpack_decoded, unpack_window
from surtitle.speech.whisper.pieces import DecodedWindow, Piece, Window

FEATURES = np.random.default_rng(1).uniform(-1, 2, (80, 730)).astype(np.float32)


def request(window: Window) -> WindowRequest:
    return pack_window(window, source="s", number=3, seconds=2.5, hints="Surtitle", max_hint_tokens=96)


def test_a_window_arrives_as_it_was_sent() -> None:
    window = Window(FEATURES, "de", (5, 6), (7, 8, 9), may_end=True)
    sent = encode(request(window))
    received = msgspec.msgpack.decode(sent, type=WindowRequest)
    assert (received.source, received.number, received.seconds) == ("s", 3, 2.5)
    arrived = unpack_window(received, lambda text, count: (len(text), count))
    assert arrived.context == (8, 96, 5, 6)  # the tokens of the hints come first
    assert (arrived.prefix, arrived.language, arrived.may_end) == (window.prefix, "de", True)
    assert arrived.features.dtype == np.float32
    assert np.abs(arrived.features - FEATURES).max() < 0.00003
    assert len(sent) < 2 * FEATURES.size + 100  # two bytes a number, and hardly anything else


def test_features_that_are_all_the_same_arrive() -> None:
    for value in (0.0, 0.5, -1.25):
        features = np.full((80, 7), value, dtype=np.float32)
        assert np.abs(unpack_features(pack_features(features)) - features).max() < 0.00003


def test_words_arrive_as_they_were_sent() -> None:
    pieces = (
        Piece(Word("Good", 0.0, 0.32, 0.75), (1, 2)),
        Piece(Word("evening.", 0.32, 0.9, 0.5, spaced=False), (3, 4), 1),
    )
    decoded = DecodedWindow(pieces, "en", 0.875, 0.125)
    sent = encode(pack_decoded(decoded))
    assert unpack_decoded(msgspec.msgpack.decode(sent, type=WindowAnswer)) == decoded


@pytest.mark.parametrize(
    "features",
    [
        Features(80, 10, 0.0, 1e-4, b"\0" * 10),  # too few
        Features(2, 1, math.nan, 1e-4, b"\0" * 4),
        Features(2, 1, 0.0, 1e9, b"\0" * 4),
        Features(2, 1, 0.0, -1.0, b"\0" * 4),
    ],
)
def test_other_numbers_than_announced_are_refused(features: Features) -> None:
    with pytest.raises(ValueError, match=r"reshape|out of range"):
        unpack_features(features)


@pytest.mark.parametrize(
    "changes",
    [
        {"features": Features(80, 0, 0.0, 1.0, b"")},
        {"features": Features(80, -1, 0.0, 1.0, b"")},
        {"features": Features(0, 1, 0.0, 1.0, b"")},
        {"seconds": 0.0},
        {"seconds": 1e9},
        {"source": "s" * 65},
        {"prefix": tuple(range(449))},
        {"language": "x" * 65},
    ],
)
def test_what_exceeds_the_limits_is_refused(changes: dict[str, object]) -> None:
    sent = encode(msgspec.structs.replace(request(Window(FEATURES, "en")), **changes))
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(sent, type=WindowRequest)
