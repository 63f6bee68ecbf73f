"""Parts of libraries that Surtitle uses though they are not public, and the versions that have them.

A library may change these in any release. Each test therefore checks that pyproject.toml allows no
other versions than those it was written for, and that the parts are in the version installed here.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import huggingface_hub
from ctranslate2.specs import model_spec
from faster_whisper import WhisperModel, available_models
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from packaging.specifiers import SpecifierSet
from tqdm import tqdm
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from surtitle.speech.whisper.repositories import REPOSITORIES
from surtitle.speech.whisper_cpp.library import load_library
from tests.installation.requirements import ROOT, all_declared
from tests.speech.whisper_cpp.weights import need_whisper_cpp


def check_versions(library: str, versions: str, used_in: str) -> None:
    """pyproject.toml must allow exactly ``versions`` of ``library``, and one of them must be installed."""
    assert (ROOT / "service" / "surtitle" / used_in).is_file(), f"{used_in} has moved: say here where it is"
    (allowed,) = {requirement.specifier for requirement in all_declared() if requirement.name == library}
    assert allowed == SpecifierSet(versions), (
        f"pyproject.toml allows {library} {allowed}, but {used_in} was written for {versions}: "
        "check the parts that this test names in the new versions, then change the range here"
    )
    assert version(library) in allowed, f"{library} {version(library)} is installed: run `make .venv/test`"


def check_parts(library: str, used_in: str, owner: type, *names: str) -> None:
    """``owner`` must have ``names`` as methods, or set them when it is created."""
    initializers = [vars(cls).get("__init__") for cls in owner.__mro__]
    assigned = {name for made in initializers if inspect.isfunction(made) for name in made.__code__.co_names}
    gone = [name for name in names if not hasattr(owner, name) and name not in assigned]
    assert gone == [], (
        f"{owner.__name__} of {library} {version(library)} has no {', '.join(gone)}: "
        f"adapt service/surtitle/{used_in}, or keep the version out in pyproject.toml"
    )


def test_uvicorn_protocols() -> None:
    used_in = "web/connections.py"
    check_versions("uvicorn", ">=0.54,<0.55", used_in)
    check_parts(
        "uvicorn",
        used_in,
        H11Protocol,
        "connection_made",
        "data_received",
        "send_400_response",
        "on_response_complete",
        "connection_lost",
        "client",
        "cycle",
        "loop",
        "scope",
        "transport",
    )
    check_parts("uvicorn", used_in, RequestResponseCycle, "disconnected", "message_event", "response_complete")
    check_parts(
        "uvicorn",
        used_in,
        WebSocketsSansIOProtocol,
        "connection_lost",
        "send_receive_event_to_app",
        "handle_parser_exception",
        "client",
        "close_sent",
        "conn",
        "curr_msg_data_type",
        "frames",
    )


def test_faster_whisper_tokens() -> None:
    """Without a leading underscore, but not among what faster-whisper exports."""
    used_in = "speech/whisper/decoder.py"
    check_versions("faster-whisper", ">=1.2.1,<1.3", used_in)
    assert list(inspect.signature(Tokenizer).parameters) == ["tokenizer", "multilingual", "task", "language"]
    check_parts(
        "faster-whisper",
        used_in,
        Tokenizer,
        "decode",
        "encode",
        "eot",
        "sot_prev",
        "sot_sequence",
        "split_to_word_tokens",
    )
    assert list(inspect.signature(get_suppressed_tokens).parameters) == ["tokenizer", "suppress_tokens"]
    check_parts(
        "faster-whisper", "speech/whisper/model.py", WhisperModel, "model", "hf_tokenizer", "supported_languages"
    )


def test_faster_whisper_model_names() -> None:
    """The names are public, but not the repositories behind them, so Surtitle has its own table."""
    assert list(REPOSITORIES) == available_models(), "add the models to service/surtitle/models/repositories.py"


def test_ctranslate2_file_format() -> None:
    check_versions("ctranslate2", ">=4.8,<4.9", "speech/whisper/model_file.py")
    assert model_spec.CURRENT_BINARY_VERSION == 6, (
        "CTranslate2 writes another file format: adapt service/surtitle/speech/whisper/model_file.py"
    )


def test_huggingface_hub_progress_bars() -> None:
    """Which bars move, and how, is not documented; tests/models/test_download.py checks the figures they give."""
    used_in = "models/download.py"
    check_versions("huggingface_hub", ">=2.4,<2.5", used_in)
    parameters = inspect.signature(huggingface_hub.hf_hub_download).parameters
    assert "tqdm_class" in parameters, "hf_hub_download takes no tqdm_class: adapt service/surtitle/models/download.py"
    check_parts("tqdm", used_in, tqdm, "update")
    assert tqdm(disable=True).n == 0


def test_onnxruntime_reports_nothing(tmp_path: Path) -> None:
    """Which variable switches its telemetry off is documented nowhere; it stores an identifier if it is on."""
    script = "import surtitle.speech.vad as vad; vad.SileroVad()"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", script], env={**environment, "HOME": str(tmp_path)}, check=True, timeout=120)
    assert list(tmp_path.rglob("*onnxruntime*")) == []


def test_whisper_cpp_structures() -> None:
    """Loading the library compares the layout of its parameters with what pywhispercpp reads."""
    need_whisper_cpp()
    used_in = "speech/whisper_cpp/library.py"
    check_versions("pywhispercpp", ">=1.5.1,<1.6", used_in)
    library = load_library()
    assert library.lang_str(0) == b"en"
    parameters = library.full_default_params(0)
    assert (parameters.greedy.best_of, parameters.vad_params.speech_pad_ms) == (5, 30)
