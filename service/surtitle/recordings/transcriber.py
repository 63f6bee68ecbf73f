"""Recognition of what is known to its end: nothing has to be said early, so all that was said helps."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count, groupby
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.audio.intake import join_blocks
from surtitle.core.errors import EngineError, ModelError
from surtitle.core.words import Word
from surtitle.models import catalogue
from surtitle.models.check import check_directory
from surtitle.pipeline import Pipeline
from surtitle.recordings.passages import Passage, passages
from surtitle.speech.engine import Hints
from surtitle.speech.pocketsphinx.engine import PocketsphinxEngine
from surtitle.speech.vad import SileroVad
from surtitle.speech.whisper.hallucinations import Evidence, is_invented, without_loop
from surtitle.speech.whisper.model import load_faster_whisper, on_best_device
from surtitle.text.languages import AUTO, recognizer_code

_LENGTH = 300.0  # seconds of speech in a passage; text goes on across Whisper's windows within it (docs/recording.md)
_WINDOW = 28.0  # seconds of which the language is recognized: Whisper hears 30
_SENTENCE = 8.0  # seconds after which a change of language is followed
_CLEAR = 0.5  # probability of a language that is believed; faster-whisper's own threshold
_BEAM = 5
_LEFT = 0.2  # seconds of voice after the last word, which are its end and not another word
_VOICED = 0.1  # seconds of voice during a segment below which it is invented
_AROUND = 0.3  # seconds by which the times of words may be off
_REMEMBERED = 100  # words before a segment, among which a loop may have begun
_MAX_WORKERS = 4  # passages decoded at once: more of them wait for memory
_WAIT = 1.0  # seconds


class Transcriber(Protocol):
    """Turns audio into words."""

    name: str
    """The model's."""

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        """Words in order of time, and how many seconds of audio are done with them; times from the first sample.

        To stop early, close the iterator. Raises `EngineError`.
        """

    @property
    def language(self) -> str:
        """The language of the words that were yielded last, or "auto" while that is not known."""

    def close(self) -> None:
        """Give the memory back."""


class WhisperTranscriber:
    """Whisper with beams and the text before as context, so that sentences go on as in a book.

    That is faster-whisper's sequential decoding with its guards against loops (Radford et al. 2022, section 4.5), on
    passages of speech without the long silences in which Whisper invents text. Several passages are decoded at once,
    each with one thread: Whisper's decoder gains nothing from a second one (docs/recording.md).
    """

    def __init__(
        self, directory: Path, name: str, language: str = "auto", hints: Hints = Hints(), workers: int | None = None
    ) -> None:
        """Takes seconds; ``workers`` is how many passages are decoded at once. Raises `ModelError`.

        A ``language`` (BCP 47) that the model does not know is detected, like "auto"; ``languages`` has those it knows.
        """
        self.name = name
        self._hints = hints
        self._workers = workers or min(_MAX_WORKERS, os.cpu_count() or 1)
        check_directory(directory, None if catalogue.local_directory(name) else name)
        self._model = _load(directory, self._workers)
        self.languages = frozenset(map(str, self._model.supported_languages))
        asked = recognizer_code(language, self.languages) or AUTO
        self._asked = next(iter(self.languages)) if len(self.languages) == 1 else asked
        self.language = self._asked

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        self.language = self._asked
        stopped = threading.Event()
        running: deque[_Decoding] = deque()
        pool = ThreadPoolExecutor(self._workers, "transcribe")
        try:
            for passage, language in self._by_language(passages(blocks, SileroVad(), _LENGTH)):
                decoding = _Decoding(passage, language, stopped)
                pool.submit(self._decode, decoding)
                running.append(decoding)
                if len(running) > self._workers:
                    yield from self._results(running.popleft())
            while running:
                yield from self._results(running.popleft())
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)  # what runs ends with the next segment

    def close(self) -> None:
        """CTranslate2 gives the memory back with the last reference."""

    def _results(self, decoding: _Decoding) -> Iterator[tuple[float, list[Word]]]:
        self.language = decoding.language
        yield from decoding.results()

    def _by_language(self, found: Iterable[Passage]) -> Iterator[tuple[Passage, str]]:
        """Passages in one language each.

        Where it is to be found out, the first and the last half minute of each passage are looked at, and all of one
        in which it changes: text in another language as context makes Whisper translate.
        """
        if self._asked != AUTO:
            yield from ((passage, self._asked) for passage in found)
            return
        language = None
        for passage in found:
            parts = passage.parts(_WINDOW)
            first = language is None
            language = language or self._detect(parts[0], None)
            if (first and len(parts) == 1) or self._detect(parts[-1], language) == language:
                yield passage, language
                continue
            parts = passage.parts(_SENTENCE)
            spoken = [self._detect(part, language) for part in parts]
            for language, group in groupby(zip(parts, spoken, strict=True), key=lambda pair: pair[1]):
                yield Passage([piece for part, _ in group for piece in part.pieces]), language

    def _detect(self, passage: Passage, before: str | None) -> str:
        """The language, or the one before where that is not clear."""
        try:
            language, probability, _ = self._model.detect_language(passage.samples)
        except RuntimeError as error:
            raise _broken(error) from error
        return str(language) if before is None or probability >= _CLEAR else before

    def _decode(self, decoding: _Decoding) -> None:
        passage = decoding.passage
        try:
            segments, _ = self._model.transcribe(
                passage.samples,
                language=decoding.language,
                beam_size=_BEAM,
                word_timestamps=True,
                initial_prompt=self._hints.prompt or None,
                hotwords=" ".join(self._hints.hotwords) or None,
            )
            before = 0.0
            said: list[Word] = []
            for segment in segments:  # each is decoded when it is asked for
                words = _words(segment, passage, before, said)
                decoding.put(passage.clock(segment.end, segment.end)[1], words)
                said = [*said, *words][-_REMEMBERED:]
                before = segment.end
                if decoding.stopped.is_set() or passage.voiced(segment.end, passage.last_voice) < _LEFT:
                    break  # what Whisper still finds after the last voice is invented
        except RuntimeError as error:
            decoding.fail(_broken(error))
        except BaseException as error:
            decoding.fail(error)
        else:
            decoding.put(passage.end, [])
            decoding.end()


