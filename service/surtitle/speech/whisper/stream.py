"""A stream made of a recognizer that knows only windows of audio."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

from surtitle.audio import RATE, Samples
from surtitle.core.words import Hypothesis, Word, join
from surtitle.speech.commitment import CommittedWords
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.language_monitor import LanguageMonitor
from surtitle.speech.policy import Display, Policy
from surtitle.speech.whisper.features import HOP, LogMel
from surtitle.speech.whisper.hallucinations import Evidence, find_believed, is_hallucination, remove_hallucinated_end
from surtitle.speech.whisper.pieces import Decoder, Piece, Window, before_collapse
from surtitle.text.languages import AUTO
from surtitle.text.sentences import ends_sentence, trails_off

_FRAME = HOP / RATE  # seconds
_STEP = 0.55  # seconds of new speech before the window is decoded again, at least
_SHARE = 2.2  # times as long as a decoding takes, at least: recognition leaves half of a processor to others
_RECENT = 8  # decodings, of which the fastest tells how long one takes: the others had to wait for somebody
_STEP_MOST = 3.0  # seconds, however slow it is
_PAUSE = 0.25  # seconds of silence after which what was said is decoded, without waiting for a step
_LONG = 12.0  # seconds of audio in a window, from which it slides to a new sentence: the more before, the fewer errors
_LONGEST = 16.0  # from which it slides to any word
_REST = 6.0  # that stay then, if no word gives a place
_MOST = 25.0  # that one window can have; what comes at once is decoded in such parts
_KEEP = 1.0  # seconds that stay when it slides
_CONTEXT = 32  # tokens of what was said before
_CONTEXT_STEP = 16  # windows are decoded together only if their contexts are of one length
_ECHO, _ECHO_MOST = 3, 8  # tokens that may stand in the context again by chance; those that are looked for there
_UNHEARD = 1.0  # seconds of voice after the committed words that must give at least one word
_TAIL = 0.1  # seconds after the end of a word that may still hold some of it
_LOOPED_VOICE = 0.75  # share of voice in an utterance below which words that loop from its beginning are not believed
_LATEST = 350  # frames of which is asked whether they are in another language
_AFTER_VOICE = 0.1  # seconds after the last voice that still can be a word's
_SOUND = 0.04  # seconds of voice that the first word after a sentence has at least
_LONG_WORD, _LONG_LETTER = 0.3, 0.08  # seconds a word takes to say, at most: for each, and for each of its letters

_RULES = EndpointRules(
    silence=1.6,  # shorter pauses are heard within a window: what follows tells how the words before it end
    hurried_after=30.0,
    hurried_silence=0.6,
    pressed_after=60.0,
    pressed_silence=0.3,
    longest=90.0,
    lead_in=1.0,  # Whisper misses a first word that begins with the window
)


class WindowStream:
    """Decodes the end of the utterance again and again, with what is committed forced.

    The window slides at committed words, so that its length is bounded, and so is the context.
    """

    bridges = 2.0  # a window costs the same with more speech in it
    rules = _RULES

    def __init__(self, decoder: Decoder, language: str, policy: Policy, display: Display, hints: Sequence[int]) -> None:
        """``hints`` are tokens that stand before all that was said."""
        self.language = language
        self._languages = LanguageMonitor() if language == AUTO else None
        self._decoder = decoder
        self._hints = tuple(hints)
        self._mel = LogMel(decoder.mels)
        self._words = CommittedWords(policy, display)
        self._context: list[int] = []
        self._took: deque[float] = deque(maxlen=_RECENT)  # seconds that the last decodings took
        self._begin()

    def accept(self, samples: Samples, silence: float, voice: float | None = None) -> Hypothesis | None:
        self._voice += max(0.0, len(samples) / RATE - silence) if voice is None else voice
        hypothesis = None
        while (room := round((_MOST - len(self._mel) * _FRAME) * RATE)) < len(samples):
            self._feed(samples[:room], 0.0)
            samples = samples[room:]
            hypothesis = self._advance()
        self._feed(samples, silence)
        if self._due(silence):
            return self._advance()
        if silence >= _PAUSE and self._rest and self._decoded >= self._voiced:
            return self._commit()  # nothing new is said: what was believed a moment ago still is, so time decides
        return hypothesis

    def finish(self) -> Hypothesis:
        if self._decoded < self._voiced and not self._failed:
            self._decode()
        before = [piece.word for piece in self._prefix]
        words = [piece.word for piece in self._rest if not trails_off(piece.word.text) or piece.word.key]
        words = remove_hallucinated_end([*before, *words], self._voiced)[len(before) :]
        hypothesis = self._words.finish([_without_ellipsis(word) for word in words])
        self._remember([*self._prefix, *self._rest[: len(words)]])
        self._begin()
        return hypothesis

    def close(self) -> None:
        """The model stays loaded for the other sources."""

    def _begin(self) -> None:
        """Another utterance."""
        self._mel.clear()
        self._heard = 0.0  # seconds of the utterance that are known
        self._voiced = 0.0  # where in it the last voice was
        self._voice = 0.0  # seconds of voice in it
        self._decoded = 0.0  # how much of it the last decoding heard
        self.begins = 0.0
        """Where in the utterance the window begins, in seconds."""
        self._committed = 0  # words
        self._prefix: list[Piece] = []  # those of them that are in the window
        self._rest: list[Piece] = []  # what the last decoding wrote after them
        self._mark_settled = False  # whether the mark that the rest begins with cannot change any more
        self._failed = False

    def _feed(self, samples: Samples, silence: float) -> None:
        self._mel.feed(samples)
        self._heard += len(samples) / RATE
        self._voiced = max(self._voiced, self._heard - silence)

    def _advance(self) -> Hypothesis | None:
        """Decode, and commit what can be committed."""
        self._decode()
        if self.language == AUTO:
            return None
        hypothesis = self._commit()
        self._slide()
        return hypothesis

    def _commit(self) -> Hypothesis:
        """Commit what the policy says, now that so much is heard.

        The punctuation after the last word stays tentative: only the next words tell whether a sentence is over.
        """
        if self._rest:
            self._rest[-1:] = self._rest[-1].split()
        words = [piece.word for piece in self._rest]
        settled, self._mark_settled = int(self._mark_settled), False
        least = max(settled, self._overdue(words))
        most = max(settled, len(words) - (1 if self._rest and self._rest[-1].is_mark else 0))
        hypothesis = self._words.insert(words, self._heard, min_count=least, max_count=most)
        count = len(hypothesis.committed) - self._committed
        self._committed += count
        self._prefix += [piece for piece in self._rest[:count] if piece.tokens]
        self._rest = self._rest[count:]
        return hypothesis

    def _overdue(self, words: Sequence[Word]) -> int:
        """How many words must be committed, agreed on or not, so that the window can slide."""
        length = len(self._mel) * _FRAME
        if length <= _LONGEST:
            return 0
        until = self.begins + length - _REST
        return sum(1 for _ in takewhile(lambda word: word.end <= until, words))

    def _due(self, silence: float) -> bool:
        if silence >= _PAUSE:
            return self._decoded < self._voiced + _PAUSE / 2
        if not self._decoded:
            return self._voice >= _STEP  # however slow decoding is, the first words of an utterance come soon
        # a pause that has begun is waited for, so that the same words are not decoded twice
        step = min(_STEP_MOST, max(_STEP, _SHARE * min(self._took, default=0.0))) + (_PAUSE if silence else 0.0)
        return self._heard - self._decoded >= step

    def _decode(self) -> None:
        self._failed = True
        begun = time.monotonic()
        self._follow_language()
        decoded = self._decoder.decode(self._window())
        if self._languages is not None and self.language == AUTO:
            self.language = self._languages.observe(decoded.language, decoded.sure, self._voice)
        if self._is_echo(decoded.pieces):
            self._context.clear()
            decoded = self._decoder.decode(self._window())
        self._rest = self._guarded(self._placed(decoded.pieces), decoded.no_speech)
        if self._is_stuck():
            self._begin_window_after_prefix()
        self._took.append(time.monotonic() - begun)
        self._failed = False
        self._decoded = self._heard

    def _window(self) -> Window:
        return Window(
            self._mel.features(),
            self.language,
            (*self._hints, *self._context[len(self._context) % _CONTEXT_STEP :]),
            tuple(token for piece in self._prefix for token in piece.tokens),
            over=bool(self._prefix) and self._heard - self._voiced >= _PAUSE,
        )

    def _follow_language(self) -> None:
        """Ask now and then whether the speaker has changed the language, and begin a new window where that is so."""
        if self._languages is None or self.language == AUTO or not self._languages.is_due(self._voice):
            return
        heard = self._decoder.detect(self._mel.features()[:, -_LATEST:])
        language = self._languages.observe(*heard, self._voice)
        if language == self.language:
            return
        self.language = language
        said = self._prefix[-1].word.end if self._prefix else self.begins
        self._cut(max(said, self._heard - _LATEST * _FRAME), len(self._prefix))
        self._context.clear()  # it would be continued in the language before

    def _is_stuck(self) -> bool:
        """Whether the decoder stops after the committed words, though somebody has gone on speaking since."""
        heard = any(not piece.is_mark for piece in self._rest)
        return bool(self._prefix) and not heard and self._voiced - self._prefix[-1].word.end >= _UNHEARD

    def _begin_window_after_prefix(self) -> None:
        """Decode what follows the committed words alone: at a pause, Whisper likes to end its text."""
        mark = self._rest[0] if self._rest else None
        self._cut(self._prefix[-1].word.end + _TAIL, len(self._prefix))
        if mark is not None:
            self._context += mark.tokens
        decoded = self._decoder.decode(self._window())
        following = self._guarded(self._placed(decoded.pieces), decoded.no_speech)
        self._rest = following if mark is None else [replace(mark, tokens=()), *following]
        self._mark_settled = mark is not None

    def _is_echo(self, pieces: Sequence[Piece]) -> bool:
        """Whether what was written of the window begins with some of its context: said again, or only copied."""
        written = [token for piece in pieces for token in piece.tokens][:_ECHO_MOST]
        if self._prefix or len(written) < _ECHO:
            return False
        starts = range(len(self._context) - len(written) + 1)
        return any(self._context[at : at + len(written)] == written for at in starts)

    def _guarded(self, pieces: Sequence[Piece], no_speech: float) -> list[Piece]:
        """The words that are believed."""
        pieces = before_collapse(pieces)
        words = [piece.word for piece in pieces]
        if not self._committed and is_hallucination(words, Evidence(self._voice, no_speech=no_speech)):
            return []
        kept = {*find_believed(words, [piece.word for piece in self._prefix])}
        kept |= {index for index, piece in enumerate(pieces) if piece.is_mark}
        if len(kept) < len(pieces):
            if not self._committed and self._voice < _LOOPED_VOICE * (self._voiced - self.rules.lead_in):
                return []  # laughter, barking, machines: bursts of voice that Whisper writes as one word after another
            self._context.clear()  # else it goes on where it was cut
        return [pieces[index] for index in sorted(kept)]

    def _placed(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The words on the utterance's clock, in order, none later than what was heard."""
        placed: list[Piece] = []
        earliest = self._prefix[-1].word.end if self._prefix else 0.0
        paused = self._heard - self._voiced >= _PAUSE
        before = self._prefix[-1].word.text if self._prefix else ""
        for piece in pieces:
            word = piece.word.shift(self.begins)
            # after a sentence, a decoder that is asked for more may make it up
            over = paused and not piece.is_mark and ends_sentence(before, word.text)
            if word.start > self._voiced + (-_SOUND if over else _AFTER_VOICE):
                break  # nobody speaks there
            end = max(earliest, min(word.end, self._voiced + _AFTER_VOICE))
            start = min(end, max(earliest, word.start))
            if not placed and not self._prefix:
                # attention to the first word begins with the window, long before its sound
                start = max(start, end - _LONG_WORD - _LONG_LETTER * len(word.text))
            placed.append(replace(piece, word=replace(word, start=start, end=end)))
            earliest = end
            before = before + word.text if piece.is_mark else word.text
        if paused and self._prefix and earliest <= self._prefix[-1].word.end:
            return [piece for piece in placed if piece.is_mark]  # they have no sound of their own
        return placed

    def _slide(self) -> None:
        """Let the window begin later, if it is long: at a sentence's beginning, or else in the widest gap."""
        length = len(self._mel) * _FRAME
        if length <= _LONG:
            return
        until = self.begins + length - _KEEP
        known = [*self._prefix, *self._rest[:1]]
        borders = [
            (_sentence_ends(known, index), after.word.start - before.word.end, index)
            for index, (before, after) in enumerate(pairwise(known), 1)
            if index <= len(self._prefix) and before.word.end <= until and not after.is_mark
        ]
        if length <= _LONGEST:
            borders = [border for border in borders if border[0]]
        if borders:
            _, _, index = max(borders, key=lambda border: (border[0], 0.0 if border[0] else border[1], border[2]))
            self._cut((known[index - 1].word.end + known[index].word.start) / 2, index)
        elif length > _LONGEST:
            # much is heard and nothing is committed: no speech, or none that the model understands
            said = self._prefix[-1].word.end if self._prefix else 0.0
            self._cut(max(said, self.begins + length - _REST), len(self._prefix))

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


def _sentence_ends(pieces: Sequence[Piece], count: int) -> bool:
    """Whether a sentence ends with the first ``count`` of the pieces, of which there are more."""
    return ends_sentence(join(piece.word for piece in pieces[max(0, count - 2) : count]), pieces[count].word.text)


def _without_ellipsis(word: Word) -> Word:
    """Whisper writes "..." where the sound ends in the middle of a sentence."""
    return replace(word, text=word.text.rstrip(".…")) if trails_off(word.text) and word.key else word
