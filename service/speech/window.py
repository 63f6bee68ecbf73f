"""A stream made of a recognizer that knows only windows of audio."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from typing import Protocol

from service.audio import RATE, Samples
from service.speech.commitment import Commitment
from service.speech.features import HOP, Frames, LogMel
from service.speech.guards import Evidence, believed, is_invented
from service.speech.policy import Display, Policy
from service.speech.words import Hypothesis, Word

_FRAME = HOP / RATE  # seconds
_STEP = 0.6  # seconds of new speech before the window is decoded again, at least
_SHARE = 2.2  # times as long as a decoding took lately: a slow model, or one with many sources, decodes less often
_STEP_MOST = 3.0  # seconds, however slow it is
_PAUSE = 0.25  # seconds of silence after which what was said is decoded, without waiting for a step
_LONG = 6.0  # seconds of audio in a window, from which it slides to a new sentence
_LONGEST = 12.0  # from which it slides to any word
_MOST = 25.0  # that one window can have; what comes at once is decoded in such parts
_KEEP = 1.0  # seconds that stay when it slides
_CONTEXT = 32  # tokens of what was said before
_HOLD = True
_BEAM, _BEAMS = 1, 1
_COLLAPSE = 3
_clock = time.monotonic
_CONTEXT_STEP = 16  # windows are decoded together only if their contexts are of one length
_ECHO, _ECHO_MOST = 3, 8  # tokens that may stand in the context again by chance; those that are looked for there
_AFTER_VOICE = 0.1  # seconds after the last voice that still can be a word's
_SOUND = 0.04  # seconds of voice that the first word after a sentence has at least
_LONG_WORD, _LONG_LETTER = 0.3, 0.08  # seconds a word takes to say, at most: for each, and for each of its letters
_MARKS = ".,!?:;…。，！？：、-"
_SENTENCE_END = (".", "?", "!", "。", "？", "！")
_SURE = ((1.0, 0.8), (2.0, 0.5))  # a language is believed after so many seconds with such a probability
_ANY_LANGUAGE = 4.0  # seconds after which the likeliest language will do for this utterance


@dataclass(frozen=True, slots=True)
class Piece:
    """A word and the tokens that write it."""

    word: Word
    tokens: tuple[int, ...]
    marks: int = 0  # of the tokens, those at the end that are punctuation

    def split_mark(self) -> tuple[Piece, Piece | None]:
        """The word without the punctuation at its end, and that punctuation."""
        text = self.word.text.rstrip(_MARKS)
        if not self.marks or not text or self.marks >= len(self.tokens):
            return self, None
        mark = replace(self.word, text=self.word.text[len(text) :], start=self.word.end, spaced=False)
        tokens = len(self.tokens) - self.marks
        return Piece(replace(self.word, text=text), self.tokens[:tokens]), Piece(mark, self.tokens[tokens:], self.marks)


@dataclass(frozen=True, slots=True)
class Window:
    """What is to be decoded: ``features`` of shape (mels, frames), and the tokens that are known.

    ``context`` was said before the window, ``prefix`` is what is committed of what is said in it.
    """

    features: Frames
    language: str
    context: tuple[int, ...] = ()
    prefix: tuple[int, ...] = ()
    beams: int = 1


@dataclass(frozen=True, slots=True)
class Decoded:
    """The words after the prefix, in seconds from the window's start, and the language with its probability."""

    pieces: tuple[Piece, ...]
    language: str
    sure: float


class Decoder(Protocol):
    """Decodes windows."""

    @property
    def mels(self) -> int:
        """Rows of the features."""

    def decode(self, window: Window) -> Decoded:
        """Blocks until it is done. Raises `EngineError`."""


