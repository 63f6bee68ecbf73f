"""The C interface of whisper.cpp (`whisper.h`), in the library that pywhispercpp brings along.

pywhispercpp's own functions give neither the logits nor the state of a model, so words that are committed already could
not be forced, and several sources could not be decoded at once.
"""

from __future__ import annotations

import ctypes
import logging
from ctypes import POINTER, Structure, c_bool, c_char_p, c_float, c_int, c_int64, c_size_t, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from surtitle.core.errors import ModelError

log = logging.getLogger("surtitle.speech")

GREEDY, BEAM_SEARCH = 0, 1

LogitsFilter = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_float), c_void_p)
"""Called with the context, the state, the tokens so far and their number, the logits of the next, and user data."""
_LogCallback = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)


class _Heads(Structure):
    _fields_ = (("count", c_size_t), ("heads", c_void_p))


class ContextParams(Structure):
    """`whisper_context_params`."""

    _fields_ = (
        ("use_gpu", c_bool),
        ("flash_attn", c_bool),
        ("gpu_device", c_int),
        ("dtw_token_timestamps", c_bool),
        ("dtw_aheads_preset", c_int),
        ("dtw_n_top", c_int),
        ("dtw_aheads", _Heads),
        ("dtw_mem_size", c_size_t),
    )


class TokenData(Structure):
    """`whisper_token_data`."""

    _fields_ = (
        ("id", c_int),
        ("tid", c_int),
        ("p", c_float),
        ("plog", c_float),
        ("pt", c_float),
        ("ptsum", c_float),
        ("t0", c_int64),
        ("t1", c_int64),
        ("t_dtw", c_int64),
        ("vlen", c_float),
    )


class _Greedy(Structure):
    _fields_ = (("best_of", c_int),)


class _BeamSearch(Structure):
    _fields_ = (("beam_size", c_int), ("patience", c_float))


class _VadParams(Structure):
    _fields_ = (
        ("threshold", c_float),
        ("min_speech_duration_ms", c_int),
        ("min_silence_duration_ms", c_int),
        ("max_speech_duration_s", c_float),
        ("speech_pad_ms", c_int),
        ("samples_overlap", c_float),
    )


class FullParams(Structure):
    """`whisper_full_params`."""

    _fields_ = (
        ("strategy", c_int),
        ("n_threads", c_int),
        ("n_max_text_ctx", c_int),
        ("offset_ms", c_int),
        ("duration_ms", c_int),
        ("translate", c_bool),
        ("no_context", c_bool),
        ("no_timestamps", c_bool),
        ("single_segment", c_bool),
        ("print_special", c_bool),
        ("print_progress", c_bool),
        ("print_realtime", c_bool),
        ("print_timestamps", c_bool),
        ("token_timestamps", c_bool),
        ("thold_pt", c_float),
        ("thold_ptsum", c_float),
        ("max_len", c_int),
        ("split_on_word", c_bool),
        ("max_tokens", c_int),
        ("debug_mode", c_bool),
        ("audio_ctx", c_int),
        ("tdrz_enable", c_bool),
        ("suppress_regex", c_char_p),
        ("initial_prompt", c_char_p),
        ("carry_initial_prompt", c_bool),
        ("prompt_tokens", POINTER(c_int)),
        ("prompt_n_tokens", c_int),
        ("language", c_char_p),
        ("detect_language", c_bool),
        ("suppress_blank", c_bool),
        ("suppress_nst", c_bool),
        ("temperature", c_float),
        ("max_initial_ts", c_float),
        ("length_penalty", c_float),
        ("temperature_inc", c_float),
        ("entropy_thold", c_float),
        ("logprob_thold", c_float),
        ("no_speech_thold", c_float),
        ("greedy", _Greedy),
        ("beam_search", _BeamSearch),
        ("new_segment_callback", c_void_p),
        ("new_segment_callback_user_data", c_void_p),
        ("progress_callback", c_void_p),
        ("progress_callback_user_data", c_void_p),
        ("encoder_begin_callback", c_void_p),
        ("encoder_begin_callback_user_data", c_void_p),
        ("abort_callback", c_void_p),
        ("abort_callback_user_data", c_void_p),
        ("logits_filter_callback", LogitsFilter),
        ("logits_filter_callback_user_data", c_void_p),
        ("grammar_rules", c_void_p),
        ("n_grammar_rules", c_size_t),
        ("i_start_rule", c_size_t),
        ("grammar_penalty", c_float),
        ("vad", c_bool),
        ("vad_model_path", c_char_p),
        ("vad_params", _VadParams),
    )


