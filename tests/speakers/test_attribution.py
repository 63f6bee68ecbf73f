from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captions.caption import Caption
from surtitle.captions.segmenter import Segmenter
from surtitle.core.words import Hypothesis, Word, join
from surtitle.pipeline import Pipeline
from surtitle.speakers.attribution import AttributedWords, Attribution, main_speakers
from surtitle.speakers.timeline import FRAME, Timeline
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.recognizer import Boundary, Update
from tests.speakers.test_timeline import activity

PATIENCE = 2.0


def words(text: str, start: float = 0.0) -> tuple[Word, ...]:
    return tuple(Word(part, start + i * 0.4, start + i * 0.4 + 0.32) for i, part in enumerate(text.split()))


def attribution(timeline: Timeline | None) -> Attribution:
    made = Attribution(lambda speaker: f"Speaker {speaker + 1}")
    made.timeline, made.patience = timeline, PATIENCE
    return made


def hear(timeline: Timeline, who: str, seconds: float) -> None:
    timeline.add(timeline.known, activity(*[who] * round(seconds / FRAME)))


def said(updates: list[AttributedWords]) -> list[tuple[str, str, bool]]:
    return [(join(one.hypothesis.committed), join(one.hypothesis.tentative), one.endpoint) for one in updates]


def test_without_a_timeline_nothing_waits() -> None:
    made = attribution(None)
    assert said(made.update(Hypothesis(words("one two")), 0.8, endpoint=False)) == [("one two", "", False)]
    assert said(made.update(Hypothesis(words("one two")), 0.8, endpoint=True)) == [("one two", "", True)]
    assert made.settle(1.0) == []


def test_an_utterance_waits_for_its_first_speaker() -> None:
    timeline = Timeline(0.0)
    made = attribution(timeline)
    assert said(made.update(Hypothesis((), words("one two")), 0.8, endpoint=False)) == [("", "", False)]
    hear(timeline, "0", 0.4)
    (update,) = made.settle(1.0)
    assert [word.speaker for word in update.hypothesis.tentative] == ["Speaker 1", None]


def test_a_committed_word_waits_as_a_tentative_one() -> None:
    timeline = Timeline(0.0)
    made = attribution(timeline)
    hear(timeline, "0", 0.4)
    assert said(made.update(Hypothesis(words("one two"), ()), 1.2, endpoint=False)) == [("one", "two", False)]
    hear(timeline, "1", 0.4)
    (update,) = made.settle(1.4)
    assert [word.speaker for word in update.hypothesis.committed] == ["Speaker 1", "Speaker 2"]


def test_words_do_not_wait_for_long() -> None:
    timeline = Timeline(0.0)
    made = attribution(timeline)
    hear(timeline, "0", 0.4)
    made.update(Hypothesis(words("one two")), 1.2, endpoint=True)
    assert said(made.settle(2.3)) == [("one", "two", False)]
    (update,) = made.settle(2.8)
    assert update.endpoint
    assert [word.speaker for word in update.hypothesis.committed] == ["Speaker 1", None]


def test_words_do_not_wait_for_a_model_that_is_behind() -> None:
    timeline = Timeline(0.0)
    made = attribution(timeline)
    heard = 10.0
    late = words("nobody waits", heard - 1.0)
    assert said(made.update(Hypothesis(late), heard, endpoint=False)) == [("nobody waits", "", False)]


def test_the_next_utterance_is_shown_while_the_previous_one_waits() -> None:
    timeline = Timeline(0.0)
    made = attribution(timeline)
    hear(timeline, "0", 0.4)
    made.update(Hypothesis(words("one two")), 1.2, endpoint=True)
    following = Hypothesis(words("three", 1.3), words("four", 1.7))
    assert said(made.update(following, 1.9, endpoint=False)) == [("one", "two three four", False)]
    hear(timeline, "0", 2.0)
    assert said(made.settle(2.0)) == [("one two", "", True), ("three", "four", False)]


def test_flushed_words_do_not_wait() -> None:
    timeline = Timeline(0.0)
    made = attribution(timeline)
    made.update(Hypothesis(words("one two")), 0.8, endpoint=True)
    assert said(made.release()) == [("one two", "", True)]


def test_a_final_caption_gets_its_speaker_later() -> None:
    timeline = Timeline(0.0)
    made = attribution(timeline)
    caption = Caption("c1", 3, "tab", "en", words("one two"), final=True)
    made.keep(caption)
    made.keep(replace(caption, id="c2", speaker="Speaker 7"))
    assert made.take_late() == []
    hear(timeline, "1", 2.0)
    (late,) = made.take_late()
    assert (late.id, late.speaker) == ("c1", "Speaker 2")
    assert made.take_late() == []


