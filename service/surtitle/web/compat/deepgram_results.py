"""A source's words and pauses as the messages of Deepgram's live interface. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from surtitle.captions.units import are_joined, whole_words
from surtitle.core.words import Word, join
from surtitle.web.compat.deepgram_query import ListenQuery
from surtitle.web.compat.transcript import CaptionChange, Change, SpeechStarted, Turns

Json = dict[str, Any]

_CHANNEL = [0, 1]  # the first of one


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What all messages say of the request: its id, and the model that recognizes."""

    model: str
    engine: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def model_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"surtitle:{self.model}"))

    @property
    def model_info(self) -> Json:
        return {"name": self.model, "version": "1", "arch": self.engine}


class Results:
    """Makes the messages of one source. Every committed word is in exactly one final result.

    A result is final when a caption is, or when a turn ends. The ranges of final results follow one another.
    """

    def __init__(self, query: ListenQuery, info: RequestInfo) -> None:
        self._query = query
        self._info = info
        self._turns = Turns(lambda: query.endpointing or 0.0)
        self._words: list[Word] = []  # committed since the last final result
        self._complete = 0  # as many of them are in final captions
        self._end = 0.0  # of the last final result
        self._last_word_end: float | None = None  # until the end of its utterance was reported
        self._in_turn = False
        self._interim: tuple[str, ...] = ()  # the words of the last interim result
        self._speakers: dict[str, int] = {}

    @property
    def waiting(self) -> bool:
        """Whether there may be a message without another change, by time alone."""
        return self._turns.waiting or (self._query.utterance_end is not None and self._last_word_end is not None)

    def update(self, changes: Iterable[Change], tentative: Sequence[Word], recognized: float) -> list[Json]:
        """The messages of ``changes``; ``tentative`` words may still change.

        ``recognized`` is how many seconds of audio all changes so far cover.
        """
        messages = self._finals(changes, tentative, recognized)
        if self._query.interim_results:
            messages += self._interim_result(tentative)
        messages += self._utterance_end(tentative, recognized)
        return messages

    def flush(self, changes: Iterable[Change], recognized: float, *, finalize: bool = False) -> list[Json]:
        """The messages after which no committed word is left; the last result is that of a `Finalize` message."""
        messages = self._finals(changes, (), recognized)
        messages += [message for change in self._turns.release() for message in self._handle(change)]
        if self._words or (finalize and not messages):
            messages.append(self._final(len(self._words)))
        if finalize:
            results = [message for message in messages if message["type"] == "Results"]
            if not results:
                messages.append(results_message := self._final(0))
                results = [results_message]
            results[-1]["from_finalize"] = True
        self._interim = ()
        return messages

    def metadata(self, seconds: float, sha256: str, created: str) -> Json:
        """The last message: ``seconds`` is the length of the audio, and ``sha256`` that of its bytes."""
        info = self._info
        return {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": info.id,
            "sha256": sha256,
            "created": created,
            "duration": round(seconds, 3),
            "channels": 1,
            "models": [info.model_id],
            "model_info": {info.model_id: info.model_info},
        }

    def _finals(self, changes: Iterable[Change], tentative: Sequence[Word], recognized: float) -> list[Json]:
        messages: list[Json] = []
        for change in self._turns.apply(changes, recognized):
            messages += self._handle(change)
        messages += self._complete_result(tentative)
        return messages

    def _handle(self, change: Change) -> Iterator[Json]:
        if isinstance(change, CaptionChange):
            if change.words:
                yield from self._complete_result(change.words)
                self._words += change.words
            if change.caption.final:
                self._complete = len(self._words)
        elif isinstance(change, SpeechStarted):
            self._in_turn = True
            if self._query.vad_events:
                yield {"type": "SpeechStarted", "channel": _CHANNEL, "timestamp": round(change.detected, 3)}
        elif self._in_turn:
            self._in_turn = False
            reported = self._query.endpointing is not None
            if self._words or reported:
                yield self._final(len(self._words), speech_final=reported, end=change.at)

    def _complete_result(self, following: Sequence[Word]) -> Iterator[Json]:
        """A final result of the final captions, unless its last word continues in ``following``."""
        count = self._complete
        rest = (*self._words[count:], *following)
        if count and not (rest and not rest[0].spaced and are_joined(self._words[count - 1], rest[0])):
            yield self._final(count)

    def _final(self, count: int, *, speech_final: bool = False, end: float = 0.0) -> Json:
        """A final result of the first ``count`` words."""
        words, self._words = self._words[:count], self._words[count:]
        self._complete = max(0, self._complete - count)
        start = self._end
        if words:
            self._last_word_end = words[-1].end
            self._end = max(start, words[-1].end)
        self._end = max(self._end, end)
        self._interim = ()
        return self._result(words, start, self._end, is_final=True, speech_final=speech_final)

    def _interim_result(self, tentative: Sequence[Word]) -> Iterator[Json]:
        words = (*self._words, *tentative)
        texts = tuple(word.text for word in words)
        if texts != self._interim:
            self._interim = texts
            end = max(self._end, words[-1].end) if words else self._end
            yield self._result(words, self._end, end, is_final=False, speech_final=False)

    def _utterance_end(self, tentative: Sequence[Word], recognized: float) -> Iterator[Json]:
        after, last = self._query.utterance_end, self._last_word_end
        if after is None or last is None or self._words or tentative or recognized - last < after:
            return
        self._last_word_end = None
        yield {"type": "UtteranceEnd", "channel": _CHANNEL, "last_word_end": round(last, 3)}

    def _result(self, pieces: Sequence[Word], start: float, end: float, *, is_final: bool, speech_final: bool) -> Json:
        words = whole_words(pieces)
        text = join(words) if self._query.punctuate else join(_plain(words))
        confidence = sum(word.probability for word in words) / len(words) if words else 0.0
        alternative = {
            "transcript": text,
            "confidence": round(confidence, 4),
            "words": [self._describe(word) for word in words],
        }
        return {
            "type": "Results",
            "channel_index": _CHANNEL,
            "start": round(start, 3),
            "duration": round(end - start, 3),
            "is_final": is_final,
            "speech_final": speech_final,
            "from_finalize": False,
            "channel": {"alternatives": [alternative]},
            "metadata": {
                "request_id": self._info.id,
                "model_info": self._info.model_info,
                "model_uuid": self._info.model_id,
            },
        }

    def _describe(self, word: Word) -> Json:
        described: Json = {
            "word": word.key or word.text,
            "start": round(word.start, 3),
            "end": round(word.end, 3),
            "confidence": round(word.probability, 4),
        }
        if self._query.punctuate:
            described["punctuated_word"] = word.text
        if self._query.diarize:
            described["speaker"] = self._speakers.setdefault(word.speaker, len(self._speakers)) if word.speaker else 0
        return described


def _plain(words: Iterable[Word]) -> Iterator[Word]:
    """The words in lower case and without punctuation, as Deepgram writes them unless it is asked to punctuate."""
    for word in words:
        if word.key:
            yield Word(word.key, word.start, word.end, spaced=word.spaced)