class WindowStream:
    """Decodes the end of the utterance again and again, with what is committed forced.

    The window slides at committed words, so that its length is bounded, and so is the context.
    """

    bridges = 2.0  # a window costs the same with more speech in it

    def __init__(self, decoder: Decoder, language: str, policy: Policy, display: Display, hints: Sequence[int]) -> None:
        """``hints`` are tokens that stand before all that was said."""
        self.language = language
        self._decoder = decoder
        self._hints = tuple(hints)
        self._mel = LogMel(decoder.mels)
        self._words = Commitment(policy, display)
        self._context: list[int] = []
        self._took: deque[float] = deque(maxlen=8)  # seconds that the last decodings took
        self._begin()

    def accept(self, samples: Samples, silence: float) -> Hypothesis | None:
        hypothesis = None
        while (room := round((_MOST - len(self._mel) * _FRAME) * RATE)) < len(samples):
            self._feed(samples[:room], 0.0)
            samples = samples[room:]
            hypothesis = self._advance(0.0)
        self._feed(samples, silence)
        if self._due(silence):
            return self._advance(silence)
        if silence >= _PAUSE and self._rest and self._decoded >= self._voiced:
            return self._commit() or hypothesis
        return hypothesis

    def finish(self) -> Hypothesis:
        if self._decoded < self._voiced and not self._failed:
            self._decode(_BEAMS)
        hypothesis = self._words.finish([piece.word for piece in self._rest])
        self._remember([*self._prefix, *self._rest])
        self._begin()
        return hypothesis

    def close(self) -> None:
        """The model stays loaded for the other sources."""

    def _begin(self) -> None:
        """Another utterance."""
        self._mel.clear()
        self._heard = 0.0  # seconds of the utterance that are known
        self._voiced = 0.0  # where in it the last voice was
        self._decoded = 0.0  # how much of it the last decoding heard
        self.begins = 0.0
        """Where in the utterance the window begins, in seconds."""
        self._committed = 0  # words
        self._prefix: list[Piece] = []  # those of them that are in the window
        self._rest: list[Piece] = []  # what the last decoding wrote after them
        self._failed = False

    def _feed(self, samples: Samples, silence: float) -> None:
        self._mel.feed(samples)
        self._heard += len(samples) / RATE
        self._voiced = max(self._voiced, self._heard - silence)

    def _advance(self, silence: float) -> Hypothesis | None:
        """Decode, and commit what can be committed."""
        self._decode(_BEAMS if silence >= _PAUSE else _BEAM)
        if self.language == "auto" and self._heard < _ANY_LANGUAGE:
            return None
        hypothesis = self._commit()
        self._slide()
        return hypothesis

    def _commit(self) -> Hypothesis:
        """Commit what the policy says, now that so much is heard."""
        if _HOLD and self._rest:  # what follows a word decides how it ends
            last, mark = self._rest[-1].split_mark()
            self._rest[-1:] = [last] if mark is None else [last, mark]
        words = [piece.word for piece in self._rest]
        held = _HOLD and bool(self._rest) and self._rest[-1].marks > 0 and not words[-1].key
        hypothesis = self._words.insert(
            words, self._heard, least=self._overdue(words), most=len(words) - held
        )
        count = len(hypothesis.committed) - self._committed
        self._committed += count
        self._prefix += self._rest[:count]
        self._rest = self._rest[count:]
        return hypothesis

    def _overdue(self, words: Sequence[Word]) -> int:
        """How many words must be committed, agreed on or not, so that the window can slide."""
        length = len(self._mel) * _FRAME
        if length <= _LONGEST:
            return 0
        until = self.begins + length - _LONG
        return sum(1 for _ in takewhile(lambda word: word.end <= until, words))

    def _due(self, silence: float) -> bool:
        if silence >= _PAUSE:
            return self._decoded < self._voiced + _PAUSE / 2
        # a pause that has begun is waited for, so that the same words are not decoded twice
        step = min(_STEP_MOST, max(_STEP, _SHARE * min(self._took, default=0.0))) + (_PAUSE if silence else 0.0)
        return self._heard - self._decoded >= step

    def _decode(self, beams: int = 1) -> None:
        self._failed = True
        begun = _clock()
        decoded = self._decoder.decode(self._window(beams))
        if self._is_echo(decoded.pieces):
            self._context.clear()
            decoded = self._decoder.decode(self._window(beams))
        self._took.append(_clock() - begun)
        self._failed = False
        self._decoded = self._heard
        believed = any(self._heard >= seconds and decoded.sure >= sure for seconds, sure in _SURE)
        if self.language == "auto" and believed:
            self.language = decoded.language
        self._rest = self._guarded(self._placed(decoded.pieces))

    def _window(self, beams: int = 1) -> Window:
        return Window(
            self._mel.features(),
            self.language,
            (*self._hints, *self._context[len(self._context) % _CONTEXT_STEP :]),
            tuple(token for piece in self._prefix for token in piece.tokens),
            beams,
        )

    def _is_echo(self, pieces: Sequence[Piece]) -> bool:
        """Whether what was written of the window begins with some of its context: said again, or only copied."""
        written = [token for piece in pieces for token in piece.tokens][:_ECHO_MOST]
        if self._prefix or len(written) < _ECHO:
            return False
        starts = range(len(self._context) - len(written) + 1)
        return any(self._context[at : at + len(written)] == written for at in starts)

    def _guarded(self, pieces: list[Piece]) -> list[Piece]:
        """The words that are believed."""
        pieces = _before_collapse(pieces)
        words = [piece.word for piece in pieces]
        if not self._committed and is_invented(words, Evidence(self._voiced)):
            return []
        kept = believed(words, [piece.word for piece in self._prefix])
        if len(kept) < len(pieces):
            self._context.clear()  # else it goes on where it was cut
        return [pieces[index] for index in kept]

    def _placed(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The words on the utterance's clock, in order, none later than what was heard."""
        placed: list[Piece] = []
        earliest = self._prefix[-1].word.end if self._prefix else 0.0
        ended = bool(self._prefix) and self._prefix[-1].word.text.endswith(_SENTENCE_END)
        over = ended and self._heard - self._voiced >= _PAUSE  # then a decoder that is asked for more may make it up
        latest = self._voiced - _SOUND if over else self._voiced + _AFTER_VOICE
        for piece in pieces:
            word = piece.word.shifted(self.begins)
            if word.start > latest:
                break  # nobody speaks there
            end = max(earliest, min(word.end, self._voiced + _AFTER_VOICE))
            start = min(end, max(earliest, word.start))
            if not placed and not self._committed:
                # attention to the first word begins with the window, long before its sound
                start = max(start, end - _LONG_WORD - _LONG_LETTER * len(word.text))
            placed.append(Piece(replace(word, start=start, end=end), piece.tokens))
            earliest = end
        return [] if over and earliest <= self._prefix[-1].word.end else placed

    def _slide(self) -> None:
        """Let the window begin later, if it is long: at a sentence's beginning, or else in the widest gap."""
        length = len(self._mel) * _FRAME
        if length <= _LONG:
            return
        until = self.begins + length - _KEEP
        borders = [
            (before.word.text.endswith(_SENTENCE_END), after.word.start - before.word.end, index)
            for index, (before, after) in enumerate(pairwise((*self._prefix, *self._rest[:1])), 1)
            if index <= len(self._prefix) and before.word.end <= until
        ]
        if length <= _LONGEST:
            borders = [border for border in borders if border[0]]
        if borders:
            _, _, index = max(borders, key=lambda border: (border[0], 0.0 if border[0] else border[1], border[2]))
            after = (*self._prefix, *self._rest)[index].word
            self._cut((self._prefix[index - 1].word.end + after.start) / 2, index)
        elif length > _LONGEST:
            # much is heard and nothing is committed: no speech, or none that the model understands
            said = self._prefix[-1].word.end if self._prefix else 0.0
            self._cut(max(said, self.begins + length - _LONG), len(self._prefix))

    def _cut(self, at: float, words: int) -> None:
        """Begin the window at ``at``; the first ``words`` of the prefix go into the context."""
        frames = round((at - self.begins) / _FRAME)
        self._mel.drop(frames)
        self.begins += frames * _FRAME
        self._remember(self._prefix[:words])
        self._prefix = self._prefix[words:]

    def _remember(self, pieces: Sequence[Piece]) -> None:
        tokens = (token for piece in pieces for token in piece.tokens)
        self._context = [*self._context, *tokens][-_CONTEXT:]


def _before_collapse(pieces: list[Piece]) -> list[Piece]:
    """The words before the attention stops moving: those that follow are remembered, not heard."""
    still = 0
    for index, piece in enumerate(pieces):
        still = still + 1 if piece.word.end - piece.word.start < 0.01 else 0
        if still == _COLLAPSE:
            first = index - still + 1
            return pieces[: max(0, first - 1)]
    return pieces
