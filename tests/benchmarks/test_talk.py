"""Recordings of a folder, and talks made of them."""

from __future__ import annotations

import wave
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmarks import recordings as module
from benchmarks.models import Model
from benchmarks.recordings import Recording, aligned, recordings
from benchmarks.scores import TimedWord
from benchmarks.talk import GAP, LEAD, cut, shuffled, talk
from benchmarks.whole_file import Transcript
from surtitle.audio import RATE

MODEL = Model("base", Path("nowhere"))


def recording(name: str, text: str, language: str = "en") -> Recording:
    """A word a second, each half a second long, from the start."""
    said = text.split()
    heard = [TimedWord(word, float(place), place + 0.5) for place, word in enumerate(said)]
    return aligned(name, language, np.full(len(said) * RATE, len(name), np.int16), text, heard)


ONE = recording("one", "This is one.")
TWO = recording("twos", "here are two of them")
THREE = recording("three", "Three words follow: a b c d e f.")


def write(folder: Path, name: str, text: str | None) -> None:
    with wave.open(str(folder / f"{name}.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((np.sin(np.arange(8000) / 5) * 9000).astype("<i2").tobytes())
    if text is not None:
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Recordings whose model hears the first word only, and takes what has no language in its name for English."""
    asked: list[str | None] = []

    def transcript(model: Model, samples: object, language: str | None = None) -> Transcript:
        asked.append(language)
        return Transcript(language or "en", "hello", (TimedWord("Hello,", 0.2, 0.6),))

    monkeypatch.setattr(module, "transcript", transcript)
    monkeypatch.setenv(module.VARIABLE, str(tmp_path))
    for name, text in (("a", "Hello, you\n two."), ("b-fr2", "Bonjour 1"), ("c.de", "Guten Tag."), ("d", None)):
        write(tmp_path, name, text)
    return tmp_path


def test_recordings_are_audio_files_with_their_words_beside_them(folder: Path) -> None:
    found = {one.name: one for one in recordings(MODEL)}
    assert {name: one.language for name, one in found.items()} == {"a": "en", "b-fr2": "fr", "c.de": "de"}
    assert [word.word for word in found["a"].words] == ["hello", "you", "2"]
    assert [token.word for token in found["a"].tokens] == ["Hello,", "you", "two."]
    assert found["a"].words[0] == TimedWord("hello", 0.2, 0.6)
    assert found["a"].seconds == pytest.approx(1.0, abs=0.01)
    assert np.abs(found["a"].samples).max() == pytest.approx(9000, rel=0.02)


def test_recordings_of_one_language(folder: Path) -> None:
    assert [one.name for one in recordings(MODEL, "fr")] == ["b-fr2"]


def test_no_recording_is_an_error_that_says_what_to_do(folder: Path) -> None:
    with pytest.raises(LookupError, match=module.VARIABLE):
        recordings(MODEL, "it")


def test_a_reference_is_formatted_when_it_has_case_and_an_end() -> None:
    assert ONE.formatted
    assert not TWO.formatted
    assert not recording("x", "CONCORD RETURNED.").formatted
    assert recording("j", "東京。", "ja").formatted


def test_a_talk_has_every_recording_once() -> None:
    one = talk([ONE, TWO, THREE], seed=3)
    assert sorted(one.recordings) == ["one", "three", "twos"]
    assert one.seconds == pytest.approx(LEAD + 3 * GAP + 3 + 5 + 9)
    assert len(one.words) == 3 + 5 + 9
    for word in one.words:  # the samples of a recording are the length of its name
        inside = one.samples[round(word.start * RATE) : round(word.end * RATE)]
        assert set(inside) <= {3, 4, 5}
    assert {reference.token for reference in one.references if not reference.scored} == {
        *["here", "are", "two", "of", "them"]
    }


def test_seeds_and_sources_have_other_orders_and_begin_with_other_recordings() -> None:
    everything = [ONE, TWO, THREE]
    assert {talk(everything, 2.0, 1, source).recordings[0] for source in range(3)} == {"one", "three", "twos"}
    assert talk(everything, 60.0, 1, 1).recordings == talk(everything, 60.0, 1, 1).recordings
    assert len({talk(everything, 60.0, seed).recordings for seed in range(5)}) > 1


def test_recordings_are_repeated_only_when_all_were_heard() -> None:
    order = [one.name for one in islice(shuffled([ONE, TWO, THREE], 4), 9)]
    assert [sorted(order[at : at + 3]) for at in (0, 3, 6)] == [["one", "three", "twos"]] * 3


def test_a_talk_ends_at_the_first_pause_after_its_length() -> None:
    one = talk([THREE], 3.0)
    assert one.seconds == pytest.approx(LEAD + 2.75 + GAP)  # the third word ends 3.0 s after the start of the talk
    assert [word.word for word in one.words] == ["3", "words", "follow"]
    assert [reference.token for reference in one.references] == ["Three", "words", "follow:"]


def test_a_recording_without_a_pause_is_not_cut() -> None:
    fast = aligned("fast", "en", np.zeros(RATE, np.int16), "a b c", [TimedWord(w, 0.3 * i, 0.3 * i + 0.2) for i, w in
                                                                    enumerate("abc")])  # fmt: skip
    assert cut(fast, 0.1) is fast