def test_a_caption_has_the_names_of_its_main_speakers() -> None:
    one, two = (replace(words("word")[0], speaker=f"Speaker {number}") for number in (1, 2))
    assert main_speakers([one, two, one, two]) == "Speaker 1, Speaker 2"
    assert main_speakers([one] * 9 + [two]) == "Speaker 1"
    assert main_speakers([replace(one, speaker=None)]) is None


_steps = st.lists(
    st.tuples(
        st.integers(0, 3),  # words that are committed
        st.lists(st.sampled_from(["a", "bb", "ccc,", "d.", "eeee"]), max_size=5),  # what is believed after them
        st.sampled_from(["", "0", "1", "01", "2"]),  # who is heard
        st.integers(0, 25),  # frames that become known
    ),
    min_size=1,
    max_size=30,
)


@given(_steps, st.sampled_from([0.0, 0.8, 2.0]))
def test_any_sequence_keeps_the_promises(steps: list[tuple[int, list[str], str, int]], patience: float) -> None:
    """No word is lost, doubled or moved; committed text only grows; a speaker who was shown stays."""
    timeline = Timeline(0.0)
    made = attribution(timeline)
    made.patience = patience
    numbers = itertools.count(1)
    segmenter = Segmenter("tab", lambda: f"c{next(numbers)}")
    captions: dict[str, Caption] = {}
    everything: list[str] = []
    utterance: list[Word] = []
    now = 0.0

    def take(updates: list[AttributedWords]) -> None:
        for update in updates:
            for caption in segmenter.update(update.hypothesis, "en", endpoint=update.endpoint):
                before = captions.get(caption.id)
                if before is not None:
                    assert caption.rev > before.rev
                    assert not before.final
                    assert caption.full_text.startswith(before.text)
                    assert before.speaker in (None, caption.speaker)
                    count = len(before.words)
                    assert [word.speaker for word in caption.words[:count]] == [word.speaker for word in before.words]
                captions[caption.id] = caption

    for number, (commit, believed, who, frames) in enumerate(steps):
        tail = words(" ".join(believed), now)
        hear(timeline, who, frames * FRAME)
        utterance += tail[:commit]
        now += 0.4 * min(commit, len(tail))
        over = number % 4 == 3
        take(made.update(Hypothesis(tuple(utterance), () if over else tail[commit:]), now + 1.0, endpoint=over))
        if over:
            everything += [word.text for word in utterance]
            utterance = []
            now += 0.7
    take(made.release())
    everything += [word.text for word in utterance]
    take(made.update(Hypothesis(tuple(utterance)), now, endpoint=True))
    take(made.release())
    shown = [word for caption in captions.values() if caption.final for word in caption.words]
    assert [word.text for word in sorted(shown, key=lambda word: word.start)] == everything
    assert all(not caption.full_text for caption in captions.values() if not caption.final)


def test_the_end_of_an_utterance_comes_after_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        language = "en"
        rules = EndpointRules()

    stream: Any = Silent()
    pipeline, timeline = Pipeline(stream, "Host", lambda: "c1"), Timeline(0.0)
    pipeline.listen(timeline, PATIENCE)
    update = Update(Hypothesis(words("one two")), endpoint=True)
    boundaries = [
        Boundary(0.0, 0.0, speaking=True),
        Boundary(0.8, 0.8, speaking=False),
        Boundary(0.9, 0.9, speaking=True),
    ]
    monkeypatch.setattr(pipeline._recognizer, "feed", lambda samples: [update] if samples.any() else [])
    monkeypatch.setattr(pipeline._recognizer, "take_boundaries", lambda: [boundaries.pop(0)] if boundaries else [])
    pipeline.feed(np.ones(16_000, dtype=np.float32))
    assert pipeline.take_boundaries() == [Boundary(0.0, 0.0, speaking=True)]
    assert pipeline.take_boundaries() == pipeline.take_boundaries() == []  # the words wait for their speaker
    hear(timeline, "0", 1.0)
    captions = pipeline.feed(np.zeros(1600, dtype=np.float32))
    assert [caption.text for caption in captions if caption.final] == ["one two"]
    assert pipeline.take_boundaries() == [Boundary(0.8, 0.8, speaking=False), Boundary(0.9, 0.9, speaking=True)]
