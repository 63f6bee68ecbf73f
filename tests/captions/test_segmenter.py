from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from surtitle.captions.caption import Caption
from surtitle.captions.layout import Box, wrap
from surtitle.captions.segmenter import Segmenter
from surtitle.core.words import Hypothesis, Word, join


def words(text: str, start: int = 0) -> tuple[Word, ...]:
    return tuple(Word(part, (start + i) * 0.4, (start + i) * 0.4 + 0.3) for i, part in enumerate(text.split()))


class Screen:
    """A reader: replaces by id, highest revision wins, as the contract says."""

    def __init__(self, box: Box = Box()) -> None:
        numbers = itertools.count(1)
        self.segmenter = Segmenter("Host", lambda: f"c{next(numbers)}", box)
        self.captions: dict[str, Caption] = {}
        self.changes: list[Caption] = []

    def update(self, committed: str, tentative: str = "", language: str = "en", *, endpoint: bool = False) -> None:
        count = len(committed.split())
        hypothesis = Hypothesis(words(committed), words(tentative, count))
        self.take(self.segmenter.update(hypothesis, language, endpoint=endpoint))

    def take(self, changes: list[Caption]) -> None:
        for caption in changes:
            before = self.captions.get(caption.id)
            assert before is None or (caption.rev > before.rev and not before.final)
            assert before is None or caption.full_text.startswith(before.text)
            self.captions[caption.id] = caption
            self.changes.append(caption)

    @property
    def texts(self) -> list[str]:
        return [caption.full_text for caption in self.captions.values() if caption.full_text]


def test_words_appear_one_by_one_and_an_endpoint_makes_them_final() -> None:
    screen = Screen()
    screen.update("", "hello")
    screen.update("hello", "wor")
    screen.update("hello world", endpoint=True)
    (caption,) = screen.captions.values()
    assert (caption.id, caption.rev, caption.text, caption.final) == ("c1", 3, "hello world", True)
    assert (caption.start, caption.end) == (0.0, 0.7)


def test_a_caption_keeps_its_language_when_the_next_sentence_is_in_another_one() -> None:
    screen = Screen()
    screen.update("", "todas las grabaciones", "es")
    screen.update("todas las grabaciones.", "and so", "en")  # the change is noticed before the words are committed
    screen.update("todas las grabaciones. and so", "", "en", endpoint=True)
    assert [(one.text, one.language) for one in screen.captions.values()] == [
        ("todas las grabaciones.", "es"),
        ("and so", "en"),
    ]


def test_words_that_another_language_replaces_have_that_language() -> None:
    screen = Screen()
    screen.update("", "tu das", "de")
    screen.update("todas las", "", "es", endpoint=True)
    assert [one.language for one in screen.captions.values()] == ["es"]


def test_nothing_new_is_no_revision() -> None:
    screen = Screen()
    screen.update("", "hello")
    screen.update("", "hello")
    assert len(screen.changes) == 1


def test_a_sentence_ends_a_caption_when_it_is_committed() -> None:
    screen = Screen()
    screen.update("It is late.", "We should")
    assert [(caption.text, caption.final) for caption in screen.captions.values()] == [
        ("It is late.", True),
        ("", False),
    ]
    assert screen.texts == ["It is late.", "We should"]


def test_a_full_caption_ends_between_phrases() -> None:
    screen = Screen(Box(20, 2))
    screen.update("we walked along")
    screen.update("we walked along the river bank, and then we went home")
    finals = [caption.text for caption in screen.captions.values() if caption.final]
    assert finals == ["we walked along the river bank,"]


def test_tentative_words_that_do_not_fit_go_to_the_next_caption_and_come_back() -> None:
    screen = Screen(Box(10, 2))
    screen.update("one two", "three four five six")
    assert screen.texts == ["one two three four", "five six"]
    screen.update("one two", "three")
    assert screen.texts == ["one two three"]
    screen.update("one two three", endpoint=True)
    screen.update("seven", endpoint=True)
    assert screen.texts == ["one two three", "seven"]
    assert all(caption.final for caption in screen.captions.values() if caption.full_text)


_scripts = st.lists(
    st.tuples(st.integers(0, 4), st.lists(st.sampled_from(["a", "bb", "ccc,", "dddd", "e." * 2, "f" * 9]), max_size=8)),
    min_size=1,
    max_size=25,
)


