"""A Whisper model loaded with whisper.cpp: decodes one window per thread, with words that are known already."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surtitle.core.errors import EngineError, ModelError
from surtitle.speech.whisper.features import Frames
from surtitle.speech.whisper_cpp.library import (
    BEAM_SEARCH,
    GREEDY,
    ContextParams,
    FullParams,
    LogitsFilter,
    load_library,
)

MAX_TEXT = 200
"""The most tokens in the text of a window: whisper.cpp stops a text that is longer than 220 without a result."""

_MIN_FRAMES = 20  # shorter windows are not decoded by whisper.cpp
_SET_LENGTH_MS = 100  # of a window that is too short to be decoded, so that only the parameters take effect
_TIME_UNIT = 0.01  # seconds
_DTW_MEMORY = 128 << 20  # bytes for the alignment, enough for 30 s and `_MAX_HEADS`: without them, whisper.cpp aborts
_MAX_HEADS = 24  # attention heads by which words are aligned
_HEADER = struct.Struct("<I11i")
_MAGIC = 0x67676D6C  # "ggml"
_TOP_LAYERS = 1  # the preset of heads for models without a known list: all of some layers
_HEADS = {  # the presets of attention heads, by the encoder's layers, and whether the model is multilingual
    (4, False): 3, (4, True): 4, (6, False): 5, (6, True): 6, (12, False): 7, (12, True): 8, (24, False): 9,
    (24, True): 10, (32, True): 12,
}  # fmt: skip
_HEADS_V3, _HEADS_TURBO = 13, 14
_VOCABULARY, _VOCABULARY_V3 = 51865, 51866  # the smallest of multilingual models, and that of large-v3
_LARGE_LAYERS, _TURBO_LAYERS = 32, 4
_FIRST_LANGUAGES = 99  # a hundredth was only added in large-v3


@dataclass(frozen=True, slots=True)
class DecodedToken:
    """A token of a text: ``end`` is in seconds from the window's start."""

    token: int
    probability: float
    end: float


@dataclass(slots=True)
class _Request:
    """What the logits filter of a state has to know."""

    prefix: Sequence[int] = ()
    suppressed: npt.NDArray[np.int64] | None = None
    may_end: bool = False


class _State:
    """The memory for one decoding, used by one thread at a time."""

    def __init__(self, library: Any, context: int, vocabulary: int, end: int) -> None:
        self.pointer = library.init_state(context)
        if not self.pointer:
            raise EngineError("whisper.cpp has no memory for another source: choose a smaller model.")
        self.request = _Request()
        self.filter = LogitsFilter(self._filter)
        self._vocabulary = vocabulary
        self._end = end

    def _filter(self, _context: int, _state: int, _tokens: int, count: int, logits: Any, _data: int) -> None:
        """Force the tokens of the prefix, then exclude those that must not be generated."""
        values = np.ctypeslib.as_array(logits, (self._vocabulary,))
        request = self.request
        if count < len(request.prefix):
            values[:] = -np.inf
            values[request.prefix[count]] = 0.0
            return
        values[request.suppressed] = -np.inf
        if count == len(request.prefix) and not request.may_end:
            values[self._end] = -np.inf


