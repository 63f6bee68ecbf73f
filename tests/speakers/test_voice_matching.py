"""Which known voice a speaker has, and how voices of several sessions become one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.speakers.voice_encoder import SIZE, VoicePrint, normalize
from surtitle.speakers.voice_matching import MIN_MARGIN, MIN_SIMILARITY, average_voices, compare_voices, find_known
from surtitle.speakers.voice_tracker import Voice


def vector(*values: float) -> VoicePrint:
    return normalize(np.pad(np.array(values), (0, SIZE - len(values))))


def similar(cosine: float) -> VoicePrint:
    """A print with this cosine to ``vector(1)``, unlike all others."""
    return vector(cosine, 0.0, np.sqrt(1 - cosine**2))


ME = Voice(vector(1), 8.0)


@pytest.mark.parametrize(
    ("cosine", "seconds", "found"),
    [
        pytest.param(MIN_SIMILARITY + 0.01, 8.0, "Ada", id="clear"),
        pytest.param(MIN_SIMILARITY - 0.01, 8.0, None, id="another"),
        pytest.param(1.0, 5.9, None, id="too short"),
    ],
)
def test_only_a_clear_match_gets_a_name(cosine: float, seconds: float, found: str | None) -> None:
    assert find_known(Voice(vector(1), seconds), {"Ada": [Voice(similar(cosine), 20.0)]}) == found


def test_of_two_similar_voices_neither_is_chosen() -> None:
    ada, bob = Voice(similar(0.95), 9.0), Voice(vector(0.95 - MIN_MARGIN / 2, 0.4), 9.0)
    assert find_known(ME, {"Ada": [ada], "Bob": [bob]}) is None
    assert find_known(ME, {"Ada": [ada], "Bob": [Voice(similar(0.8), 9.0)]}) == "Ada"


def test_a_name_is_given_once_and_no_other_instead() -> None:
    known = {"Ada": [Voice(similar(0.95), 9.0)], "Bob": [Voice(similar(0.83), 9.0)]}
    assert find_known(ME, known, taken={"Ada"}) is None
    assert find_known(ME, known, taken={"Bob"}) == "Ada"
    assert find_known(ME, {}) is None


def test_each_microphone_of_a_person_counts() -> None:
    known = {"Ada": [Voice(similar(0.95), 9.0), *(Voice(vector(0, 1, at), 60.0) for at in range(3))]}
    assert find_known(ME, known) == "Ada"
    assert find_known(Voice(vector(0, 1, 1), 8.0), known) == "Ada"


def test_longer_speech_counts_more_in_an_average() -> None:
    average = average_voices([Voice(vector(1), 30.0), Voice(vector(0, 1), 10.0)])
    assert average.seconds == 40.0
    assert average.print[0] == pytest.approx(3 * average.print[1])
    with pytest.raises(ValueError, match="average"):
        average_voices([])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(1, 1000)), min_size=1))
def test_an_average_is_a_voice_print(parts: list[tuple[float, float, float]]) -> None:
    voices = [Voice(vector(one, other, 0.1), seconds) for one, other, seconds in parts]
    average = average_voices(voices)
    assert np.linalg.norm(average.print) == pytest.approx(1.0, abs=1e-5)
    lowest = min(compare_voices(one.print, other.print) for one in voices for other in voices)
    assert all(compare_voices(average.print, voice.print) >= lowest - 1e-5 for voice in voices)
