"""What protocols get of a source's captions: every committed word once, in order, between its boundaries."""

from __future__ import annotations

import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.captions.caption import Caption
from surtitle.core.words import Word, join
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.recognizer import Boundary, Recognizer
from surtitle.web.compat.transcript import CaptionChange, Change, Follower, SpeechEnded, SpeechStarted, Turns
from tests.speech.test_recognizer import Counting, Loudness, loud, quiet


def caption(key: str, start: float, committed: str, tentative: str = "", *, final: bool = False) -> Caption:
    said = [Word(text, start + at, start + at + 0.5) for at, text in enumerate(f"{committed} {tentative}".split())]
    count = len(committed.split())
    return Caption(key, 1, "Host", "en", tuple(said[:count]), tuple(said[count:]), final)


def describe(changes: list[Change]) -> list[str]:
    """The new words, "(" where an utterance begins, and ")" where it ends."""
    return [
        join(change.words) if isinstance(change, CaptionChange) else "(" if isinstance(change, SpeechStarted) else ")"
        for change in changes
    ]


def test_each_committed_word_comes_once() -> None:
    follower = Follower()
    assert describe(follower.update([caption("c1", 1, "", "Please")])) == [""]
    assert join(follower.tentative) == "Please"
    assert describe(follower.update([caption("c1", 1, "Please close", "the")])) == ["Please close"]
    assert describe(follower.update([caption("c1", 1, "Please close the door.", final=True)])) == ["the door."]
    assert follower.tentative == ()
    assert describe(follower.update([caption("c1", 1, "Please close the door.", final=True)])) == [""]  # a speaker


def test_a_withdrawn_caption_leaves_nothing() -> None:
    follower = Follower()
    follower.update([caption("c1", 1, "", "Thank you.")])
    assert describe(follower.update([caption("c1", 0, "")])) == [""]
    assert follower.tentative == ()


def test_times_count_from_the_sources_first_sample() -> None:
    changes = Follower(clock=10.0).update(
        [Boundary(11.0, 11.5, speaking=True), caption("c1", 11.5, "Yes.", final=True)]
    )
    assert changes[0] == SpeechStarted(1.0, 1.5)
    assert isinstance(changes[1], CaptionChange)
    assert changes[1].words[0].start == changes[1].caption.start == 1.5


def test_captions_are_put_between_the_boundaries_of_their_utterance() -> None:
    captions = [
        caption("c1", 1.0, "One.", final=True),
        caption("c2", 3.2, "Two.", final=True),  # after the voice has ended, as times of short words may be
        caption("c3", 6.0, "Three"),
    ]
    boundaries = [Boundary(at, at, speaking) for at, speaking in ((0.9, True), (3.0, False), (5.5, True))]
    changes = Follower().update([*captions, *boundaries])
    assert describe(changes) == ["(", "One.", "Two.", ")", "(", "Three"]
    assert changes[3] == SpeechEnded(3.0)


def turns(pause: float) -> Turns:
    return Turns(lambda: pause)


def test_a_pause_that_is_long_enough_ends_a_turn() -> None:
    found = turns(1.0)
    assert list(found.apply([SpeechStarted(0.5, 0.8), SpeechEnded(2.0)], 2.6)) == [SpeechStarted(0.5, 0.8)]
    assert found.waiting
    assert list(found.apply([], 2.9)) == []
    assert list(found.apply([], 3.0)) == [SpeechEnded(2.0)]
    assert not found.waiting


def test_a_short_pause_does_not_end_a_turn() -> None:
    found = turns(1.0)
    changes: list[Change] = [
        SpeechStarted(0.5, 0.8),
        SpeechEnded(2.0),
        SpeechStarted(2.6, 2.9),
        SpeechEnded(4.0),
    ]
    assert list(found.apply([*changes, SpeechStarted(5.5, 5.8)], 6.0)) == [
        SpeechStarted(0.5, 0.8),
        SpeechEnded(4.0),
        SpeechStarted(5.5, 5.8),
    ]


class Patient(Counting):
    """An engine whose utterances begin long before speech is detected, as those of Whisper do."""

    rules = EndpointRules(lead_in=1.0)


@pytest.mark.parametrize("engine", [Counting, Patient])
@pytest.mark.parametrize("gap", [0.8, 1.0, 1.05, 1.3, 1.8, 2.5])
def test_turns_are_the_same_however_large_the_pieces_of_audio_are(engine: type[Counting], gap: float) -> None:
    """An utterance begins before speech is detected, so its beginning does not say how long the pause was."""
    audio = np.concatenate((quiet(1.5), loud(1), quiet(gap), loud(1), quiet(2)))
    assert len({tuple(find_turns(engine(), audio, size)) for size in (512, 1600, 8000, 20_000, 100_000)}) == 1
    kinds = [type(change) for change in find_turns(engine(), audio, 1600)]
    assert kinds == [SpeechStarted, SpeechEnded] * (2 if gap > 1.2 else 1)


def find_turns(engine: Counting, audio: Samples, size: int) -> list[Change]:
    """The turns with pauses of 1.2 s, if the audio is recognized in pieces of ``size`` samples."""
    recognizer, follower, found = Recognizer(engine, Loudness()), Follower(), turns(1.2)
    changes: list[Change] = []
    for at in range(0, len(audio), size):
        recognizer.feed(audio[at : at + size])
        changes += found.apply(follower.update(recognizer.take_boundaries()), min(len(audio), at + size) / RATE)
    return changes


def test_a_flush_ends_a_turn_at_once() -> None:
    found = turns(9.0)
    assert list(found.apply([SpeechStarted(0.5, 0.8), SpeechEnded(2.0)], 2.1)) == [SpeechStarted(0.5, 0.8)]
    assert list(found.release()) == [SpeechEnded(2.0)]
    assert list(found.release()) == []
