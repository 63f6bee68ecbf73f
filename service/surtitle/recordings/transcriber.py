"""Recognition of complete recordings: without the need to commit words early, all context helps."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
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
from surtitle.pipeline import Pipeline
from surtitle.recordings.passages import Passage, Piece, Silence, split_passages
from surtitle.recordings.spoken_languages import Detection, choose_languages, find_borders, restrict_to_border
from surtitle.speech.chinese import open_stream
from surtitle.speech.engine import Engine, Hints
from surtitle.speech.pocketsphinx.engine import PocketsphinxEngine
from surtitle.speech.vad import SileroVad
from surtitle.speech.whisper.check import check_directory
from surtitle.speech.whisper.features import HOP, LogMel
from surtitle.speech.whisper.hallucinations import Evidence, is_doubtful, is_hallucination, remove_loops
from surtitle.speech.whisper.kind import WHISPER
from surtitle.speech.whisper.model import MAX_FRAMES, load_faster_whisper, on_best_device, to_storage_view
from surtitle.speech.whisper.pieces import count_before_collapse
from surtitle.text.chinese import add_characters, convert_words, find_characters
from surtitle.text.languages import AUTO, recognizer_code

# seconds of speech in a passage, within which text continues across Whisper's windows (docs/recording.md)
_PASSAGE_LENGTH = 300.0
_LANGUAGE_WINDOW = 28.0  # seconds in which the language is detected if it is in doubt: Whisper takes 30
_DETECTED_FRAMES = 800  # at the start of each piece in which its language is detected, a tenth of the work of 30 s
_MIN_DETECTED_VOICE = 0.8  # seconds in a piece; a language that is detected in less is often wrong
_MIN_CERTAIN = 0.5  # the probability below which the language of a piece is detected again, in all of Whisper's window
_UNTRAINED = "turbo"  # in the names of models that were trained without translations
_BEAM_SIZE = 5
_FALLBACKS, _NO_FALLBACK = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (0.0,)  # temperatures; the first are faster-whisper's
_MIN_RATE = 1.0  # words in a second of voice that was left out; fewer are what laughter and music are heard as
_MIN_REMAINING_VOICE = 0.2  # seconds; less voice after a segment is the end of its last word and not another word
_MAX_WORD_VOICE = 2.5  # seconds; a longer word covers others that were left out, unless it is sung
_MIN_LEFT_OUT_VOICE = 0.8  # seconds between two words; so much without any word is decoded again
_MAX_SPLITS = 2  # times that it is halved if that gives hardly any words
_MIN_SPLIT_VOICE = 3.0  # seconds in what is halved
_MIN_SPLIT_SHARE = 0.5  # the share of voice in that: less is laughter
_MIDDLE = 0.35, 0.65  # the shares of it between which it is cut
_MIN_PART_PROBABILITY = 0.7  # mean probability of the words of a half from which they are believed
_MARGIN = 0.2  # seconds around that, since the times of words are not exact
_MIN_VOICE = 0.1  # seconds; a segment with less voice is a hallucination
_PADDING = 0.3  # seconds by which the times of words may be wrong
_CONTEXT_WORDS = 100  # words before a segment in which a loop may have begun
_MAX_WORKERS = 4  # passages decoded at once: more are limited by memory bandwidth
_POLL_INTERVAL = 1.0  # seconds


class Transcriber(Protocol):
    """Turns audio into words."""

    name: str
    """The name of the model."""

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        """Recognize 16 kHz blocks: yields the second up to which audio is done, and new words in order of time.

        Times count from the first sample. Close the iterator to stop early. Raises `EngineError`.
        """

    @property
    def language(self) -> str:
        """The language of the words yielded last, or "auto" while it is unknown."""

    def close(self) -> None:
        """Release the model's memory."""