_FLOATS = POINTER(c_float)
_INTS = POINTER(c_int)
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "context_default_params": (ContextParams, []),
    "decode_with_state": (c_int, [c_void_p, c_void_p, _INTS, c_int, c_int, c_int]),
    "encode_with_state": (c_int, [c_void_p, c_void_p, c_int, c_int]),
    "free": (None, [c_void_p]),
    "free_state": (None, [c_void_p]),
    "full_default_params": (FullParams, [c_int]),
    "full_get_token_data_from_state": (TokenData, [c_void_p, c_int, c_int]),
    "full_n_segments_from_state": (c_int, [c_void_p]),
    "full_n_tokens_from_state": (c_int, [c_void_p, c_int]),
    "full_with_state": (c_int, [c_void_p, c_void_p, FullParams, _FLOATS, c_int]),
    "get_logits_from_state": (_FLOATS, [c_void_p]),
    "init_from_file_with_params_no_state": (c_void_p, [c_char_p, ContextParams]),
    "init_state": (c_void_p, [c_void_p]),
    "is_multilingual": (c_int, [c_void_p]),
    "lang_auto_detect_with_state": (c_int, [c_void_p, c_void_p, c_int, c_int, _FLOATS]),
    "lang_max_id": (c_int, []),
    "lang_str": (c_char_p, [c_int]),
    "log_set": (None, [_LogCallback, c_void_p]),
    "model_n_audio_layer": (c_int, [c_void_p]),
    "model_n_mels": (c_int, [c_void_p]),
    "model_n_text_layer": (c_int, [c_void_p]),
    "n_vocab": (c_int, [c_void_p]),
    "print_system_info": (c_char_p, []),
    "set_mel_with_state": (c_int, [c_void_p, c_void_p, _FLOATS, c_int, c_int]),
    "token_eot": (c_int, [c_void_p]),
    "token_nosp": (c_int, [c_void_p]),
    "token_sot": (c_int, [c_void_p]),
    "token_to_str": (c_char_p, [c_void_p, c_int]),
    "tokenize": (c_int, [c_void_p, c_char_p, _INTS, c_int]),
}


class Library:
    """The functions of `whisper.h`, without "whisper_" before their names."""

    def __init__(self, library: ctypes.CDLL) -> None:
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, f"whisper_{name}")
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:  # set above
        raise AttributeError(name)


@cache
def load_library() -> Library:
    """The library. Raises `ModelError` if it is missing, or is not the version that is described here."""
    try:
        import _pywhispercpp as binding

        library = Library(_find_library(Path(binding.__file__)))
        _check_layout(library, binding)
    except (ImportError, OSError, AttributeError, ValueError) as error:
        raise ModelError(
            f"The installed whisper.cpp cannot be used ({error}): run `pip install 'surtitle[whisper-cpp]'`."
        ) from error
    library.log_set(_log_callback, None)
    return library


def _find_library(extension: Path) -> ctypes.CDLL:
    """The library that the extension module is linked with, which is loaded already. Raises OSError."""
    linked = ctypes.CDLL(str(extension))
    if hasattr(linked, "whisper_full_with_state"):
        return linked
    # Windows looks only in the module itself
    return next((ctypes.CDLL(str(path)) for path in sorted(extension.parent.glob("whisper*.dll"))), linked)


def _check_layout(library: Library, binding: Any) -> None:
    """Compare the defaults as they are read here with those that the binding reads. Raises ValueError."""
    ours, theirs = (
        library.full_default_params(BEAM_SEARCH),
        binding.whisper_full_default_params(binding.whisper_sampling_strategy.WHISPER_SAMPLING_BEAM_SEARCH),
    )
    names = (
        "n_threads", "n_max_text_ctx", "no_context", "print_progress", "print_timestamps", "thold_ptsum", "audio_ctx",
        "suppress_blank", "max_initial_ts", "length_penalty", "entropy_thold", "no_speech_thold", "grammar_penalty",
    )  # fmt: skip
    wrong = [name for name in names if getattr(ours, name) != getattr(theirs, name, getattr(ours, name))]
    if wrong or ours.vad or ours.vad_params.threshold != 0.5 or ours.beam_search.beam_size != 5:
        raise ValueError(f"its parameters differ: {', '.join(wrong) or 'vad_params'}")
    context, default = library.context_default_params(), binding.whisper_context_default_params()
    if (context.dtw_mem_size, context.use_gpu) != (default.dtw_mem_size, default.use_gpu):
        raise ValueError("its context's parameters differ")


def _log(level: int, text: bytes | None, _: object) -> None:
    log.debug("whisper.cpp: %s", (text or b"").decode(errors="replace").strip())


_log_callback = _LogCallback(_log)  # stays alive as long as the library