@given(_scripts, st.sampled_from([Box(12, 2), Box(42, 2), Box(8, 1)]))
def test_any_sequence_of_hypotheses_keeps_the_promises(script: list[tuple[int, list[str]]], box: Box) -> None:
    """Committed text only grows, no word is lost or doubled, and no caption exceeds its box."""
    screen = Screen(box)
    said: list[Word] = []
    utterance: list[Word] = []
    for step, (commit, hypothesis) in enumerate(script):
        tail = words(" ".join(hypothesis), len(utterance))
        utterance += tail[:commit]
        endpoint = step % 5 == 4 or step == len(script) - 1
        if endpoint:
            utterance += tail[commit:]
        update = Hypothesis(tuple(utterance), () if endpoint else tail[commit:])
        screen.take(screen.segmenter.update(update, "en", endpoint=endpoint))
        if endpoint:
            said += utterance
            utterance = []
    finals = [caption for caption in screen.captions.values() if caption.final]
    assert join([word for caption in finals for word in caption.words]) == join(said)
    assert all(not caption.full_text for caption in screen.captions.values() if not caption.final)
    for caption in screen.changes:
        assert len(wrap((*caption.words, *caption.tentative), box.columns)) <= box.lines


def spoken(text: str) -> tuple[Word, ...]:
    """Words like "1hello 2there": who says them, none where there is no digit; "3both" is said by 1 and 2 at once."""
    names = {"1": "Speaker 1", "2": "Speaker 2", "3": "Speaker 1, Speaker 2"}
    return tuple(
        Word(part.lstrip("123"), i * 0.4, i * 0.4 + 0.3, speaker=names.get(part[0]))
        for i, part in enumerate(text.split())
    )


class Conversation(Screen):
    """A screen on which words have speakers."""

    def say(self, committed: str, tentative: str = "", *, endpoint: bool = False) -> None:
        everything = spoken(f"{committed} {tentative}")
        count = len(committed.split())
        hypothesis = Hypothesis(everything[:count], everything[count:])
        self.take(self.segmenter.update(hypothesis, "en", endpoint=endpoint))

    @property
    def lines(self) -> list[tuple[str | None, str]]:
        return [(caption.speaker, caption.full_text) for caption in self.captions.values() if caption.full_text]


def test_a_caption_ends_where_another_speaks() -> None:
    screen = Conversation()
    screen.say("1are 1you 1there 2yes", "2I am")
    assert screen.lines == [("Speaker 1", "are you there"), ("Speaker 2", "yes I am")]
    screen.say("1are 1you 1there 2yes 2I 2am", endpoint=True)
    assert screen.lines == [("Speaker 1", "are you there"), ("Speaker 2", "yes I am")]
    assert all(caption.final for caption in screen.captions.values())


def test_tentative_words_of_another_speaker_stand_in_the_next_caption() -> None:
    screen = Conversation()
    screen.say("1are 1you", "1there 2yes")
    assert screen.lines == [("Speaker 1", "are you there"), ("Speaker 2", "yes")]
    assert not any(caption.final for caption in screen.captions.values())


def test_words_of_which_nobody_knows_belong_to_whoever_speaks() -> None:
    screen = Conversation()
    screen.say("so 1are you 1there", endpoint=True)
    assert screen.lines == [("Speaker 1", "so are you there")]


def test_those_who_speak_at_once_have_a_caption_of_their_own() -> None:
    screen = Conversation()
    screen.say("1are 1you 3there 3yes 3now 2I 2am", endpoint=True)
    assert screen.lines == [
        ("Speaker 1", "are you there"),
        ("Speaker 1, Speaker 2", "yes now"),
        ("Speaker 2", "I am"),
    ]


def test_a_word_that_another_speaks_into_ends_no_caption() -> None:
    screen = Conversation()
    screen.say("1are 3you 1there", endpoint=True)
    assert screen.lines == [("Speaker 1", "are you there")]


def test_a_speaker_who_was_shown_is_not_changed_but_taken_back() -> None:
    screen = Conversation()
    screen.say("", "2yes")
    screen.say("", "1yes")
    assert [(one.id, one.speaker, one.full_text) for one in screen.captions.values()] == [
        ("c1", "Speaker 2", ""),
        ("c2", "Speaker 1", "yes"),
    ]
