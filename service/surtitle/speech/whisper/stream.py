"""A streaming recognizer on top of a decoder that only accepts whole windows of audio."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

from surtitle.audio import RATE, Samples
from surtitle.core.errors import Unreachable
from surtitle.core.words import Hypothesis, Word, join
from surtitle.speech.commitment import CommittedWords
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.language_monitor import LanguageMonitor
from surtitle.speech.policy import Display, Policy
from surtitle.speech.whisper.decoding import ends_in_loop
from surtitle.speech.whisper.features import HOP, LogMel
from surtitle.speech.whisper.hallucinations import (
    Evidence,
    begins_alike,
    count_before_restart,
    find_after_loop,
    find_believed,
    is_doubtful,
    is_doubtful_repetition,
    is_hallucination,
    is_spoken_repetition,
    remove_hallucinated_end,
)
from surtitle.speech.whisper.pieces import Decoder, Piece, Window, count_before_collapse
from surtitle.text.languages import AUTO
from surtitle.text.sentences import ends_sentence, trails_off

_COMPARED_UTTERANCES = 2  # that an utterance is compared with: laughter is often heard as the same words each time
_MAX_REPEATED_NO_SPEECH = 0.1  # Whisper's probability of no speech from which it is rejected if it equals all of them
_REPEATED_WORDS = 12  # newest committed words with which the words after them are compared
_FRAME_SECONDS = HOP / RATE
_MIN_STEP = 0.55  # seconds of new audio before the window is decoded again
_MIN_STEP_RATIO = 2.2  # a step in times of one decoding: recognition leaves half of a processor to other work
_TIMED_DECODINGS = 8  # recent decodings, of which the fastest gives the time of one: the others had to wait
_MAX_STEP = 3.0  # seconds, however slow decoding is
_PAUSE = 0.25  # seconds of silence after which the preceding speech is decoded without waiting for a whole step
_SLIDE_LENGTH = 12.0  # seconds from which the window slides to a sentence: the more audio before it, the fewer errors
_FORCED_SLIDE_LENGTH = 16.0  # seconds from which it slides to any word
_REMAINING_LENGTH = 6.0  # seconds that remain after a forced slide for which no gap between words was found
_MAX_LENGTH = 25.0  # seconds in one window; longer audio that arrives at once is decoded in parts of this length
_MIN_REMAINING_LENGTH = 1.0  # seconds that remain after any slide
_MAX_CONTEXT = 32  # tokens of the text before the window
_CONTEXT_STEP = 16  # tokens; only windows whose contexts have the same length are decoded together
_MIN_ECHO, _MAX_ECHO = 3, 8  # tokens: fewer may repeat the context by chance, and no more are compared with it
_MAX_MISSED_VOICE = 1.0  # seconds of voice after the committed words for which the decoder may write no word
_WORD_TAIL = 0.1  # seconds after the end of a word in which some of its sound may remain
_MIN_LOOPED_VOICE = 0.75  # share of voice in an utterance below which words that loop from its start are rejected
_MIN_LOOPED_LENGTH, _MAX_LOOPED_LENGTH = 2.5, 4.0  # seconds in a window whose end is decoded on its own if it loops
_MIN_AFTER_LOOP_PROBABILITY = 0.7  # mean probability of the words there from which they are believed
_AFTER_LOOP = 0.3, 0.6  # the shares of the window after its committed words between which that begins
_PHRASE_PAUSE = 0.3  # seconds of silence after which a speaker may continue in another language
_PHRASE_LEAD = 0.2  # seconds before the voice after a pause that are decoded with it
_DETECTED_FRAMES = 350  # newest frames in which a change of language is looked for
_MAX_AFTER_VOICE = 0.1  # seconds after the last voice in which a word may still begin or end
_MAX_WAITING_LENGTH = 22.0  # seconds in a window that waits for a decoder that cannot be reached
_MAX_WAIT = 8.0  # seconds that the end of an utterance waits for a decoder that cannot be reached
_RETRY_DELAY = 0.25  # seconds until it is asked again
_MIN_NEXT_SENTENCE = 0.04  # seconds of voice that remain for the first word after a sentence
_MAX_WORD, _MAX_LETTER = 0.3, 0.08  # seconds: a spoken word takes at most the one, and the other for each letter

_RULES = EndpointRules(
    silence=1.6,  # shorter pauses stay inside a window: the words after them show how the sentence before them ends
    hurried_after=30.0,
    hurried_silence=0.6,
    pressed_after=60.0,
    pressed_silence=0.3,
    longest=90.0,
    lead_in=1.0,  # Whisper misses a first word that begins with the window
)


class WindowStream:
    """Decodes the newest audio of an utterance repeatedly, with the committed words as a forced prefix.

    The window slides forward at committed words, so its length and that of its context are bounded.
    """

    bridges = 2.0  # more speech in a window does not make it more expensive
    rules = _RULES

    def __init__(self, decoder: Decoder, language: str, policy: Policy, display: Display, hints: Sequence[int]) -> None:
        """``hints`` are tokens that precede the whole transcript."""
        self.language = language
        self._languages = LanguageMonitor() if language == AUTO else None
        self._decoder = decoder
        self._hints = tuple(hints)
        self._mel = LogMel(decoder.mels)
        self._words = CommittedWords(policy, display)
        self._context: list[int] = []
        self._utterances: deque[tuple[str, ...]] = deque(maxlen=_COMPARED_UTTERANCES)  # keys of their words
        self._decoding_times: deque[float] = deque(maxlen=_TIMED_DECODINGS)  # seconds
        self._begin()

    def accept(self, samples: Samples, silence: float, voice: float | None = None) -> Hypothesis | None:
        self._find_phrase(silence)
        self._voice_seconds += max(0.0, len(samples) / RATE - silence) if voice is None else voice
        hypothesis = None
        while (space := round((_MAX_LENGTH - len(self._mel) * _FRAME_SECONDS) * RATE)) < len(samples):
            self._feed(samples[:space], 0.0)
            samples = samples[space:]
            hypothesis = self._advance()
        self._feed(samples, silence)
        if self._is_due(silence):
            try:
                return self._advance()
            except Unreachable:
                if len(self._mel) * _FRAME_SECONDS >= _MAX_WAITING_LENGTH:
                    raise
                self._decoding_failed = False  # it is decoded later, together with more sound
                self._attempted_until = self._received
                return hypothesis
        if silence >= _PAUSE and self._uncommitted and self._decoded_until >= self._voice_end:
            return self._commit()  # no new speech: the policy commits more words as time passes
        return hypothesis

    def finish(self) -> Hypothesis:
        if self._decoded_until < self._voice_end and not self._decoding_failed:
            self._decode_patiently()
        before = [piece.word for piece in self._prefix]
        words = [piece.word for piece in self._uncommitted if not trails_off(piece.word.text) or piece.word.key]
        words = remove_hallucinated_end([*before, *words], self._voice_end)[len(before) :]
        hypothesis = self._words.finish([_strip_ellipsis(word) for word in words])
        self._remember([*self._prefix, *self._uncommitted[: len(words)]])
        self._utterances.append(_get_keys(hypothesis.committed))
        self._begin()
        return hypothesis

    def close(self) -> None:
        """The model stays loaded for the other sources."""

    def _begin(self) -> None:
        """Reset the state for the next utterance."""
        self._silence = 0.0  # seconds since the last voice
        self._phrase_start = 0.0  # time in the utterance at which the speech after the last pause begins
        if self._languages is not None:
            self._languages.begin_phrase(0.0)
        self._mel.clear()
        self._received = 0.0  # seconds of the utterance received
        self._voice_end = 0.0  # time in the utterance at which the last voice ended
        self._voice_seconds = 0.0  # duration of voice in the utterance
        self._decoded_until = 0.0  # seconds of the utterance that the last decoding included
        self._attempted_until = 0.0  # the same for one that the decoder could not be reached for
        self.window_start = 0.0
        """The time in the utterance at which the window begins, in seconds."""
        self._prefix: list[Piece] = []  # the committed words that are in the window
        self._committed_words: list[Word] = []  # of the utterance
        self._previous_words: Sequence[Word] = ()  # what the last decoding wrote while none were committed
        self._uncommitted: list[Piece] = []  # what the last decoding wrote after the prefix
        self._first_mark_is_final = False  # whether the mark before the uncommitted words is final
        self._decoding_failed = False

    def _find_phrase(self, silence: float) -> None:
        """Note where speech begins after a pause, of which ``silence`` seconds are at the end of the new audio."""
        if self._languages is not None and silence < self._silence and self._silence >= _PHRASE_PAUSE:
            self._phrase_start = self._received - _PHRASE_LEAD
            self._languages.begin_phrase(self._voice_seconds)
        self._silence = silence

    def _feed(self, samples: Samples, silence: float) -> None:
        self._mel.feed(samples)
        self._received += len(samples) / RATE
        self._voice_end = max(self._voice_end, self._received - silence)

    def _advance(self) -> Hypothesis | None:
        """Decode the window, commit the words that are final, and slide the window."""
        self._decode()
        if self.language == AUTO:
            return None
        hypothesis = self._commit()
        self._slide()
        return hypothesis

    def _commit(self) -> Hypothesis:
        """Commit the words that the policy accepts, given the audio received so far.

        The punctuation after the last word stays tentative: only the next words show whether the sentence has ended. So
        does a number until another word or a pause follows: "zweihundert" is 200 until "achtundsechzig" is heard.
        """
        if self._uncommitted:
            self._uncommitted[-1:] = self._uncommitted[-1].split()
        words = [piece.word for piece in self._uncommitted]
        final, self._first_mark_is_final = int(self._first_mark_is_final), False
        min_count = max(final, self._count_overdue(words))
        max_count = max(final, len(words) - (1 if self._uncommitted and self._uncommitted[-1].is_mark else 0))
        if self._silence < _PAUSE:
            max_count = max(min_count, min(max_count, _count_before_last_number(self._uncommitted)))
        if self._languages is not None and self._languages.holds_words(self._voice_seconds):
            max_count = max(min_count, min(max_count, self._count_before_phrase()))
        hypothesis = self._words.insert(words, self._received, min_count=min_count, max_count=max_count)
        self._move_to_prefix(len(hypothesis.committed) - len(self._committed_words))
        return hypothesis

    def _commit_words(self, count: int) -> None:
        """Commit the next ``count`` words, whatever the policy says."""
        words = [piece.word for piece in self._uncommitted]
        self._words.insert(words, self._received, min_count=count, max_count=count)
        self._move_to_prefix(count)

    def _move_to_prefix(self, count: int) -> None:
        self._committed_words += [piece.word for piece in self._uncommitted[:count]]
        self._prefix += [piece for piece in self._uncommitted[:count] if piece.tokens]
        self._uncommitted = self._uncommitted[count:]

    def _count_overdue(self, words: Sequence[Word]) -> int:
        """The number of words that must be committed, whatever the policy says, so that the window can slide."""
        length = len(self._mel) * _FRAME_SECONDS
        if length <= _FORCED_SLIDE_LENGTH:
            return 0
        until = self.window_start + length - _REMAINING_LENGTH
        return sum(1 for _ in takewhile(lambda word: word.end <= until, words))

    def _is_due(self, silence: float) -> bool:
        if self._attempted_until and self._received - self._attempted_until < _MIN_STEP:
            return False
        if silence >= _PAUSE:
            return self._decoded_until < self._voice_end + _PAUSE / 2
        if not self._decoded_until:
            return self._voice_seconds >= _MIN_STEP  # the first words appear early, however slow decoding is
        # a silence may become a pause: wait for it, so that the same words are not decoded twice
        step = min(_MAX_STEP, max(_MIN_STEP, _MIN_STEP_RATIO * min(self._decoding_times, default=0.0))) + (
            _PAUSE if silence else 0.0
        )
        return self._received - self._decoded_until >= step

    def _decode(self) -> None:
        self._decoding_failed = True
        start = time.monotonic()
        self._check_language()
        decoded = self._decoder.decode(self._window())
        if self._languages is not None and self.language == AUTO:
            self.language = self._languages.observe(decoded.language, decoded.language_probability, self._voice_seconds)
        if self._is_echo(decoded.pieces):
            self._context.clear()
            decoded = self._decoder.decode(self._window())
        self._uncommitted = self._select_believed(self._place_in_utterance(decoded.pieces), decoded.no_speech)
        self._decode_after_loop(decoded.pieces)
        if self._is_stuck():
            self._begin_window_after_prefix()
        self._decoding_times.append(time.monotonic() - start)
        self._decoding_failed = False
        self._decoded_until = self._received

    def _decode_patiently(self) -> None:
        """Decode. Waits for a decoder that cannot be reached, because no more sound follows to decode together."""
        deadline = time.monotonic() + _MAX_WAIT
        while True:
            try:
                return self._decode()
            except Unreachable:
                if time.monotonic() + _RETRY_DELAY > deadline:
                    raise
            time.sleep(_RETRY_DELAY)

    def _window(self) -> Window:
        return Window(
            self._mel.features(),
            self.language,
            (*self._hints, *self._context[len(self._context) % _CONTEXT_STEP :]),
            tuple(token for piece in self._prefix for token in piece.tokens),
            may_end=bool(self._prefix) and self._received - self._voice_end >= _PAUSE,
        )

    def _check_language(self) -> None:
        """Detect the language at intervals, and start a new window if the speaker has changed it."""
        if self._languages is None or self.language == AUTO:
            return
        paused = self._received - self._voice_end >= _PAUSE
        if not self._languages.is_due(self._voice_seconds, paused=paused):
            return
        newest = _DETECTED_FRAMES
        is_phrase = self._languages.is_new_phrase(self._voice_seconds)
        if is_phrase:
            newest = max(1, round((self._received - max(self._phrase_start, self.window_start)) / _FRAME_SECONDS))
        detected = self._decoder.detect(self._mel.features()[:, -newest:])
        language = self._languages.observe(*detected, self._voice_seconds)
        if language == self.language:
            return
        if is_phrase:
            self._commit_words(self._count_before_phrase())
        self.language = language
        committed_end = self._prefix[-1].word.end if self._prefix else self.window_start
        self._start_window_at(max(committed_end, self._received - newest * _FRAME_SECONDS), len(self._prefix))
        self._context.clear()  # the decoder would continue in the previous language

    def _count_before_phrase(self) -> int:
        """The number of words, of those not yet committed, that were spoken before the last pause."""
        return sum(1 for _ in takewhile(lambda piece: piece.word.start < self._phrase_start, self._uncommitted))

    def _decode_after_loop(self, pieces: Sequence[Piece]) -> None:
        """Decode the newest audio on its own if ``pieces``, the text of the window, end in a loop.

        With a whole repetition to write, a decoder may not get beyond it, and what was said next would be missing. The
        believed words before that are committed.
        """
        paused = self._received - self._voice_end >= _PAUSE  # otherwise, more audio may end the loop
        for min_length in (_MIN_LOOPED_LENGTH if paused else _MAX_LOOPED_LENGTH, _MIN_LOOPED_LENGTH):
            length = self._voice_end - self.window_start
            if length < min_length or not _is_loop(pieces):
                return
            committed = self._prefix[-1].word.end - self.window_start if self._prefix else 0.0
            if length - committed < _MIN_LOOPED_LENGTH:
                return
            shares = (committed + share * (length - committed) for share in _AFTER_LOOP)
            first, last = (round(seconds / _FRAME_SECONDS) for seconds in shares)
            start = self.window_start + self._mel.find_quietest(first, last) * _FRAME_SECONDS
            self._commit_words(bisect_right([piece.word.end for piece in self._uncommitted], start))
            self._start_window_at(start, len(self._prefix))
            self._context.clear()  # otherwise the decoder would resume the loop
            pieces = self._decode_rest()
            if self._uncommitted and _get_probability(self._uncommitted) < _MIN_AFTER_LOOP_PROBABILITY:
                self._uncommitted = []

    def _decode_rest(self) -> Sequence[Piece]:
        """Decode a window without a prefix, in the middle of an utterance. Returns all that was written."""
        decoded = self._decoder.decode(self._window())
        following = self._select_believed(self._place_in_utterance(decoded.pieces), decoded.no_speech)
        evidence = Evidence(self._voice_end - self.window_start, no_speech=decoded.no_speech)
        if is_hallucination([piece.word for piece in following], evidence):
            following = []  # a noise, or the first sound of a word
        self._uncommitted = following
        return decoded.pieces

    def _is_stuck(self) -> bool:
        """Whether the decoder writes nothing after the committed words, although there is voice after them."""
        has_words = any(not piece.is_mark for piece in self._uncommitted)
        return bool(self._prefix) and not has_words and self._voice_end - self._prefix[-1].word.end >= _MAX_MISSED_VOICE

    def _begin_window_after_prefix(self) -> None:
        """Decode the audio after the committed words on its own, because Whisper tends to end its text at a pause."""
        mark = self._uncommitted[0] if self._uncommitted else None
        end = self._prefix[-1].word.end
        self._start_window_at(end + _WORD_TAIL, len(self._prefix))
        if mark is not None:
            self._context += mark.tokens
        self._decode_rest()
        if mark is not None:  # which has no sound of its own: the words after it may begin in the time it was given
            mark = replace(mark, word=replace(mark.word, start=end, end=end), tokens=())
            self._uncommitted = [mark, *self._uncommitted]
        self._first_mark_is_final = mark is not None

    def _is_echo(self, pieces: Sequence[Piece]) -> bool:
        """Whether the text of the window begins with part of its context, which was repeated or merely copied."""
        written = [token for piece in pieces for token in piece.tokens][:_MAX_ECHO]
        if self._prefix or len(written) < _MIN_ECHO:
            return False
        starts = range(len(self._context) - len(written) + 1)
        return any(self._context[at : at + len(written)] == written for at in starts)

    def _select_believed(self, pieces: Sequence[Piece], no_speech: float) -> list[Piece]:
        """The pieces without hallucinated words; punctuation is kept."""
        pieces = pieces[: count_before_collapse(piece.word for piece in pieces)]
        words = [piece.word for piece in pieces]
        evidence = Evidence(self._voice_seconds, no_speech=no_speech)
        if self._committed_words:
            if is_doubtful_repetition([*self._committed_words[-_REPEATED_WORDS:], *words], evidence):
                return [piece for piece in pieces if piece.is_mark]
        else:
            previous, self._previous_words = self._previous_words, words
            if is_hallucination(words, evidence):
                return []
            if is_doubtful(words, evidence) and not begins_alike(words, previous):
                return []
            if self._is_repeated(words) and no_speech >= _MAX_REPEATED_NO_SPEECH:
                self._context.clear()  # otherwise the decoder would repeat it once more
                return []
        believed = find_believed(words, self._committed_words)
        kept = {*believed} | {index for index, piece in enumerate(pieces) if piece.is_mark}
        if len(kept) < len(pieces):
            in_bursts = self._voice_seconds < _MIN_LOOPED_VOICE * (self._voice_end - self.rules.lead_in)
            if not self._committed_words and in_bursts and not is_spoken_repetition(words, evidence):
                # laughter, barking, machines: bursts of sound that Whisper transcribes as a loop of words
                kept = {*find_after_loop(words, believed, evidence)}
            self._context.clear()  # otherwise the decoder would resume the loop
        return [pieces[index] for index in sorted(kept)]

    def _is_repeated(self, words: Sequence[Word]) -> bool:
        """Whether ``words`` are what each of the last utterances consisted of."""
        keys = _get_keys(words)
        compared = len(self._utterances) == _COMPARED_UTTERANCES
        return compared and bool(keys) and all(keys == before for before in self._utterances)

    def _place_in_utterance(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The pieces with times in the utterance, in order, and none after the last voice."""
        placed: list[Piece] = []
        earliest = self._prefix[-1].word.end if self._prefix else 0.0
        paused = self._received - self._voice_end >= _PAUSE
        before = self._prefix[-1].word.text if self._prefix else ""
        for piece in pieces:
            word = piece.word.shift(self.window_start)
            # a decoder that must continue after a complete sentence may invent the next one
            is_next_sentence = paused and not piece.is_mark and ends_sentence(before, word.text)
            if word.start > self._voice_end + (-_MIN_NEXT_SENTENCE if is_next_sentence else _MAX_AFTER_VOICE):
                break  # there is no voice
            end = max(earliest, min(word.end, self._voice_end + _MAX_AFTER_VOICE))
            start = min(end, max(earliest, word.start))
            if not placed and not self._prefix:
                # attention to the first word begins with the window, long before its sound
                start = max(start, end - _MAX_WORD - _MAX_LETTER * len(word.text))
            placed.append(replace(piece, word=replace(word, start=start, end=end)))
            earliest = end
            before = before + word.text if piece.is_mark else word.text
        spoken = [piece for piece in placed if not piece.is_mark]
        window = [*(piece.word for piece in self._prefix if not piece.is_mark), *(piece.word for piece in spoken)]
        restarted = len(window) - count_before_restart(window, self._voice_end)
        if restarted and spoken:
            placed = placed[: placed.index(spoken[-min(restarted, len(spoken))])]
        if paused and self._prefix and earliest <= self._prefix[-1].word.end:
            return [piece for piece in placed if piece.is_mark]  # marks have no sound of their own
        return placed

    def _slide(self) -> None:
        """Move the start of a long window to the start of a sentence, or else to the widest gap between words."""
        length = len(self._mel) * _FRAME_SECONDS
        if length <= _SLIDE_LENGTH:
            return
        until = self.window_start + length - _MIN_REMAINING_LENGTH
        known = [*self._prefix, *self._uncommitted[:1]]
        borders = [
            (_ends_sentence_at(known, index), after.word.start - before.word.end, index)
            for index, (before, after) in enumerate(pairwise(known), 1)
            if index <= len(self._prefix) and before.word.end <= until and not after.is_mark
        ]
        if length <= _FORCED_SLIDE_LENGTH:
            borders = [border for border in borders if border[0]]
        if borders:
            _, _, index = max(borders, key=lambda border: (border[0], 0.0 if border[0] else border[1], border[2]))
            self._start_window_at((known[index - 1].word.end + known[index].word.start) / 2, index)
        elif length > _FORCED_SLIDE_LENGTH:
            # a long window without committed words: no speech, or none that the model understands
            committed_end = self._prefix[-1].word.end if self._prefix else 0.0
            self._start_window_at(max(committed_end, self.window_start + length - _REMAINING_LENGTH), len(self._prefix))

    def _start_window_at(self, at: float, words: int) -> None:
        """Start the window ``at`` that time in seconds; the first ``words`` of the prefix move into the context."""
        frames = round((at - self.window_start) / _FRAME_SECONDS)
        self._mel.drop(frames)
        self.window_start += frames * _FRAME_SECONDS
        self._remember(self._prefix[:words])
        self._prefix = self._prefix[words:]

    def _remember(self, pieces: Sequence[Piece]) -> None:
        tokens = (token for piece in pieces for token in piece.tokens)
        self._context = [*self._context, *tokens][-_MAX_CONTEXT:]