class WhisperTranscriber:
    """Whisper with beam search and the previous text as context, so that sentences continue across its windows.

    This is faster-whisper's sequential decoding with its fallbacks against loops (Radford et al. 2022, section 4.5), on
    passages of speech without the long silences in which Whisper hallucinates. Several passages are decoded at once,
    each in one thread: Whisper's decoder gains nothing from a second one (docs/recording.md).
    """

    def __init__(
        self, directory: Path, name: str, language: str = "auto", hints: Hints = Hints(), workers: int | None = None
    ) -> None:
        """Load the model, which takes seconds; ``workers`` is the number of passages decoded at once.

        If the model does not know ``language`` (BCP 47), or for "auto", the language is detected; ``languages`` has
        those it knows. Raises `ModelError`.
        """
        self.name = name
        self._workers = workers or min(_MAX_WORKERS, os.cpu_count() or 1)
        check_directory(directory, None if WHISPER.local_directory(name) else name)
        self._model = _load(directory, self._workers)
        self.languages = _known_languages(self._model)
        self.configure(language, hints)

    @property
    def translates(self) -> bool:
        """Whether the model was trained to translate into English: `large-v3-turbo` was not."""
        return bool(self._model.model.is_multilingual) and _UNTRAINED not in self.name

    def configure(
        self, language: str, hints: Hints = Hints(), candidates: Collection[str] = (), *, to_english: bool = False
    ) -> None:
        """Set what the next call of `words` recognizes.

        If ``candidates`` are given, one of these codes is detected. With ``to_english``, the words are translated.
        """
        code = recognizer_code(language, self.languages) or AUTO
        self._requested_language = next(iter(self.languages)) if len(self.languages) == 1 else code
        self._characters = find_characters(language)
        self.language = self._written_language(self._requested_language)
        self._hints = hints
        self._candidates = frozenset(candidates)
        self._task = "translate" if to_english else "transcribe"

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        self.language = self._written_language(self._requested_language)
        stopped = threading.Event()
        running: deque[_Decoding] = deque()
        pool = ThreadPoolExecutor(self._workers, "transcribe")
        try:
            for found, language in self._by_language(split_passages(blocks, SileroVad(), _PASSAGE_LENGTH)):
                while running and running[0].complete:
                    yield from self._results(running.popleft())
                if isinstance(found, Silence):
                    if running:
                        running[-1].followed_until = found.end
                    else:
                        yield found.end, []
                    continue
                decoding = _Decoding(found, language, stopped)
                pool.submit(self._decode, decoding)
                running.append(decoding)
                if len(running) > self._workers:
                    yield from self._results(running.popleft())
            while running:
                yield from self._results(running.popleft())
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)  # running threads end after their segment

    def close(self) -> None:
        """CTranslate2 releases the memory with the last reference."""

    def _results(self, decoding: _Decoding) -> Iterator[tuple[float, list[Word]]]:
        for until, words, language in decoding.results():
            self.language = self._written_language(language)
            if self._characters is not None and self.language != language:
                words = convert_words(words, self._characters)
            yield until, words
        if decoding.followed_until > decoding.passage.end:
            yield decoding.followed_until, []

    def _written_language(self, language: str) -> str:
        return add_characters(language, self._characters)

    def _by_language(self, found: Iterable[Passage | Silence]) -> Iterator[tuple[Passage | Silence, str]]:
        """Passages that are each in one language, and what is between them.

        With text of another language as context, Whisper translates or leaves out sentences.
        """
        language = None
        for one in found:
            if self._requested_language != AUTO or isinstance(one, Silence):
                yield one, self._requested_language
                continue
            languages = self._find_languages(one, language)
            for language, group in groupby(zip(languages, one.pieces, strict=True), key=lambda pair: pair[0]):
                yield Passage([piece for _, piece in group]), language

    def _find_languages(self, passage: Passage, before: str | None) -> list[str]:
        """The language of each piece; ``before`` is that of the last passage. Raises `EngineError`."""
        detections = [self._detect_language(piece) for piece in passage.pieces]
        languages = choose_languages(detections, before)
        if not languages:
            ranking = self._rank_languages(passage.parts(_LANGUAGE_WINDOW)[0].samples, MAX_FRAMES)
            return [max(ranking, key=ranking.__getitem__)] * len(passage.pieces)
        borders = find_borders(detections, languages)
        for index, border in borders.items():
            ranking = self._rank_languages(passage.pieces[index].samples, _DETECTED_FRAMES)
            detections[index] = restrict_to_border(detections[index], border, ranking)
        return choose_languages(detections, before) if borders else languages

    def _detect_language(self, piece: Piece) -> Detection:
        """Raises `EngineError`."""
        voice = (piece.voice[1] - piece.voice[0]) / RATE
        ranking: dict[str, float] = {}
        if voice >= _MIN_DETECTED_VOICE:
            ranking = self._rank_languages(piece.samples, _DETECTED_FRAMES)
            if max(ranking.values(), default=0.0) < _MIN_CERTAIN:
                ranking = self._rank_languages(piece.samples, MAX_FRAMES)
        return Detection(voice, piece.gap / RATE, ranking)

    def _rank_languages(self, samples: Samples, max_frames: int) -> dict[str, float]:
        """The probabilities of the languages that may be detected at the start of ``samples``. Raises `EngineError`."""
        mel = LogMel(self._model.model.n_mels)
        mel.feed(samples[: max_frames * HOP])
        features = mel.features()[:, :max_frames]
        padded = np.zeros((1, len(features), max_frames), dtype=np.float32)
        padded[0, :, : features.shape[1]] = features
        try:
            encoded = self._model.model.encode(to_storage_view(padded))
            (found,) = self._model.model.detect_language(encoded)
        except RuntimeError as error:
            raise _engine_error(error) from error
        ranking = {str(token).strip("<|>"): float(probability) for token, probability in found}
        possible = {code: probability for code, probability in ranking.items() if code in self._candidates}
        total = sum(possible.values())
        return {code: probability / total for code, probability in possible.items()} if total else ranking

    def _decode(self, decoding: _Decoding) -> None:
        passage = decoding.passage
        try:
            before = heard = 0.0
            context: list[Word] = []
            for segment in self._segments(passage, decoding.language):
                words = _convert_segment(segment, passage, before, context)
                before = float(segment.end)  # NumPy's number
                if words:
                    self._decode_left_out(decoding, heard, words[0].start)
                    heard = words[-1].end
                    decoding.put(heard, words)
                context = [*context, *words][-_CONTEXT_WORDS:]
                remaining = passage.voiced_seconds(before, passage.last_voice)
                if decoding.stopped.is_set() or remaining < _MIN_REMAINING_VOICE:
                    break  # Whisper only hallucinates after the last voice
            if not decoding.stopped.is_set():
                self._decode_left_out(decoding, heard, passage.last_voice)
        except RuntimeError as error:
            decoding.fail(_engine_error(error))
        except BaseException as error:
            decoding.fail(error)
        else:
            decoding.end()

    def _decode_left_out(self, decoding: _Decoding, start: float, end: float) -> None:
        """Decode the voice between two words again, on its own; ``start`` and ``end`` are seconds in the passage.

        Whisper leaves out sentences whose language is not the one that it was told.
        """
        passage = decoding.passage
        voices = [(max(start, first), min(end, last)) for first, last in passage.voices if first < end and last > start]
        voice = sum(last - first for first, last in voices)
        if voice < _MIN_LEFT_OUT_VOICE:
            return
        start, end = max(start, voices[0][0] - _MARGIN), voices[-1][1] + _MARGIN
        samples = passage.samples[round(start * RATE) : round(end * RATE)]
        language = decoding.language
        if self._requested_language == AUTO:
            ranking = self._rank_languages(samples, MAX_FRAMES)
            best = max(ranking, key=ranking.__getitem__)
            if ranking[best] < _MIN_CERTAIN:
                return  # words in a language that is guessed would be invented
            language = best
        self._decode_part(decoding, language, (start, end), voice, _MAX_SPLITS)

    def _decode_part(
        self, decoding: _Decoding, language: str, span: tuple[float, float], voice: float, splits: int
    ) -> None:
        """Decode what was left out in a ``span``, the start and end in seconds in the passage, ``voice`` of it voiced.

        If that gives hardly any words, halves of it are decoded on their own, ``splits`` times: Whisper may not get
        beyond a repetition, and then writes it without an end, or nothing.
        """
        passage, (start, end) = decoding.passage, span
        samples = passage.samples[round(start * RATE) : round(end * RATE)]
        found: list[Word] = []
        for segment in self._transcribe(samples, language, _NO_FALLBACK):
            words = _convert_segment(_shift_segment(segment, start), passage, start, found)
            if not is_doubtful(words, Evidence(voice, no_speech=float(segment.no_speech_prob))):
                found += words
        enough = len(found) >= _MIN_RATE * voice
        if enough and (splits == _MAX_SPLITS or _get_probability(found) >= _MIN_PART_PROBABILITY):
            decoding.put(end, found, language)
        elif (
            splits
            and voice >= max(_MIN_SPLIT_VOICE, _MIN_SPLIT_SHARE * (end - start))
            and not decoding.stopped.is_set()
        ):
            middle = start + _find_quietest(samples) / RATE
            for half in ((start, middle), (middle, end)):
                self._decode_part(decoding, language, half, passage.voiced_seconds(*half), splits - 1)

    def _segments(self, passage: Passage, language: str) -> Iterator[Any]:
        """Whisper's segments, one after the other; what it left out is decoded again.

        At the end of a window, base and smaller models may leave out several seconds, which a word then covers.
        """
        for segment in self._transcribe(passage.samples, language):
            words = segment.words or []
            stretched = (
                index
                for index, word in enumerate(words)
                if passage.voiced_seconds(word.start, word.end) > _MAX_WORD_VOICE
            )
            if (index := next(stretched, None)) is None:
                yield segment
                continue
            start = float(words[index].start)
            left_out = passage.samples[round(start * RATE) : round(float(segment.end) * RATE)]
            again = [_shift_segment(one, start) for one in self._transcribe(left_out, language)]
            if sum(len(one.words or ()) for one in again) <= len(words) - index:
                yield segment
                continue
            if index:
                yield replace(segment, end=start, words=words[:index])
            yield from again

    def _transcribe(self, samples: Samples, language: str, temperatures: Sequence[float] = _FALLBACKS) -> Iterator[Any]:
        """The segments of samples: a generator, which decodes one after the other, at the first good temperature."""
        segments, _ = self._model.transcribe(
            samples,
            language=language,
            task=self._task,
            beam_size=_BEAM_SIZE,
            temperature=temperatures,
            word_timestamps=True,
            initial_prompt=self._hints.prompt or None,
            hotwords=" ".join(self._hints.hotwords) or None,
        )
        return iter(segments)


