"""What a recognizer makes of nothing: loops, and phrases that it knows by heart. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from service.speech.words import Word

_LONGEST_LOOP = 8  # words in a phrase that is repeated
_SAID_AGAIN = 3  # times a phrase may be said in a row; a lone word twice as often ("no no no no")
_UNSURE = 0.6  # mean probability of words that are not believed when they are a stock phrase
_BRIEF = 0.3  # seconds a word must last at least, on average, in an utterance that is all stock phrase

_BLIP = 0.6  # seconds of an utterance, with the 0.3 before its voice, that hardly hold a word
_UNSURE_BLIP = 0.65  # mean probability below which such a word is not believed

# What Whisper writes where nobody speaks: the ends of the videos that it was trained on.
STOCK_PHRASES = frozenset(
    {
        "you",
        "thank you",
        "thanks",
        "thank you very much",
        "thank you so much",
        "thank you for watching",
        "thanks for watching",
        "thank you for watching this video",
        "please subscribe",
        "please subscribe to my channel",
        "like and subscribe",
        "see you next time",
        "see you in the next video",
        "bye",
        "bye bye",
        "subtitles by the amara org community",
        "subtitles by",
        "transcription by castingwords",
        "untertitel der amara org community",
        "untertitel im auftrag des zdf für funk 2017",
        "vielen dank fürs zuschauen",
        "sous titres réalisés par la communauté d amara org",
        "merci d avoir regardé cette vidéo",
        "gracias por ver el video",
        "subtítulos realizados por la comunidad de amara org",
        "sottotitoli creati dalla comunità amara org",
        "obrigado por assistir",
        "ご視聴ありがとうございました",
        "字幕by索兰娅",
        "请不吝点赞订阅转发打赏支持明镜与点点栏目",
        "продолжение следует",
        "субтитры сделал dimatorzok",
        "시청해주셔서 감사합니다",
    }
)


def without_loop(words: Sequence[Word], said: Sequence[Word] = ()) -> list[Word]:
    """``words`` up to where a phrase has been said ``_SAID_AGAIN`` times in a row.

    ``said`` came just before, and is only looked at.
    """
    before = [word.key for word in said[-_LONGEST_LOOP * _SAID_AGAIN * 2 :]]
    keys = before + [word.key for word in words]
    for end in range(len(before) + 1, len(keys) + 1):
        for length in range(1, _LONGEST_LOOP + 1):
            times = _SAID_AGAIN * 2 if length == 1 else _SAID_AGAIN
            start = end - length * (times + 1)
            if start >= 0 and _repeats(keys[start:end], length):
                return list(words[: max(0, end - length - len(before))])
    return list(words)


def is_stock(words: Sequence[Word], seconds: float) -> bool:
    """Whether these words, all of an utterance of ``seconds`` of voice, are a stock phrase and not speech.

    People do say "thank you": it is taken from them only if the recognizer is unsure, or if it
    could not be said in that time.
    """
    if not words:
        return False
    text = " ".join(" ".join(word.key for word in words).replace("-", " ").replace("'", " ").split())
    if text.replace(".", " ").strip() not in STOCK_PHRASES and text not in STOCK_PHRASES:
        return False
    sure = sum(word.probability for word in words) / len(words)
    return sure < _UNSURE or seconds < _BRIEF * len(words) ** 0.5


def is_blip(words: Sequence[Word], seconds: float) -> bool:
    """Whether these words were made of a sound that was taken for a voice for a moment: a note, a breath, a chair."""
    return bool(words) and seconds < _BLIP and sum(word.probability for word in words) / len(words) < _UNSURE_BLIP


def _repeats(keys: Sequence[str], length: int) -> bool:
    """Whether ``keys`` are one phrase of ``length`` words over and over."""
    return all(key == keys[index % length] for index, key in enumerate(keys))
