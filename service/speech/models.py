"""Which Whisper model, and where it is: a directory, the hub's cache, or the hub."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path

from service.errors import ModelError

_HUB_TIMEOUT = 3.0  # seconds; a hub that is slower to answer than this is not there
_HUB = "https://huggingface.co"


def fitting(cores: int, gpu: bool, language: str) -> str:
    """The model that this machine can run live, by the figures in docs/engines.md."""
    size = "small" if gpu or cores >= 8 else "base"
    if gpu and cores >= 8:
        size = "large-v3-turbo"
    return f"{size}.en" if language == "en" and size != "large-v3-turbo" else size


def find(model: str | None, language: str) -> tuple[str, Path | None]:
    """The model's name, chosen for this machine if none is given, and its directory if it is on this computer.

    Raises `ModelError`. Takes a second or two: call in a thread.
    """
    name = model or fitting(os.cpu_count() or 1, has_gpu(), language)
    return name, local_directory(name) or cached(name)


def has_gpu() -> bool:
    """Whether CTranslate2 sees a CUDA device."""
    import ctranslate2

    return int(ctranslate2.get_cuda_device_count()) > 0


def local_directory(model: str) -> Path | None:
    """The directory that ``model`` names, if it is a path at all. Raises `ModelError`."""
    path = Path(model).expanduser()
    if not path.is_dir():
        if path.is_absolute() or model.startswith((".", "~")):
            raise ModelError(
                f"There is no directory {path}: give the directory of a converted Whisper model, or a name."
            )
        return None
    if not (path / "model.bin").is_file():
        raise ModelError(f"{path} holds no model.bin: give a Whisper model converted by CTranslate2, or a name.")
    return path


def cached(model: str) -> Path | None:
    """Where the hub's cache has ``model``; asks nobody. Raises `ModelError` for an unknown name."""
    from faster_whisper.utils import download_model
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(download_model(model, local_files_only=True))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        return None
    except ValueError as error:
        raise ModelError(f"{model!r} is no model's name: {error}.") from error


def download(model: str) -> Path:
    """Fetch ``model`` from the hub; call in a thread. Raises `ModelError`, within seconds if there is no hub."""
    from faster_whisper.utils import download_model

    hub = os.environ.get("HF_ENDPOINT", _HUB)
    try:
        request = urllib.request.Request(hub, method="HEAD")
        urllib.request.urlopen(request, timeout=_HUB_TIMEOUT).close()
    except urllib.error.HTTPError:
        pass  # it answered, so it is there
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The Whisper model “{model}” is not on this computer and the model hub cannot be reached; "
            "go online once, or name a directory with --model."
        ) from error
    try:
        return Path(download_model(model))
    except Exception as error:
        raise ModelError(
            f"The Whisper model “{model}” could not be fetched from the model hub ({type(error).__name__})."
        ) from error
