"""Removes hallucinations: loops, stock phrases, descriptions of sounds, invented sentences at the end. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from surtitle.core.words import Word
from surtitle.speech.whisper.pieces import SENTENCE_ENDS
from surtitle.speech.whisper.stock_phrases import is_credit, is_stock_phrase, normalize

_MAX_LOOP = 12  # words in a repeated phrase
_MAX_REPETITIONS = 3  # times a phrase may be said in a row; a single word twice as often ("no no no no")
_STUTTER = re.compile(r"(.{1,6}?)\1{11,}")  # within one word: "hahahaha…"

_MIN_PROBABILITY = 0.6  # mean probability of the words below which a stock phrase is rejected
_MAX_NO_SPEECH = 0.6  # Whisper's probability of no speech from which a stock phrase is rejected
_MIN_VOICE = 0.6  # the detector's mean probability of voice below which a stock phrase is rejected
_MIN_DURATION = 0.3  # seconds of voice in a stock phrase, times the square root of its number of words

_BLIP = 0.6  # seconds of voice that are hardly enough for a word
_MIN_BLIP_PROBABILITY = 0.65  # mean probability below which the words in so little voice are rejected
_GUESS_PROBABILITY = 0.45  # mean probability below which words of any length are a guess
_MAX_GUESS_NO_SPEECH = 0.1  # Whisper's probability of no speech from which guesses and repetitions are rejected

_FEW = 4  # words
_MIN_FEW_PROBABILITY = 0.6  # mean probability below which a few words are doubtful
_MAX_FEW_NO_SPEECH = 0.2  # Whisper's probability of no speech from which a few doubtful words are rejected

_REPETITIVE, _REPETITIVE_WORDS = 0.35, 4  # share of different words up to which this many or more are a repetition
_LOOP, _LOOP_WORDS = 0.15, 8  # the same for repetitions that are rejected whatever the probabilities
_SURE_PROBABILITY = 0.8  # mean probability from which a repetition is believed unless it is a loop
_MAX_NOISE_WORDS = 4  # different words that laughter, barking or a machine is heard as
_MAX_RATE, _MIN_RATED = 8.0, 3  # words per second of voice in this many or more; people say at most six
_MIN_REPEATED = 0.75  # share of words in phrases said twice or more in a row from which a text is a repetition
_MAX_PHRASE = 6  # words in such a phrase
_MIN_REPEATED_NO_SPEECH = 0.15  # probability of no speech from which a doubtful repetition is rejected

_DOUBTFUL_PROBABILITY = 0.75  # mean probability below which words are doubtful
_DOUBTFUL_NO_SPEECH = 0.3  # if this or more is Whisper's probability of no speech

_MIN_WORD = 0.1  # seconds of voice in a word
_MIN_SPOKEN_AGAIN = 0.2  # seconds of voice in a word of the window's beginning that is spoken at its end, too
_SPOKEN_SYMBOLS = "%‰°§&@#/+=×÷±−√≈≠≤≥"  # besides those of currencies; not ">>", a change of speakers
_OPENING, _CLOSING = "[(*♪♫（【［", "])*♪♫）】］"
_MAX_DESCRIPTION = 6  # words in the description of a sound


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence for and against speech in the audio in which words were recognized.

    ``voiced`` is the duration of voice in seconds. ``voice`` is the detector's mean probability of speech during that
    time, and ``no_speech`` is Whisper's probability that nobody speaks; both are in [0, 1].
    """

    voiced: float
    voice: float = 1.0
    no_speech: float = 0.0


def find_believed(words: Sequence[Word], preceding: Sequence[Word] = ()) -> list[int]:
    """The indexes of the words that are neither part of a loop nor of a description of a sound.

    A phrase may be said `_MAX_REPETITIONS` times in a row, and the words after a longer loop are kept. The words
    ``preceding`` these are only compared with them.
    """
    spoken = _find_spoken(words)
    keys = [word.key for word in preceding[-_MAX_LOOP * (_MAX_REPETITIONS + 1) :]]
    first = len(keys)
    kept: list[int] = []
    loop = 0  # words in the phrase of the current loop, or 0
    for index in spoken:
        keys.append(words[index].key)
        kept.append(index)
        if length := _find_loop(keys):
            drop = min(length, len(keys) - first)
            del keys[-drop:], kept[len(kept) - drop :]
            loop = length
    if loop and spoken:
        _drop_partial_repetition(keys, kept, loop)
    return kept