class _Decoding:
    """A passage and the queue of its results, from the decoding thread to the one that waits."""

    def __init__(self, passage: Passage, language: str, stopped: threading.Event) -> None:
        self.passage = passage
        self.language = language
        self.stopped = stopped
        self.complete = False  # whether all results are there
        self.followed_until = passage.end  # the end of the silence after it, as far as that is read
        self._results: SimpleQueue[tuple[float, list[Word], str] | BaseException | None] = SimpleQueue()

    def put(self, until: float, words: Sequence[Word], language: str | None = None) -> None:
        """Add ``words``, up to ``until``; in seconds in the passage. Their language is by default the passage's."""
        moved = [_move_to_clock(word, self.passage) for word in words]
        self._results.put((self.passage.to_clock(until, until)[1], moved, language or self.language))

    def end(self) -> None:
        """Note that the passage is recognized to its end."""
        self._results.put((self.passage.end, [], self.language))
        self._results.put(None)
        self.complete = True

    def fail(self, error: BaseException) -> None:
        self._results.put(error)
        self.complete = True

    def results(self) -> Generator[tuple[float, list[Word], str], None, None]:
        """The second up to which everything is recognized, new words, and their language.

        Raises the error of the decoding thread.
        """
        while True:
            try:
                result = self._results.get(timeout=_POLL_INTERVAL)
            except Empty:
                continue  # on Windows, Ctrl-C does not interrupt a wait
            if result is None:
                return
            if isinstance(result, BaseException):
                raise result
            yield result