def _ends_sentence_at(pieces: Sequence[Piece], count: int) -> bool:
    """Whether a sentence ends with the first ``count`` pieces; at least one more follows them."""
    return ends_sentence(join(piece.word for piece in pieces[max(0, count - 2) : count]), pieces[count].word.text)


def _count_before_last_number(pieces: Sequence[Piece]) -> int:
    """The number of ``pieces`` before the number that they end with, if they do: "3" + ",061" + "." is one number."""
    end = len(pieces)
    while end and pieces[end - 1].is_mark:
        end -= 1
    start = end
    while start and any(map(str.isdigit, pieces[start - 1].word.text)):
        start -= 1
        if pieces[start].word.spaced:
            break
    return start if start < end else len(pieces)


def _strip_ellipsis(word: Word) -> Word:
    """Remove the "..." that Whisper writes where the audio ends in the middle of a sentence."""
    return replace(word, text=word.text.rstrip(".…")) if trails_off(word.text) and word.key else word


def _is_loop(pieces: Sequence[Piece]) -> bool:
    """Whether a text ends in a loop, however its words are punctuated."""
    tokens = [token for piece in pieces for token in piece.tokens]
    return ends_in_loop(tokens) or ends_in_loop([piece.word.key for piece in pieces if piece.word.key])


def _get_probability(pieces: Sequence[Piece]) -> float:
    """The mean probability of words."""
    return sum(piece.word.probability for piece in pieces) / len(pieces)


def _get_keys(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.key for word in words if word.key)
