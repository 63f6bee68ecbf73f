"""sherpa-onnx as a kind of engine: its models' names and files, and how they are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.core.errors import ModelError
from surtitle.core.kinds import describe_missing
from surtitle.model_files.kind import ModelKind
from surtitle.speech.kinds import EngineOptions, OfferedModel
from surtitle.speech.sherpa_onnx.files import missing_files, select_files

if TYPE_CHECKING:
    from surtitle.speech.sherpa_onnx.engine import SherpaEngine

_REPOSITORIES = {
    "zipformer-en": "csukuangfj/sherpa-onnx-streaming-zipformer-en-2023-06-26",
    "zipformer-zh-en": "csukuangfj/sherpa-onnx-streaming-zipformer-bilingual-zh-en-2023-02-20",
    "zipformer-zh": "csukuangfj/sherpa-onnx-streaming-zipformer-zh-14M-2023-02-23",
    "zipformer-fr": "shaojieli/sherpa-onnx-streaming-zipformer-fr-2023-04-14",
    "zipformer-ko": "k2-fsa/sherpa-onnx-streaming-zipformer-korean-2024-06-16",
    "zipformer-ru": "csukuangfj/sherpa-onnx-streaming-zipformer-small-ru-vosk-int8-2025-08-16",
    "paraformer-zh-en": "csukuangfj/sherpa-onnx-streaming-paraformer-bilingual-zh-en",
}
_SIZES = {"zipformer-en": 73, "zipformer-zh-en": 199}  # megabytes that are downloaded

SHERPA = ModelKind(
    noun="sherpa-onnx model",
    option="--model",
    wanted="a streaming model of sherpa-onnx",
    repositories=_REPOSITORIES,
    select=select_files,
    missing=missing_files,
    missing_locally=missing_files,
)


class SherpaKind:
    """Streaming transducers, Paraformers and CTC models, run by sherpa-onnx."""

    name = "sherpa-onnx"
    title = "sherpa-onnx"
    local = True
    default = "zipformer-en"
    files = SHERPA
    models = tuple(OfferedModel(name, _SIZES[name] * 1_000_000 if name in _SIZES else None) for name in _REPOSITORIES)

    def problem(self) -> str:
        return describe_missing(self.title, "sherpa_onnx", "sherpa-onnx")

    def load(self, directory: Path | None, model: str, options: EngineOptions) -> SherpaEngine:
        from surtitle.speech.sherpa_onnx.engine import SherpaEngine
        from surtitle.speech.sherpa_onnx.model import check_model

        assert directory is not None
        check_model(directory)
        try:
            return SherpaEngine(directory, model)
        except ImportError as error:
            raise ModelError(f"sherpa-onnx cannot be loaded ({error}): install it again.") from error


KIND = SherpaKind()
