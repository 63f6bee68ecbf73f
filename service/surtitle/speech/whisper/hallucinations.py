"""Removes hallucinations: loops, stock phrases, descriptions of sounds, invented sentences at the end. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from surtitle.core.words import Word
from surtitle.speech.whisper.stock_phrases import is_credit, is_stock_phrase, plain

_MAX_LOOP = 12  # words in a phrase that is repeated
_MAX_TIMES = 3  # times a phrase may be said in a row; a lone word twice as often ("no no no no")
_STUTTER = re.compile(r"(.{1,6}?)\1{11,}")  # within one word: "hahahaha…"

_UNSURE = 0.6  # mean probability of words that are not believed when they are a stock phrase
_NO_SPEECH = 0.6  # Whisper's probability of no speech, from which a stock phrase is not believed
_VOICELESS = 0.6  # the detector's mean probability of voice, below which a stock phrase is not believed
_BRIEF = 0.3  # seconds that a stock phrase takes at least, times the root of its number of words

_BLIP = 0.6  # seconds of voice that hardly hold a word
_UNSURE_BLIP = 0.65  # mean probability below which such a word is not believed
_GUESSED = 0.35  # mean probability of words that are guessed, however long they are
_LIKELY_NOTHING = 0.3  # Whisper's probability of no speech, from which guessed words are not believed

_WORD = 0.1  # seconds of voice that a word takes at least
_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！", "।", "؟", "۔")
_OPENING, _CLOSING = "[(*♪♫（【［", "])*♪♫）】］"
_MAX_MARK = 6  # words in the description of a sound


@dataclass(frozen=True, slots=True)
class Evidence:
    """What else is known about the audio in which words were recognized.

    ``voiced`` is its seconds of voice. ``voice`` is the detector's mean probability of speech in
    them, ``no_speech`` Whisper's probability that nobody speaks; both are in [0, 1].
    """

    voiced: float
    voice: float = 1.0
    no_speech: float = 0.0


def find_believed(words: Sequence[Word], said: Sequence[Word] = ()) -> list[int]:
    """The indexes of ``words`` that are left without loops and without descriptions of sounds.

    A phrase may be said `_MAX_TIMES` times in a row; what follows a longer loop stays. ``said`` came
    just before, and is only looked at.
    """
    spoken = _without_marks(words)
    keys = [word.key for word in said[-_MAX_LOOP * (_MAX_TIMES + 1) :]]
    first = len(keys)
    kept: list[int] = []
    loop = 0  # words in the phrase of the loop that goes on
    for index in spoken:
        keys.append(words[index].key)
        kept.append(index)
        if length := _loop(keys):
            drop = min(length, len(keys) - first)
            del keys[-drop:], kept[len(kept) - drop :]
            loop = length
    if loop and spoken:
        _drop_begun(keys, kept, loop)
    return kept


def remove_loops(words: Sequence[Word], said: Sequence[Word] = ()) -> list[Word]:
    """``words`` as far as they are `find_believed`."""
    return [words[index] for index in find_believed(words, said)]


def is_hallucination(words: Sequence[Word], evidence: Evidence) -> bool:
    """Whether these words, all of an utterance, were recognized in audio without speech.

    People do say "thank you": such phrases are only removed if the evidence is against them.
    """
    parts = [word.text for word in words]
    if not any(map(plain, parts)):
        return bool(words)
    if is_credit(parts):
        return True
    sure = sum(word.probability for word in words) / len(words)
    if evidence.voiced < _BLIP and sure < _UNSURE_BLIP:
        return True
    if sure < _GUESSED and evidence.no_speech >= _LIKELY_NOTHING:
        return True
    return is_stock_phrase(parts) and (
        sure < _UNSURE
        or evidence.no_speech >= _NO_SPEECH
        or evidence.voice < _VOICELESS
        or evidence.voiced < _BRIEF * len(words) ** 0.5
    )


def remove_hallucinated_end(words: Sequence[Word], voiced: float) -> list[Word]:
    """``words``, all of an utterance whose voice ends at ``voiced`` seconds, without an end that nobody said.

    When the sound stops with the last word, a recognizer may begin another sentence. Its words then
    have no voice left, once the sentence before is over.
    """
    for cut in range(len(words) - 1, 0, -1):
        before, rest = words[cut - 1], words[cut:]
        if before.text.endswith(_SENTENCE_ENDS) and voiced - before.end < _WORD * len(rest):
            return remove_hallucinated_end(words[:cut], voiced)
    return list(words)


def _without_marks(words: Sequence[Word]) -> list[int]:
    """The indexes of what is said: no "[Music]", "(door closes)", "♪", or "…", and no word that stutters on."""
    kept: list[int] = []
    index = 0
    while index < len(words):
        text = words[index].text
        if text[:1] in _OPENING and (end := _mark_end(words, index)):
            index = end
            continue
        if plain(text) and not _STUTTER.search(plain(text)):
            kept.append(index)
        index += 1
    return kept


def _mark_end(words: Sequence[Word], start: int) -> int:
    """The index after the mark that begins at ``start``, or 0 if it is not closed."""
    closing = _CLOSING[_OPENING.index(words[start].text[0])]
    for index in range(start, min(start + _MAX_MARK, len(words))):
        text = words[index].text.rstrip(".,!?…:;-")
        if text.endswith(closing) and (index > start or len(text) > 1):
            return index + 1
    return 0


def _loop(keys: Sequence[str]) -> int:
    """The words in the phrase that ends ``keys`` and was said once too often; 0 if there is none."""
    for length in range(1, _MAX_LOOP + 1):
        times = (_MAX_TIMES * 2 if length == 1 else _MAX_TIMES) + 1
        if len(keys) >= length * times and _repeats(keys[-length * times :], length):
            return length
    return 0


def _drop_begun(keys: Sequence[str], kept: list[int], length: int) -> None:
    """Leave out the beginning of one more repetition, at the very end of a loop of ``length`` words."""
    times = _MAX_TIMES * 2 if length == 1 else _MAX_TIMES
    for begun in range(length - 1, 0, -1):
        loop = keys[len(keys) - begun - length * times : len(keys)]
        if len(loop) == begun + length * times and begun <= len(kept) and _repeats(loop, length):
            del kept[len(kept) - begun :]
            return


def _repeats(keys: Sequence[str], length: int) -> bool:
    """Whether ``keys`` are one phrase of ``length`` words over and over."""
    return all(key == keys[index % length] for index, key in enumerate(keys))