class WhisperCppModel:
    """One loaded model, for as many threads as ``workers`` says."""

    def __init__(self, file: Path, threads: int, workers: int) -> None:
        """Load a ggml file; takes seconds, call in a thread. Raises `ModelError`."""
        self._library: Any = load_library()
        self._threads = threads
        self.workers = workers
        self._context = self._load(file)
        self.mels = int(self._library.model_n_mels(self._context))
        self.multilingual = bool(self._library.is_multilingual(self._context))
        self._vocabulary = int(self._library.n_vocab(self._context))
        self.end = int(self._library.token_eot(self._context))
        self._start = int(self._library.token_sot(self._context))
        self.languages = self._list_languages()
        """The codes of the languages that the model has a token for, in the order of their tokens."""
        self.token_bytes: list[bytes] = [self._library.token_to_str(self._context, token) for token in range(self.end)]
        """The text of each token, in bytes of UTF-8, of which a letter may need several tokens."""
        self._free: list[_State] = []  # that no thread uses
        self._states = 0
        self._closed = False
        self._lock = threading.Lock()

    def encode_text(self, text: str) -> list[int]:
        """The tokens of a text; none after the model was closed."""
        data = text.encode()
        tokens = (ctypes.c_int * (len(data) + 1))()
        with self._lock:
            count = self._library.tokenize(self._context, data, tokens, len(tokens)) if self._context else 0
        return list(tokens[: max(0, count)])

    def detect_language(self, features: Frames, frames: int) -> tuple[str, float]:
        """The most likely language, and its probability; the encoder is given ``frames``. Raises `EngineError`."""
        if not self.multilingual:
            return "en", 1.0
        with self._state() as state:
            self._set_features(state, features, frames)
            probabilities = np.zeros(int(self._library.lang_max_id()) + 1, dtype=np.float32)
            pointer = probabilities.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            code = self._library.lang_auto_detect_with_state(self._context, state.pointer, 0, self._threads, pointer)
            if code < 0:
                raise EngineError(f"whisper.cpp could not detect the language (error {code}).")
            probabilities = probabilities[: len(self.languages)]
            best = int(np.argmax(probabilities))
            return self.languages[best], float(probabilities[best])

    def decode(
        self,
        features: Frames,
        frames: int,
        language: str,
        context: Sequence[int],
        prefix: Sequence[int],
        *,
        suppressed: npt.NDArray[np.int64],
        may_end: bool,
        max_tokens: int,
        beams: int = 1,
        translate: bool = False,
    ) -> tuple[list[DecodedToken], float]:
        """Decode ``features`` of shape (mels, n), of which the encoder is given ``frames``, with silence at the end.

        The text begins with ``prefix`` and has up to ``max_tokens`` more tokens; ``translate`` it into English.
        Returns the whole text, and the probability that nobody speaks. Raises `EngineError`.
        """
        with self._state() as state:
            self._set_features(state, features, frames)
            state.request = _Request(prefix, suppressed, may_end)
            params = self._params(frames, beams)
            before = (ctypes.c_int * max(1, len(context)))(*context)
            params.prompt_tokens, params.prompt_n_tokens = before, len(context)
            params.language, params.translate = language.encode(), translate
            params.max_tokens = min(MAX_TEXT, len(prefix) + max_tokens)
            params.logits_filter_callback = state.filter
            self._check(self._library.full_with_state(self._context, state.pointer, params, None, 0))
            return self._read_tokens(state), self._no_speech(state)

    def close(self) -> None:
        """Free the memory, as soon as no thread decodes any more."""
        with self._lock:
            self._closed = True
            self._free_if_unused()

    def _list_languages(self) -> tuple[str, ...]:
        if not self.multilingual:
            return ("en",)
        count = int(self._library.lang_max_id()) + 1
        if self._vocabulary < _VOCABULARY_V3:
            count = min(count, _FIRST_LANGUAGES)
        return tuple(self._library.lang_str(number).decode() for number in range(count))

    def _load(self, file: Path) -> int:
        params: ContextParams = self._library.context_default_params()
        params.flash_attn = False  # it gives no alignment of words
        params.dtw_token_timestamps = True
        params.dtw_aheads_preset, params.dtw_n_top = _choose_heads(file)
        params.dtw_mem_size = _DTW_MEMORY
        context = self._library.init_from_file_with_params_no_state(os.fsencode(file), params)
        if not context:
            raise ModelError(f"whisper.cpp cannot load {file}, because it is damaged or incomplete: download it again.")
        return int(context)

    @contextmanager
    def _state(self) -> Iterator[_State]:
        """The memory for one decoding. Raises `EngineError`."""
        with self._lock:
            if self._closed:
                raise EngineError("The model was unloaded: captions continue with the next words.")
            state = self._free.pop() if self._free else self._add_state()
        try:
            yield state
        finally:
            state.request = _Request()
            with self._lock:
                self._free.append(state)
                self._free_if_unused()

    def _add_state(self) -> _State:
        state = _State(self._library, self._context, self._vocabulary, self.end)
        self._states += 1
        return state

    def _free_if_unused(self) -> None:
        if not self._closed or len(self._free) < self._states or not self._context:
            return
        for state in self._free:
            self._library.free_state(state.pointer)
        self._library.free(self._context)
        self._context, self._free, self._states = 0, [], 0

    def _set_features(self, state: _State, features: Frames, frames: int) -> None:
        """Give a state the features, and set how many ``frames`` the encoder is given. Raises `EngineError`."""
        width = max(_MIN_FRAMES, min(frames, features.shape[1]))
        padded = np.zeros((self.mels, width), dtype=np.float32)
        padded[:, : features.shape[1]] = features[:, :width]
        pointer = padded.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        self._check(self._library.set_mel_with_state(self._context, state.pointer, pointer, width, self.mels))
        params = self._params(frames, 1)
        params.duration_ms, params.language = _SET_LENGTH_MS, b"en"
        self._check(self._library.full_with_state(self._context, state.pointer, params, None, 0))

    def _params(self, frames: int, beams: int) -> FullParams:
        params: FullParams = self._library.full_default_params(BEAM_SEARCH if beams > 1 else GREEDY)
        params.n_threads = self._threads
        params.audio_ctx = -(-frames // 2)
        params.no_timestamps = params.single_segment = params.no_context = True
        params.print_progress = params.print_timestamps = params.suppress_blank = False
        params.temperature_inc = 0.0  # a text that seems wrong is not sampled again
        params.entropy_thold, params.no_speech_thold = -np.inf, 2.0  # nor is it left out
        params.greedy.best_of, params.beam_search.beam_size = 1, beams
        return params

    def _read_tokens(self, state: _State) -> list[DecodedToken]:
        """The text of a decoding."""
        if not self._library.full_n_segments_from_state(state.pointer):
            return []
        count = self._library.full_n_tokens_from_state(state.pointer, 0)
        found = (self._library.full_get_token_data_from_state(state.pointer, 0, index) for index in range(count))
        return [
            DecodedToken(each.id, each.p, max(0.0, each.t_dtw * _TIME_UNIT)) for each in found if each.id < self.end
        ]

    def _no_speech(self, state: _State) -> float:
        """The probability that nobody speaks in what was decoded last, which whisper.cpp computes too late."""
        token = ctypes.c_int(self._start)
        code = self._library.decode_with_state(self._context, state.pointer, ctypes.byref(token), 1, 0, self._threads)
        self._check(code)
        logits = np.ctypeslib.as_array(self._library.get_logits_from_state(state.pointer), (self._vocabulary,))
        logits = logits - logits.max()
        return float(np.exp(logits[self._library.token_nosp(self._context)]) / np.exp(logits).sum())

    def _check(self, code: int) -> None:
        """Raises `EngineError`."""
        if code:
            raise EngineError(f"whisper.cpp failed (error {code}): captions continue with the next words.")


def _choose_heads(file: Path) -> tuple[int, int]:
    """The preset of attention heads that follow the sound, and the number of layers for `_TOP_LAYERS`.

    Raises `ModelError` if it is no file for whisper.cpp.
    """
    try:
        with file.open("rb") as stream:
            magic, *sizes = _HEADER.unpack(stream.read(_HEADER.size))
    except (OSError, struct.error) as error:
        raise ModelError(f"Cannot read the model {file} ({error}): download it again.") from error
    if magic != _MAGIC:
        raise ModelError(f"{file} is not a model for whisper.cpp: give a file in ggml's format, such as ggml-base.bin.")
    vocabulary, _, _, _, encoder, _, _, heads, decoder, *_ = sizes
    top = max(1, min(decoder // 2, _MAX_HEADS // max(1, heads)))
    if encoder == _LARGE_LAYERS and decoder == _TURBO_LAYERS:
        return _HEADS_TURBO, 0
    if encoder != decoder:  # a distilled one
        return _TOP_LAYERS, top
    if vocabulary == _VOCABULARY_V3:
        return _HEADS_V3, 0
    return _HEADS.get((encoder, vocabulary >= _VOCABULARY), _TOP_LAYERS), top
