"""Loads the networks of a streaming model, and knows what kind of model they are."""

from __future__ import annotations

import json
import math
import re
import subprocess
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from surtitle.audio import RATE, Samples
from surtitle.core.errors import EngineError, ModelError
from surtitle.core.processes import module_command
from surtitle.speech.sherpa_onnx.files import TOKENS, find_files, missing_files
from surtitle.speech.sherpa_onnx.tokens import Tokens, Vocabulary, read_vocabulary

_CHECK_TIMEOUT = 180.0  # seconds; loading takes a few
_STREAMING = "choose a model with “streaming” in its name"
_HOTWORD_SCORE = 1.5  # added to the logarithm of a token's probability, which is the default of sherpa-onnx
_DEFAULT_CHUNK = 66  # frames, for models that do not say

_CTC_KINDS = {
    "zipformer2_ctc": {"encoder_dims", "query_head_dims", "decode_chunk_len", "T"},
    "nemo_ctc": {"window_size", "chunk_shift", "cache_last_channel_dim1"},
    "wenet_ctc": {"head", "num_blocks", "right_context", "subsampling_factor"},
    "t_one_ctc": {"frame_length_ms", "state_dim", "sample_rate"},
}
"""The metadata by which kinds of streaming CTC models are recognized. Offline ones have none of these sets."""


@dataclass(frozen=True, slots=True)
class Network:
    """What an ONNX file says of itself."""

    metadata: dict[str, str]
    inputs: int
    outputs: int


