"""A stream over a scripted decoder: what it writes and when is exact here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from surtitle.core.errors import EngineError, Unreachable
from surtitle.core.words import Hypothesis, Word, join
from surtitle.speech.policy import AlignAtt, Display, LocalAgreement, Margin, Policy
from surtitle.speech.whisper.features import Frames
from surtitle.speech.whisper.pieces import DecodedWindow, Piece, Window, count_before_collapse
from surtitle.speech.whisper.stream import WindowStream
from tests.support import silence

FRAMES = 100  # in a second
MARGIN = (Margin(0.0, 0.3, 0.3),)  # one for all words


class Clock:
    """Hears a word every half second, named by when it was said; sees which windows it was given."""

    mels = 80

    def __init__(self, language: str = "en", sure: float = 1.0) -> None:
        self.windows: list[Window] = []
        self.language = language
        self.sure = sure
        self.fail = False
        self.unreachable = 0  # windows that are not decoded from now on
        self.sentence = 10  # words in one
        self.begins = 0.0  # seconds of the utterance at which the window does

    def decode(self, window: Window) -> DecodedWindow:
        self.windows.append(window)
        if self.fail:
            raise EngineError("broken")
        if self.unreachable:
            self.unreachable -= 1
            raise Unreachable("nobody answers")
        length = window.features.shape[1] / FRAMES
        if window.prefix:
            said = abs(window.prefix[-1])
        elif window.context and self.begins:
            said = abs(window.context[-1])
        else:
            said = 0
        start = said * 0.5 - self.begins
        pieces = []
        for number in range(said + 1, said + 1 + int(max(0.0, length - start) / 0.5 + 0.05)):
            begin = (number - 1) * 0.5 - self.begins
            word = Word(f"w{number}", begin, min(length, begin + 0.5), 0.9)
            if number % self.sentence:
                pieces.append(Piece(word, (number,)))
            else:
                pieces.append(Piece(replace(word, text=f"w{number}."), (number, -number), marks=1))
        if window.prefix and said % self.sentence == 0 and window.prefix[-1] > 0:
            at = said * 0.5 - self.begins
            pieces.insert(0, Piece(Word(".", at, at, 0.9, spaced=False), (-said,), marks=1))
        return DecodedWindow(tuple(pieces), self.language, self.sure)

    def detect(self, features: Frames) -> tuple[str, float]:
        return self.language, self.sure


def open_stream(decoder: Clock, policy: Policy | None = None, language: str = "en") -> WindowStream:
    return WindowStream(decoder, language, policy or AlignAtt(MARGIN), Display(0.1, 0.0), ())


def say(stream: WindowStream, seconds: float, quiet: float = 0.0) -> Hypothesis | None:
    return stream.accept(silence(seconds), quiet)


def test_it_decodes_when_there_is_enough_new_audio() -> None:
    decoder = Clock()
    stream = open_stream(decoder)
    answers = [say(stream, 0.1) for _ in range(20)]
    assert len(decoder.windows) == 3
    assert sum(answer is not None for answer in answers) == 3


def test_the_committed_prefix_is_forced_and_only_grows() -> None:
    decoder = Clock()
    stream = open_stream(decoder)
    for _ in range(4):
        hypothesis = say(stream, 1.0)
    assert hypothesis is not None
    assert join(hypothesis.committed) == "w1 w2 w3 w4 w5 w6 w7"
    assert [window.prefix for window in decoder.windows] == [(), (1,), (1, 2, 3), (1, 2, 3, 4, 5)]


def test_a_pause_commits_the_words_but_not_the_end_of_the_sentence() -> None:
    decoder = Clock()
    decoder.sentence = 4
    stream = open_stream(decoder)
    say(stream, 2.0)
    say(stream, 0.3, quiet=0.3)
    paused = say(stream, 0.2, quiet=0.5)
    assert paused is not None
    assert (join(paused.committed), join(paused.tentative)) == ("w1 w2 w3 w4", ".")
    assert len(decoder.windows) == 2
    assert join(stream.finish().committed) == "w1 w2 w3 w4."
    assert len(decoder.windows) == 2  # nothing new was said since


def test_the_next_words_decide_whether_a_sentence_ended_in_a_pause() -> None:
    class Changing(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            self.windows.append(window)
            if window.features.shape[1] / FRAMES < 2.0:
                return DecodedWindow((Piece(Word("workflow.", 0.2, 1.0, 0.9), (1, 2), marks=1),), "en", 1.0)
            assert window.prefix == (1,)
            return DecodedWindow((Piece(Word("was", 1.8, 2.0, 0.9), (3,)),), "en", 1.0)

    stream = open_stream(Changing())
    say(stream, 1.0)
    paused = say(stream, 0.5, quiet=0.5)
    assert paused is not None
    assert (join(paused.committed), join(paused.tentative)) == ("workflow", ".")
    say(stream, 1.0)
    assert join(stream.finish().committed) == "workflow was"


@pytest.mark.parametrize("text", ["268.", "$268", "12,068"])
@pytest.mark.parametrize("pause", [True, False])
def test_a_number_waits_for_the_next_word_or_a_pause(text: str, *, pause: bool) -> None:
    class Counting(Clock):
        """Writes a number early, and continues it while the same number is still spoken."""

        def decode(self, window: Window) -> DecodedWindow:
            self.windows.append(window)
            if window.prefix[-1:] == (2,):
                return DecodedWindow((Piece(Word("68", 1.6, 1.9, 0.9), (4,)),), "en", 1.0)
            number = [Piece(Word("is", 0.2, 0.5, 0.9), (1,))] if not window.prefix else []
            marks = 1 if text.endswith(".") else 0
            number.append(Piece(Word(text, 0.6, min(1.0 + len(self.windows), 2.0), 0.9), (2, 3)[: 1 + marks], marks))
            return DecodedWindow(tuple(number), "en", 1.0)

    stream = open_stream(Counting())
    say(stream, 2.0)
    spoken = say(stream, 0.6)
    assert spoken is not None
    assert join(spoken.committed) == "is"
    assert join(spoken.tentative) == text
    if pause:
        paused = say(stream, 0.5, quiet=0.5)
        assert paused is not None
        assert join(paused.committed) == "is " + text.rstrip(".")
    assert join(stream.finish().committed) == f"is {text}"


def test_a_number_may_have_several_pieces_and_only_the_last_one_waits() -> None:
    class Counting(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            self.windows.append(window)
            texts = [("4", 0.4, True), ("5", 0.8, True), ("10", 1.2, True), (",000", 1.4, False)]
            pieces = [
                Piece(Word(word, end - 0.2, end, 0.9, spaced=spaced), (number,))
                for number, (word, end, spaced) in enumerate(texts)
            ]
            return DecodedWindow(tuple(pieces[len(window.prefix) :]), "en", 1.0)

    stream = open_stream(Counting())
    spoken = say(stream, 2.0)
    assert spoken is not None
    assert (join(spoken.committed), join(spoken.tentative)) == ("4 5", "10,000")


def test_after_a_pause_at_which_the_decoder_stops_a_new_window_begins() -> None:
    class Stopping(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            self.windows.append(window)
            if window.prefix:
                return DecodedWindow((Piece(Word(".", 1.0, 1.6, 0.9, spaced=False), (2,), marks=1),), "en", 1.0)
            if len(self.windows) <= 2:
                return DecodedWindow((Piece(Word("bank.", 0.2, 1.0, 0.9), (1, 2), marks=1),), "en", 1.0)
            end = window.features.shape[1] / FRAMES
            return DecodedWindow((Piece(Word("And", end - 0.4, end - 0.1, 0.9), (3,)),), "en", 1.0)

    decoder = Stopping()
    stream = open_stream(decoder)
    say(stream, 1.0)
    say(stream, 0.5, quiet=0.5)
    said = say(stream, 2.0)
    assert said is not None
    assert (join(said.committed), join(said.tentative)) == ("bank.", "And")
    assert [word.end for word in said.committed] == [1.0, 1.0]  # the full stop takes no time from the next words
    said = say(stream, 1.0)
    assert said is not None
    assert (join(said.committed), join(said.tentative)) == ("bank.", "And")
    assert decoder.windows[-1].context == ()  # too short to be shared with other windows
    assert join(stream.finish().committed) == "bank. And"


def test_the_ellipsis_of_an_unfinished_sentence_is_removed() -> None:
    class Broken(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            return DecodedWindow((Piece(Word("college...", 0.2, 1.0, 0.9), (1, 2), marks=1),), "en", 1.0)

    stream = open_stream(Broken())
    say(stream, 1.0)
    assert join(stream.finish().committed) == "college"


def test_a_sentence_copied_from_the_context_is_removed() -> None:
    class Remembering(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            heard = [Piece(Word("One", 0.2, 0.5, 0.9), (1,)), Piece(Word("two", 0.5, 1.0, 0.9), (2,))]
            again = [
                Piece(Word(text, 1.0, 1.0, 0.99), (n,)) for n, text in enumerate(["now", "when", "a", "normal"], 3)
            ]
            return DecodedWindow((*heard, *again), "en", 1.0)

    stream = open_stream(Remembering())
    say(stream, 1.2)
    assert join(stream.finish().committed) == "One"  # the last word before them may be part of it


def test_speech_after_the_last_decoding_is_decoded_at_the_end() -> None:
    decoder = Clock()
    stream = open_stream(decoder)
    say(stream, 1.0)
    say(stream, 0.5)
    assert join(stream.finish().committed) == "w1 w2 w3"


def test_the_window_slides_to_a_sentence_and_carries_a_bounded_context() -> None:
    decoder = Clock()
    stream = open_stream(decoder)
    heard = 0.0
    for _ in range(600):
        heard += 0.1
        hypothesis = say(stream, 0.1)
        decoder.begins = stream.window_start
    assert hypothesis is not None
    lengths = [window.features.shape[1] / FRAMES for window in decoder.windows]
    assert max(lengths) < 15
    assert max(len(window.context) for window in decoder.windows) <= 32
    said = [word.text.strip(".") for word in hypothesis.committed if word.key]
    assert said == [f"w{n + 1}" for n in range(len(said))]
    assert len(hypothesis.committed) > 110
    assert abs(decoder.windows[-1].context[-1]) % 10 == 0  # the window begins with a sentence


def test_audio_that_comes_all_at_once_is_decoded_in_parts() -> None:
    decoder = Clock()
    stream = open_stream(decoder)
    say(stream, 70.0)
    assert len(decoder.windows) >= 3
    assert max(window.features.shape[1] for window in decoder.windows) <= 2500


def test_the_window_slides_even_if_hypotheses_never_agree() -> None:
    class Fickle(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            decoded = super().decode(window)
            other = len(self.windows)
            pieces = tuple(
                Piece(Word(f"{p.word.text}-{other}", p.word.start, p.word.end), p.tokens) for p in decoded.pieces
            )
            return DecodedWindow(pieces, "en", 1.0)

    decoder = Fickle()
    stream = open_stream(decoder, LocalAgreement(2))
    for _ in range(300):
        hypothesis = say(stream, 0.1)
        decoder.begins = stream.window_start
    assert max(window.features.shape[1] for window in decoder.windows) < 1700
    assert hypothesis is not None
    assert len(hypothesis.committed) > 20


def test_a_language_is_accepted_after_enough_voice() -> None:
    stream = open_stream(Clock("fr", 0.9), language="auto")
    assert say(stream, 0.7) is None
    assert stream.language == "auto"
    assert say(stream, 0.7) is not None
    assert stream.language == "fr"


def test_a_doubtful_language_is_accepted_after_three_seconds() -> None:
    stream = open_stream(Clock("fr", 0.3), language="auto")
    assert say(stream, 2.0) is None
    assert say(stream, 1.5) is not None
    assert stream.language == "fr"


def test_a_change_of_language_is_followed() -> None:
    decoder = Clock("fr", 0.9)
    stream = open_stream(decoder, language="auto")
    say(stream, 3.0)
    stream.finish()
    decoder.language = "en"
    for _ in range(8):
        say(stream, 0.7)
    assert stream.language == "en"
    assert decoder.windows[-1].language == "en"


def test_a_change_of_language_in_a_pause_leaves_no_words_of_the_language_before() -> None:
    decoder = Clock("fr", 0.9)
    stream = open_stream(decoder, language="auto")
    say(stream, 2.0)
    before = say(stream, 0.5, quiet=0.5)
    assert before is not None
    decoder.language = "en"
    undecided = say(stream, 0.9)
    assert undecided is not None
    assert undecided.committed == before.committed
    assert stream.language == "fr"
    changed = say(stream, 0.6)
    assert changed is not None
    assert stream.language == "en"
    assert decoder.windows[-1].language == "en"
    assert decoder.windows[-1].prefix == ()
    assert decoder.windows[-1].features.shape[1] / FRAMES == pytest.approx(1.7, abs=0.05)  # only what is new


def test_the_words_after_a_pause_do_not_wait_for_an_uncertain_language() -> None:
    decoder = Clock("fr", 0.9)
    stream = open_stream(decoder, language="auto")
    say(stream, 2.0)
    before = say(stream, 0.5, quiet=0.5)
    decoder.language, decoder.sure = "cy", 0.3
    for _ in range(3):
        hypothesis = say(stream, 0.8)
    assert before is not None
    assert hypothesis is not None
    assert len(hypothesis.committed) > len(before.committed)
    assert stream.language == "fr"


def test_a_pinned_language_stays() -> None:
    stream = open_stream(Clock("fr", 1.0), language="de")
    say(stream, 3.0)
    assert stream.language == "de"


def test_after_a_failure_the_committed_words_and_the_next_utterance_are_intact() -> None:
    decoder = Clock()
    stream = open_stream(decoder)
    say(stream, 2.0)
    decoder.fail = True
    with pytest.raises(EngineError):
        say(stream, 2.0)
    assert join(stream.finish().committed) == "w1 w2 w3 w4"
    decoder.fail = False
    assert join(open_stream(decoder).finish().committed) == ""
    say(stream, 1.0)
    assert join(stream.finish().committed) == "w1 w2"


def test_a_decoder_that_fails_at_the_end_does_not_fail_twice() -> None:
    decoder = Clock()
    stream = open_stream(decoder)
    say(stream, 0.5)
    decoder.fail = True
    with pytest.raises(EngineError):
        stream.finish()
    assert stream.finish() == Hypothesis()


def test_words_wait_for_a_decoder_that_cannot_be_reached() -> None:
    decoder = Clock()
    stream = open_stream(decoder)
    say(stream, 2.0)
    decoder.unreachable = 3
    assert [say(stream, 1.0) for _ in range(3)] == [None, None, None]
    hypothesis = say(stream, 1.0)
    assert hypothesis is not None
    heard = join(hypothesis.committed + hypothesis.tentative)
    assert heard == "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10. w11"
    assert not any(say(stream, 0.1) for _ in range(4))  # no more often than usual


def test_the_last_words_wait_for_a_decoder_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.speech.whisper.stream._RETRY_DELAY", 0.0)
    decoder = Clock()
    stream = open_stream(decoder)
    say(stream, 2.0)
    decoder.unreachable = 5
    say(stream, 0.5)
    assert join(stream.finish().committed) == "w1 w2 w3 w4 w5"


def test_a_decoder_that_stays_out_of_reach_fails_with_bounded_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.speech.whisper.stream._MAX_WAIT", 0.0)
    decoder = Clock()
    stream = open_stream(decoder)
    say(stream, 2.0)
    decoder.unreachable = 1000
    failed = False
    while not failed:
        assert len(decoder.windows) < 30
        try:
            say(stream, 1.0)
        except Unreachable:
            failed = True
    assert max(window.features.shape[1] for window in decoder.windows) <= 25 * FRAMES
    assert join(stream.finish().committed) == "w1 w2 w3 w4"
    say(stream, 0.2)
    with pytest.raises(Unreachable):
        stream.finish()
    assert stream.finish() == Hypothesis()
    decoder.unreachable = 0
    say(stream, 1.0)
    assert join(stream.finish().committed) == "w1 w2"


class Babble(Clock):
    """Writes whatever it was told to, window after window."""

    def __init__(self, script: list[list[str]]) -> None:
        super().__init__()
        self._script = script

    def decode(self, window: Window) -> DecodedWindow:
        self.windows.append(window)
        text = self._script[len(self.windows) % len(self._script)]
        length = window.features.shape[1] / FRAMES
        each = length / max(1, len(text))
        pieces = [Piece(Word(word, n * each, (n + 1) * each, 0.9), (n,)) for n, word in enumerate(text)]
        return DecodedWindow(tuple(pieces), "en", 1.0)


def test_an_invented_stock_phrase_is_neither_shown_nor_committed() -> None:
    class Thankful(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            words = [Word("Thank", 0.0, 0.2, 0.2), Word("you.", 0.2, 0.4, 0.3)]
            return DecodedWindow(tuple(Piece(word, (1,)) for word in words), "en", 1.0)

    stream = open_stream(Thankful())
    assert say(stream, 0.8) == Hypothesis()
    assert say(stream, 0.3, quiet=0.3) == Hypothesis()
    assert stream.finish() == Hypothesis()


def test_doubtful_words_appear_when_the_decoder_writes_them_again() -> None:
    class Doubtful(Babble):
        def decode(self, window: Window) -> DecodedWindow:
            decoded = super().decode(window)
            pieces = [replace(piece, word=replace(piece.word, probability=0.6)) for piece in decoded.pieces]
            return replace(decoded, pieces=tuple(pieces), no_speech=0.4)

    speech = open_stream(Doubtful([["And", "says,"], ["And", "says,", "how"]]))
    assert say(speech, 0.8) == Hypothesis()
    shown = say(speech, 0.8)
    assert shown is not None
    assert join([*shown.committed, *shown.tentative]).startswith("And")
    laughter = open_stream(Doubtful([["Put", "the", "rhythm"], ["What", "happened?"], ["Go", "to", "bed"]]))
    assert [say(laughter, 0.8), say(laughter, 0.8), say(laughter, 0.8)] == [Hypothesis()] * 3
    assert laughter.finish() == Hypothesis()


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ([("Adams", 1.5, 1.8), ("said.", 1.8, 1.8)], ""),  # where nobody speaks any more
        ([("A", 0.3, 0.3), ("whether.", 0.3, 0.5)], ""),  # in the sound of what was written already
        ([("Yes.", 1.2, 1.5)], " Yes."),
    ],
)
def test_after_a_sentence_words_without_sound_are_removed(words: list[tuple[str, float, float]], kept: str) -> None:
    class Eager(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            said = words if window.prefix else [("It", 0.2, 0.6), ("is.", 0.6, 1.0)]
            return DecodedWindow(tuple(Piece(Word(*word, 0.9), (n,)) for n, word in enumerate(said)), "en", 1.0)

    stream = open_stream(Eager())
    say(stream, 1.5)
    say(stream, 0.3, quiet=0.3)
    assert join(stream.finish().committed) == "It is." + kept


def _repeat(phrase: str, times: int, probability: float) -> list[tuple[str, float]]:
    return [(word, probability) for word in phrase.split() * times]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            [*_repeat("ask what your country can do", 4, 0.95), *_repeat("and now the weather", 1, 0.9)],
            "ask what your country can do " * 3 + "and now the weather",
        ),
        ([*_repeat("ha", 9, 0.9), *_repeat("that was funny indeed", 1, 0.5)], "that was funny indeed"),
        (_repeat("ha", 9, 0.9), ""),
        ([*_repeat("ha", 9, 0.9), ("so", 0.2)], ""),
    ],
)
def test_what_follows_a_repetition_with_pauses_is_kept(written: list[tuple[str, float]], expected: str) -> None:
    class Repeating(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            words = [Word(text, n * 0.4, n * 0.4 + 0.4, probability) for n, (text, probability) in enumerate(written)]
            pieces = [Piece(word, (sum(map(ord, word.text)),)) for word in words]
            return DecodedWindow(tuple(pieces), "en", 1.0, no_speech=0.12)

    stream = open_stream(Repeating())
    length = 0.4 * len(written)
    stream.accept(silence(length), 0.0, length / 2)  # half of it is voice
    assert join(stream.finish().committed) == expected.strip()


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("along the southern ridge along", "along the southern ridge"),
        ("along the southern ridge along the", "along the southern ridge"),
        ("ridge ridge", "ridge"),
        ("along the southern ridge and", "along the southern ridge and"),
    ],
)
@pytest.mark.parametrize("paused", [False, True])
def test_a_text_that_begins_again_without_voice_is_cut(written: str, heard: str, *, paused: bool) -> None:
    spoken = len(heard.split())
    voice = 0.5 * spoken

    class Restarting(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            known = len(window.prefix)
            words = [
                Word(text, min(n * 0.5, voice), min(n * 0.5 + 0.5, voice + 0.1), 0.8)
                for n, text in enumerate(written.split())
            ]
            pieces = [Piece(word, (n,)) for n, word in enumerate(words)]
            return DecodedWindow(tuple(pieces[known:]), "en", 1.0)

    stream = open_stream(Restarting())
    stream.accept(silence(voice), 0.0, voice)
    if paused:
        stream.accept(silence(0.5), 0.5, 0.0)
    assert join(stream.finish().committed) == heard


class Stuck(Clock):
    """Loops in windows of more than three seconds, so that it never hears what is said after a repetition."""

    def __init__(self, said: str, probability: float) -> None:
        super().__init__()
        self._said, self._probability = said, probability

    def decode(self, window: Window) -> DecodedWindow:
        self.windows.append(window)
        length = window.features.shape[1] / FRAMES
        text, probability = (["row,", "row!"] * 8, 0.9) if length > 3.0 else (self._said.split(), self._probability)
        words = [
            Word(word, length * number / len(text), length * (number + 1) / len(text), probability)
            for number, word in enumerate(text)
        ]
        return DecodedWindow(
            tuple(Piece(word, (len(word.key), number)) for number, word in enumerate(words)), "en", 1.0, no_speech=0.5
        )


@pytest.mark.parametrize(
    ("probability", "expected"), [(0.9, "your boat gently down the stream"), (0.65, "")], ids=["words", "laughter"]
)
def test_the_end_of_a_window_that_loops_is_decoded_on_its_own(probability: float, expected: str) -> None:
    stream = open_stream(Stuck("your boat gently down the stream", probability))
    stream.accept(silence(6.0), 0.0, 6.0)
    assert join(stream.finish().committed) == expected


class LoopAfterSpeech(Clock):
    """Writes eight words in four seconds, and then loops."""

    def decode(self, window: Window) -> DecodedWindow:
        self.windows.append(window)
        length = window.features.shape[1] / FRAMES
        said = [Word(f"word{number}", number * 0.5, number * 0.5 + 0.5, 0.9) for number in range(8)]
        loop = [Word("row", 4.0 + number * 0.2, 4.2 + number * 0.2, 0.9) for number in range(16)]
        words = said if length < 5.0 else said + loop
        pieces = [Piece(word, (number if word in said else 100,)) for number, word in enumerate(words)]
        return DecodedWindow(tuple(pieces[len(window.prefix) :]), "en", 1.0)


def test_committed_words_are_not_decoded_again_after_a_loop() -> None:
    decoder = LoopAfterSpeech()
    stream = open_stream(decoder)
    for _ in range(2):
        stream.accept(silence(2.4), 0.0, 2.4)
    stream.accept(silence(3.2), 0.0, 3.2)
    before, after = decoder.windows[-2:]
    committed = len(before.prefix) * 0.5
    assert committed > 3.0
    assert after.prefix == ()
    assert after.features.shape[1] / FRAMES <= 8.0 - committed


def test_a_short_window_that_loops_waits_for_more_sound() -> None:
    decoder = Stuck("", 0.9)
    stream = open_stream(decoder)
    stream.accept(silence(3.5), 0.0, 3.5)
    assert len(decoder.windows) == 1


@pytest.mark.parametrize(
    ("text", "collapsed", "expected"),
    [
        ("talk talk talk talk that was funny", {2, 3, 4}, 7),
        ("gently down the stream. Gently down the stream.", {4, 5, 6, 7}, 4),
        ("when I'm not with him, when I'm not with him", {7, 8, 9}, 6),
        ("one of them was not here", {3, 4, 5}, 2),
    ],
)
def test_words_that_repeat_those_before_them_do_not_count_as_invented(
    text: str, collapsed: set[int], expected: int
) -> None:
    words = [
        Word(word, number, number + (0.0 if number in collapsed else 0.5)) for number, word in enumerate(text.split())
    ]
    assert count_before_collapse(words) == expected


def test_words_between_which_the_attention_did_not_move_may_be_a_repetition() -> None:
    class Repeating(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            ends = [0.3, 0.6, 0.9, 0.9, 0.9, 0.9, 1.2, 1.5, 1.8, 2.1]
            text = ["bye"] * 6 + ["and", "now", "the", "weather"]
            words = [Word(word, start, end) for word, start, end in zip(text, [0.0, *ends], ends, strict=False)]
            return DecodedWindow(tuple(Piece(word, (7,)) for word in words), "en", 1.0)

    stream = open_stream(Repeating())
    stream.accept(silence(2.2), 0.0, 2.2)
    assert join(stream.finish().committed) == "bye bye bye bye bye bye and now the weather"


@pytest.mark.parametrize(("probability", "no_speech", "heard"), [(0.15, 0.47, "bank."), (0.8, 0.05, "bank. And")])
def test_the_first_sound_of_a_word_after_a_pause_is_no_word(probability: float, no_speech: float, heard: str) -> None:
    class Cut(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            self.windows.append(window)
            if window.prefix:
                return DecodedWindow((Piece(Word(".", 1.0, 1.0, 0.9, spaced=False), (2,), marks=1),), "en", 1.0)
            if len(self.windows) <= 2:
                return DecodedWindow((Piece(Word("bank.", 0.2, 1.0, 0.9), (1, 2), marks=1),), "en", 1.0)
            end = window.features.shape[1] / FRAMES
            return DecodedWindow((Piece(Word("And", end - 0.4, end, probability), (3,)),), "en", 1.0, no_speech)

    stream = open_stream(Cut())
    stream.accept(silence(1.0), 0.0, 1.0)
    stream.accept(silence(0.5), 0.5, 0.0)
    stream.accept(silence(2.0), 0.0, 0.3)
    assert join(stream.finish().committed) == heard


def test_a_loop_is_cut_and_does_not_continue_in_the_next_utterance() -> None:
    class Looping(Clock):
        def decode(self, window: Window) -> DecodedWindow:
            self.windows.append(window)
            words = [Word("again", n * 0.1, n * 0.1 + 0.1) for n in range(40)]
            return DecodedWindow(tuple(Piece(word, (7,)) for word in words), "en", 1.0)

    decoder = Looping()
    stream = open_stream(decoder)
    say(stream, 5.0)
    assert len(stream.finish().committed) <= 12
    say(stream, 5.0)
    assert len(decoder.windows[-1].context) <= 12


_scripts = st.lists(st.lists(st.sampled_from(["a", "b.", "c", "d"]), max_size=8), min_size=1, max_size=10)
_policies = st.sampled_from([lambda: LocalAgreement(2), lambda: AlignAtt(MARGIN)])
_steps = st.lists(st.tuples(st.floats(0.01, 9), st.sampled_from([0.0, 0.3, 0.6])), min_size=1, max_size=15)


@pytest.mark.slow
@settings(max_examples=50)
@given(_scripts, _policies, _steps)
@example([[], [], ["a"], ["a", "a"], [], [], []], lambda: AlignAtt(MARGIN), [(1.0, 0.0)] * 7 + [(6.0, 0.0), (7.0, 0.3)])
def test_committed_text_is_only_ever_appended_to(
    script: list[list[str]], policy: Callable[[], Policy], steps: list[tuple[float, float]]
) -> None:
    stream = open_stream(Babble(script), policy())
    before: tuple[Word, ...] = ()
    for seconds, quiet in steps:
        hypothesis = stream.accept(silence(seconds), min(quiet, seconds))
        if hypothesis is not None:
            assert hypothesis.committed[: len(before)] == before
            before = hypothesis.committed
    final = stream.finish().committed
    assert final[: len(before)] == before
    ends = [word.end for word in final]
    assert ends == sorted(ends)
    assert all(0 <= word.start <= word.end for word in final)


class Parrot(Clock):
    """Repeats what came before a window, and then hears less or nothing of it."""

    def __init__(self, copies: int, heard: int) -> None:
        super().__init__()
        self.copies, self.heard = copies, heard

    def decode(self, window: Window) -> DecodedWindow:
        decoded = super().decode(window)
        if window.context and not window.prefix:
            copied = [Piece(Word(f"w{token}", 0.0, 0.4, 0.9), (token,)) for token in window.context[-self.copies :]]
            heard = [Piece(piece.word, (0,)) for piece in decoded.pieces[: self.heard]]
            return DecodedWindow((*copied, *heard), "en", 1.0)
        return decoded


@pytest.mark.parametrize(("copies", "heard"), [(4, 0), (8, 3)])
def test_a_window_that_repeats_its_context_is_decoded_again_without_it(copies: int, heard: int) -> None:
    decoder = Parrot(copies, heard)
    stream = open_stream(decoder)
    said = []
    for _ in range(4):
        for _ in range(10):
            say(stream, 0.3)
        said.append(join(stream.finish().committed))
    assert said == ["w1 w2 w3 w4 w5 w6"] * 4
    assert any(window.context for window in decoder.windows)


def test_words_that_are_really_repeated_are_kept() -> None:
    decoder = Clock()
    stream = open_stream(decoder)
    for _ in range(2):
        for _ in range(10):
            say(stream, 0.3)
        assert join(stream.finish().committed) == "w1 w2 w3 w4 w5 w6"