class EngineTranscriber:
    """Any engine, which works the same as for live captions."""

    def __init__(self, engine: Engine, name: str, language: str = AUTO, hints: Hints = Hints()) -> None:
        """For ``language``, see `configure`; ``languages`` has those that the engine knows."""
        self.name = name
        self.languages = engine.languages
        self._engine = engine
        self.configure(language, hints)

    def configure(self, language: str, hints: Hints = Hints()) -> None:
        """Set what the next call of `words` recognizes. A ``language`` that the engine does not know is detected."""
        code = recognizer_code(language, self.languages) or AUTO
        self._requested_language = next(iter(self.languages)) if len(self.languages) == 1 else code
        self._characters = find_characters(language)
        self._hints = hints
        self.language = add_characters(self._requested_language, self._characters)

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        numbers = count()
        stream = open_stream(self._engine, self._requested_language, self._hints, self._characters)
        pipeline = Pipeline(stream, "", lambda: str(next(numbers)))
        done = complete = 0.0  # seconds
        try:
            for samples in join_blocks(blocks, round(self._engine.step * RATE)):
                done += len(samples) / RATE
                words = [word for caption in pipeline.feed(samples) if caption.final for word in caption.words]
                if (failure := pipeline.take_failure()) is not None:
                    raise failure
                self.language = stream.language
                complete = max([complete, *(word.end for word in words)]) if pipeline.speaking else done
                yield complete, words
            yield done, [word for caption in pipeline.flush() if caption.final for word in caption.words]
        finally:
            pipeline.close()

    def close(self) -> None:
        self._engine.close()