class SherpaModel:
    """A loaded model. Its streams may be used by several threads, each by one at a time."""

    def __init__(self, directory: Path) -> None:
        """Load the model of a folder; takes seconds, call in a thread. Raises `ModelError`."""
        files = find_files(path.name for path in directory.iterdir() if path.is_file())
        if files is None:
            missing = " and no ".join(sorted(missing_files(path.name for path in directory.iterdir())))
            raise ModelError(f"{directory} has no {missing}: give the folder of a streaming model of sherpa-onnx.")
        self._directory = directory
        self._files = files
        self._bpe = files.bpe_vocabulary
        try:
            self._networks = {role: _examine(directory / name) for role, name in files.networks.items()}
            with (directory / TOKENS).open(encoding="utf-8") as lines:
                self.vocabulary: Vocabulary = read_vocabulary(lines)
        except Exception as error:
            raise ModelError(
                f"Cannot read the model in {directory} ({error}): its files may be damaged, so download them again."
            ) from error
        self._kind = self._find_kind()
        self._lock = threading.Lock()
        self._beam: Any = None
        try:
            self._greedy = self._create("greedy_search")
        except Exception as error:
            raise ModelError(f"Cannot load the model in {directory} ({error}): choose another one.") from error

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the encoder, or of the only network."""
        return self._networks["model" if self._files.is_ctc else "encoder"].metadata

    @cached_property
    def prompt_languages(self) -> frozenset[str]:
        """The languages that a multilingual model can be told to write, such as "en"."""
        try:
            known = json.loads(self.metadata.get("prompt_dictionary") or "{}")
        except ValueError:
            return frozenset()
        return frozenset(code.replace("_", "-").split("-")[0].lower() for code in known) - {"auto"}

    @property
    def biasable(self) -> bool:
        """Whether hotwords can be preferred: only the beam search of a transducer does, with pieces that it knows."""
        return self._kind == "transducer" and (bool(self._bpe) or not self.vocabulary.marked)

    @cached_property
    def tail(self) -> float:
        """Seconds of silence after an utterance with which all of it is decoded."""
        frames = self.metadata.get("T") or self.metadata.get("window_size") or ""
        return (int(frames) if frames.isdecimal() else _DEFAULT_CHUNK) / 100 + 0.1

    def open(self, language: str, hotwords: tuple[str, ...] = ()) -> tuple[Any, Any]:
        """A recognizer and a new stream of it, for one utterance. Raises `EngineError`."""
        try:
            if hotwords and self.biasable:
                recognizer = self._load_beam()
                stream = recognizer.create_stream("/".join(self._spell(word) for word in hotwords))
            else:
                recognizer = self._greedy
                stream = recognizer.create_stream()
            if language in self.prompt_languages:
                stream.set_option("language", language)
        except Exception as error:
            raise EngineError(f"sherpa-onnx cannot begin an utterance ({error}): choose another model.") from error
        return recognizer, stream

    def decode(self, recognizer: Any, stream: Any, samples: Samples, *, last: bool = False) -> Tokens:
        """Decode more samples, and return all tokens of the utterance. Raises `EngineError`.

        Tokens of a model that gives no times have none.
        """
        try:
            stream.accept_waveform(RATE, samples)
            if last:
                stream.input_finished()
            while recognizer.is_ready(stream):
                recognizer.decode_stream(stream)
            result = recognizer.get_result_all(stream)
            probabilities = [min(1.0, math.exp(each)) for each in result.ys_probs]
            return Tokens(list(result.tokens), list(result.timestamps), probabilities, result.text)
        except Exception as error:
            raise EngineError(f"sherpa-onnx failed ({error}): recognition continues with the next words.") from error

    def close(self) -> None:
        """Free the memory, as soon as no stream uses it."""
        self._greedy = self._beam = None

    def _spell(self, hotword: str) -> str:
        """A hotword in the letters that the model writes, without characters that have a meaning in a list of them."""
        plain = re.sub(r"[^\w\s'-]+", " ", hotword)
        if self.vocabulary.cased:
            return plain
        return plain.upper() if self.vocabulary.upper else plain.lower()

    def _load_beam(self) -> Any:
        """The recognizer that knows hotwords, loaded when it is first needed: it has the same networks again."""
        with self._lock:
            if self._beam is None:
                self._beam = self._create("modified_beam_search")
            return self._beam

    def _find_kind(self) -> str:
        """The kind of the model. Raises `ModelError` if it is not for streaming, which would end the process later."""
        if not self._files.is_ctc:
            encoder, decoder = self._networks["encoder"], self._networks["decoder"]
            if not self._files.is_transducer:
                if "decoder_num_blocks" not in encoder.metadata:
                    raise ModelError(f"The model in {self._directory} is not a streaming Paraformer: {_STREAMING}.")
                return "paraformer"
            unified = "streaming_model_type" in decoder.metadata
            if encoder.inputs < 3 and not unified:
                raise ModelError(f"The model in {self._directory} can only decode whole recordings: {_STREAMING}.")
            return "nemo_transducer" if unified or decoder.outputs > 1 else "transducer"
        metadata = self.metadata
        kind = next((kind for kind, needed in _CTC_KINDS.items() if needed <= metadata.keys()), None)
        if kind is None:
            raise ModelError(f"The model in {self._directory} is of no kind that can be streamed: {_STREAMING}.")
        return kind

    def _create(self, method: str) -> Any:
        from sherpa_onnx import OnlineRecognizer

        networks = {role: str(self._directory / name) for role, name in self._files.networks.items()}
        common = {"tokens": str(self._directory / TOKENS), "num_threads": 1, "decoding_method": method, **networks}
        match self._kind:
            case "paraformer":
                return OnlineRecognizer.from_paraformer(**common)
            case "transducer" if method != "greedy_search":
                unit = "bpe" if self.vocabulary.marked else "cjkchar"
                if self.vocabulary.marked and self.vocabulary.unspaced:
                    unit = "cjkchar+bpe"
                return OnlineRecognizer.from_transducer(
                    **common,
                    temperature_scale=1.0,
                    modeling_unit=unit,
                    bpe_vocab=str(self._directory / self._bpe) if self._bpe else "",
                    hotwords_score=_HOTWORD_SCORE,
                )
            case "transducer" | "nemo_transducer":
                return OnlineRecognizer.from_transducer(**common, temperature_scale=1.0)
            case kind:
                return getattr(OnlineRecognizer, f"from_{kind}")(**common)


def check_model(directory: Path) -> None:
    """Load and use a model in a process of its own. Raises `ModelError` if that fails.

    sherpa-onnx ends the process if it does not like a model.
    """
    command = module_command("surtitle.speech.sherpa_onnx.check", str(directory))
    try:
        done = subprocess.run(command, capture_output=True, timeout=_CHECK_TIMEOUT, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"Cannot check the model in {directory} ({error}): try it again.") from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        reason = lines[-1].rstrip(".") if lines else f"the process ended with {done.returncode}"
        if reason.startswith("surtitle: "):
            raise ModelError(reason.removeprefix("surtitle: ") + ".")
        raise ModelError(f"sherpa-onnx cannot use the model in {directory} ({reason}): choose another one.")


def _examine(file: Path) -> Network:
    """Read what a network says of itself. Raises whatever onnxruntime does."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    metadata = {str(key): str(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    return Network(metadata, len(session.get_inputs()), len(session.get_outputs()))