def remove_loops(words: Sequence[Word], preceding: Sequence[Word] = ()) -> list[Word]:
    """The words that `find_believed` selects."""
    return [words[index] for index in find_believed(words, preceding)]


def is_hallucination(words: Sequence[Word], evidence: Evidence) -> bool:
    """Whether ``words``, which are all of an utterance, were recognized in audio without speech.

    People do say "thank you": such phrases are only rejected if the evidence is against them.
    """
    parts = [word.text for word in words]
    if not any(map(normalize, parts)):
        return bool(words)
    if is_credit(parts):
        return True
    probability = _get_probability(words)
    if evidence.voiced < _BLIP and probability < _MIN_BLIP_PROBABILITY:
        return True
    if probability < _GUESS_PROBABILITY and evidence.no_speech >= _MAX_GUESS_NO_SPEECH:
        return True
    if probability < _MIN_FEW_PROBABILITY and len(words) <= _FEW and evidence.no_speech >= _MAX_FEW_NO_SPEECH:
        return True
    if _is_bursts(words, evidence):
        return True
    return is_stock_phrase(parts) and (
        probability < _MIN_PROBABILITY
        or evidence.no_speech >= _MAX_NO_SPEECH
        or evidence.voice < _MIN_VOICE
        or evidence.voiced < _MIN_DURATION * len(words) ** 0.5
    )


def is_doubtful(words: Sequence[Word], evidence: Evidence) -> bool:
    """Whether ``words`` are only to be believed if the recognizer writes the same again with more audio.

    Laughter is heard as other words each time, speech is not.
    """
    return bool(words) and _get_probability(words) < _DOUBTFUL_PROBABILITY and evidence.no_speech >= _DOUBTFUL_NO_SPEECH


def is_doubtful_repetition(words: Sequence[Word], evidence: Evidence) -> bool:
    """Whether ``words`` are phrases said twice or more in a row, of little probability and perhaps in no speech."""
    keys = [word.key for word in words if word.key]
    return (
        len(keys) >= _REPETITIVE_WORDS
        and _get_probability(words) < _DOUBTFUL_PROBABILITY
        and evidence.no_speech >= _MIN_REPEATED_NO_SPEECH
        and _count_repeated(keys) >= _MIN_REPEATED * len(keys)
    )


def is_spoken_repetition(words: Sequence[Word], evidence: Evidence) -> bool:
    """Whether ``words``, some of them in a loop, are more and surer than what a noise is heard as."""
    different = {word.key for word in words if word.key}
    return (
        len(different) > _MAX_NOISE_WORDS
        and _get_probability(words) >= _SURE_PROBABILITY
        and evidence.no_speech < _MAX_FEW_NO_SPEECH
    )


def find_after_loop(words: Sequence[Word], believed: Sequence[int], evidence: Evidence) -> list[int]:
    """The ``believed`` indexes after the last loop in ``words``, unless the words there are a hallucination."""
    loops = [index for index in _find_spoken(words) if index not in believed]
    after = [index for index in believed if index > max(loops, default=-1)]
    rest = [words[index] for index in after]
    if not rest or evidence.no_speech >= _MAX_FEW_NO_SPEECH or is_hallucination(rest, evidence):
        return []
    return after