class PipelineTranscriber(EngineTranscriber):
    """The built-in recognizer (pocketsphinx)."""

    name = PocketsphinxEngine.name
    languages = PocketsphinxEngine.languages

    def __init__(self) -> None:
        super().__init__(PocketsphinxEngine(), self.name, "en")


def _known_languages(model: Any) -> frozenset[str]:
    """The languages that the tokenizer has a token for; faster-whisper lists `yue` for every multilingual model."""
    codes = frozenset(map(str, model.supported_languages))
    if not model.model.is_multilingual:
        return codes
    return frozenset(code for code in codes if model.hf_tokenizer.token_to_id(f"<|{code}|>") is not None)


def _load(directory: Path, workers: int) -> Any:
    """Load a model on the best device. Raises `ModelError`."""
    try:
        return on_best_device(lambda device: _load_on_device(directory, device, workers))
    except Exception as error:
        raise ModelError(
            f"Cannot load the model in {directory} ({error}): download it again, or convert it with CTranslate2."
        ) from error


def _load_on_device(directory: Path, device: str, workers: int) -> Any:
    if device == "cpu":
        return load_faster_whisper(directory, device, 1, workers)
    whisper = load_faster_whisper(directory, device, 1, 1)
    segments, _ = whisper.transcribe(np.zeros(RATE, dtype=np.float32), language="en", beam_size=1)
    list(segments)  # missing GPU libraries are noticed only here
    return whisper


def _shift_segment(segment: Any, seconds: float) -> Any:
    words = [replace(word, start=word.start + seconds, end=word.end + seconds) for word in segment.words or ()]
    return replace(segment, start=segment.start + seconds, end=segment.end + seconds, words=words)


def _convert_segment(segment: Any, passage: Passage, before: float, context: Sequence[Word]) -> list[Word]:
    """A segment's words, with times in the passage; none if the segment is a hallucination.

    ``before`` is the end of the previous segment in seconds in the passage, ``context`` are the words up to there.
    """
    words = [_convert_word(word) for word in segment.words or () if word.word.strip()]
    words = remove_loops(words[: count_before_collapse(words)], context)
    voice = passage.voiced_seconds(max(before, segment.start - _PADDING), segment.end + _PADDING)
    if voice < _MIN_VOICE or is_hallucination(words, Evidence(voice, no_speech=float(segment.no_speech_prob))):
        return []
    return words


def _get_probability(words: Sequence[Word]) -> float:
    """The mean probability of words."""
    return sum(word.probability for word in words) / max(1, len(words))


def _find_quietest(samples: Samples) -> int:
    """The middle of the quietest tenth of a second in the middle of ``samples``, which are longer than that."""
    first, last = (round(len(samples) * share) for share in _MIDDLE)
    width = RATE // 10
    power = np.convolve(np.square(samples[first:last], dtype=np.float64), np.ones(width), "valid")
    return first + int(np.argmin(power)) + width // 2


def _convert_word(word: Any) -> Word:
    text = str(word.word)
    return Word(text.strip(), float(word.start), float(word.end), float(word.probability), text.startswith(" "))


def _move_to_clock(word: Word, passage: Passage) -> Word:
    start, end = passage.to_clock(word.start, word.end)
    return replace(word, start=start, end=end)


def _engine_error(error: Exception) -> EngineError:
    return EngineError(f"Whisper stopped working ({error}): try a smaller model with --model.")
