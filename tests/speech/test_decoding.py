"""What decoding a window needs, without a model."""

from __future__ import annotations

import pytest

from surtitle.speech.whisper.decoding import ends_in_loop


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([7] * 11, True),
        ([1, 2, 3, *[7] * 11], True),
        ([7, 8] * 6, True),
        ([*[7, 8] * 6, 7, 9], True),
        ([*range(10)] * 5, True),
        ([*[7, 8] * 6, 1, 2, 3], False),
        ([7] * 5, False),
        ([7, 8] * 4, False),
        ([*range(10)] * 3, False),
        ([*range(60)], False),
        ([], False),
    ],
)
def test_a_text_that_ends_in_a_loop(tokens: list[int], expected: bool) -> None:
    assert ends_in_loop(tokens) is expected