def begins_alike(words: Sequence[Word], previous: Sequence[Word]) -> bool:
    """Whether the first half of the shorter of two texts is the beginning of both."""
    pairs = [(word.key, other.key) for word, other in zip(words, previous, strict=False)]
    return bool(pairs) and all(key == other for key, other in pairs[: (len(pairs) + 1) // 2])


def _get_probability(words: Sequence[Word]) -> float:
    """The mean probability of ``words``."""
    return sum(word.probability for word in words) / len(words)


def _is_bursts(words: Sequence[Word], evidence: Evidence) -> bool:
    """Whether these are the words that laughter, barking or a machine is heard as: repeated, or too many of them."""
    keys = [word.key for word in words if word.key]
    if len(keys) >= _MIN_RATED and len(keys) > _MAX_RATE * evidence.voiced:
        return True
    if len(keys) < _REPETITIVE_WORDS:
        return False
    different = len(set(keys)) / len(keys)
    sure = _get_probability(words) >= _SURE_PROBABILITY  # people repeat themselves in songs and when they count
    return (
        (different <= _REPETITIVE and evidence.no_speech >= _MAX_GUESS_NO_SPEECH and not sure)
        or (different <= _LOOP and len(keys) >= _LOOP_WORDS)
        or is_doubtful_repetition(words, evidence)
    )


def _count_repeated(keys: Sequence[str]) -> int:
    """The number of words in phrases said twice or more in a row; the last repetition may lack its last word."""
    repeated: set[int] = set()
    for length in range(1, _MAX_PHRASE + 1):
        start = 0
        for index in range(length, len(keys) + 1):
            if index < len(keys) and keys[index] == keys[index - length]:
                continue
            if index - start >= 2 * length - (length > 2):
                repeated.update(range(start, index))
            start = index - length + 1
    return len(repeated)


def remove_hallucinated_end(words: Sequence[Word], voiced: float) -> list[Word]:
    """Remove an invented last sentence from ``words``, all of an utterance whose voice ends at ``voiced`` seconds.

    When the sound stops with the last word, a recognizer may begin another sentence. There is no voice left for its
    words after the end of the sentence before.
    """
    for cut in range(len(words) - 1, 0, -1):
        before, rest = words[cut - 1], words[cut:]
        if before.text.endswith(SENTENCE_ENDS) and voiced - before.end < _MIN_WORD * len(rest):
            return remove_hallucinated_end(words[:cut], voiced)
    return list(words)


def count_before_restart(words: Sequence[Word], voiced: float) -> int:
    """The number of ``words``, all of a window whose voice ends at ``voiced`` seconds, without a second beginning.

    At the end of the sound, a recognizer may begin the text of its window again, with no voice left for it.
    """
    for count in range(len(words) // 2, 0, -1):
        again = words[len(words) - count :]
        if voiced - again[0].start < _MIN_SPOKEN_AGAIN * count and all(
            word.key and word.key == first.key for word, first in zip(again, words, strict=False)
        ):
            return len(words) - count
    return len(words)


def _find_spoken(words: Sequence[Word]) -> list[int]:
    """The indexes of spoken words: not "[Music]", "(door closes)", "♪", or "…", nor words with long stutters."""
    kept: list[int] = []
    index = 0
    while index < len(words):
        text = words[index].text
        if text[:1] in _OPENING and (end := _find_description_end(words, index)):
            index = end
            continue
        if (normalize(text) and not _STUTTER.search(normalize(text))) or _is_spoken_symbol(text):
            kept.append(index)
        index += 1
    return kept


def _is_spoken_symbol(text: str) -> bool:
    """Whether ``text`` is a symbol that people read aloud: "%", "=", "€"; Whisper writes some as words of their own."""
    symbols = text.rstrip(".,;:!?")
    return bool(symbols) and all(
        symbol in _SPOKEN_SYMBOLS or unicodedata.category(symbol) == "Sc" for symbol in symbols
    )


def _find_description_end(words: Sequence[Word], start: int) -> int:
    """The index after the description of a sound that begins at ``start``, or 0 if it is not closed."""
    closing = _CLOSING[_OPENING.index(words[start].text[0])]
    for index in range(start, min(start + _MAX_DESCRIPTION, len(words))):
        text = words[index].text.rstrip(".,!?…:;-")
        if text.endswith(closing) and (index > start or len(text) > 1):
            return index + 1
    return 0


def _find_loop(keys: Sequence[str]) -> int:
    """The number of words in the phrase at the end of ``keys`` that was repeated too often, or 0."""
    for length in range(1, _MAX_LOOP + 1):
        times = (_MAX_REPETITIONS * 2 if length == 1 else _MAX_REPETITIONS) + 1
        if len(keys) >= length * times and _repeats(keys[-length * times :], length):
            return length
    return 0


def _drop_partial_repetition(keys: Sequence[str], kept: list[int], length: int) -> None:
    """Remove the beginning of another repetition, at the very end of a loop of ``length`` words."""
    times = _MAX_REPETITIONS * 2 if length == 1 else _MAX_REPETITIONS
    for partial in range(length - 1, 0, -1):
        loop = keys[len(keys) - partial - length * times : len(keys)]
        if len(loop) == partial + length * times and partial <= len(kept) and _repeats(loop, length):
            del kept[len(kept) - partial :]
            return


def _repeats(keys: Sequence[str], length: int) -> bool:
    """Whether ``keys`` repeat their first ``length`` words throughout."""
    return all(key == keys[index % length] for index, key in enumerate(keys))