class _Decoding:
    """A passage and what a thread makes of it, while another waits for that."""

    def __init__(self, passage: Passage, language: str, stopped: threading.Event) -> None:
        self.passage = passage
        self.language = language
        self.stopped = stopped
        self._results: SimpleQueue[tuple[float, list[Word]] | BaseException | None] = SimpleQueue()

    def put(self, until: float, words: list[Word]) -> None:
        self._results.put((until, words))

    def end(self) -> None:
        self._results.put(None)

    def fail(self, error: BaseException) -> None:
        self._results.put(error)

    def results(self) -> Generator[tuple[float, list[Word]], None, None]:
        """Words as they come, and the second up to which all is recognized. Raises what went wrong."""
        while True:
            try:
                result = self._results.get(timeout=_WAIT)
            except Empty:
                continue  # for Windows, where Ctrl-C does not end a wait
            if result is None:
                return
            if isinstance(result, BaseException):
                raise result
            yield result


class PipelineTranscriber:
    """The embedded recognizer, as it is used live: it knows no other way."""

    name = PocketsphinxEngine.name
    language = "en"
    languages = PocketsphinxEngine.languages

    def __init__(self) -> None:
        self._engine = PocketsphinxEngine()

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        numbers = count()
        pipeline = Pipeline(self._engine.open("en"), "", lambda: str(next(numbers)))
        done = 0.0
        try:
            for samples in join_blocks(blocks, round(self._engine.step * RATE)):
                done += len(samples) / RATE
                finals = [caption for caption in pipeline.feed(samples) if caption.final]
                if (failure := pipeline.take_failure()) is not None:
                    raise failure
                yield done, [word for caption in finals for word in caption.words]
            yield done, [word for caption in pipeline.flush() if caption.final for word in caption.words]
        finally:
            pipeline.close()

    def close(self) -> None:
        self._engine.close()


def _load(directory: Path, workers: int) -> Any:
    """Raises `ModelError`."""
    try:
        return on_best_device(lambda device: _loaded(directory, device, workers))
    except Exception as error:
        raise ModelError(
            f"The model in {directory} cannot be loaded ({error}): download it again, or convert it by CTranslate2."
        ) from error


def _loaded(directory: Path, device: str, workers: int) -> Any:
    if device == "cpu":
        return load_faster_whisper(directory, device, 1, workers)
    whisper = load_faster_whisper(directory, device, 1, 1)
    segments, _ = whisper.transcribe(np.zeros(RATE, dtype=np.float32), language="en", beam_size=1)
    list(segments)  # missing libraries show only here
    return whisper


def _words(segment: Any, passage: Passage, before: float, said: Sequence[Word]) -> list[Word]:
    """A segment's words on the recording's clock; none where Whisper invented them.

    ``before`` is the second of the passage at which the segment before ended, ``said`` are the words up to there.
    """
    words = without_loop([_word(word) for word in segment.words or () if word.word.strip()], said)
    voiced = passage.voiced(max(before, segment.start - _AROUND), segment.end + _AROUND)
    if voiced < _VOICED or is_invented(words, Evidence(voiced, no_speech=float(segment.no_speech_prob))):
        return []
    return [_on_clock(word, passage) for word in words]


def _word(word: Any) -> Word:
    text = str(word.word)
    return Word(text.strip(), float(word.start), float(word.end), float(word.probability), text.startswith(" "))


def _on_clock(word: Word, passage: Passage) -> Word:
    start, end = passage.clock(word.start, word.end)
    return replace(word, start=start, end=end)


def _broken(error: Exception) -> EngineError:
    return EngineError(f"Whisper stopped working ({error}): try a smaller model with --model.")
