"""The deployments of Ray Serve: `serve run surtitle.inference.app:recognition model=base`, or by a configuration file.

This is the only module that imports Ray. deploy/inference/serve.yaml is an example of a configuration.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from surtitle.core.errors import ModelError
from surtitle.inference.diarization import create_diarization
from surtitle.inference.recognition import create_recognition
from surtitle.inference.replica import Replica
from surtitle.inference.translation import create_translation
from surtitle.model_files.kind import ModelKind
from surtitle.models.download import download
from surtitle.pool.address import KIND, read_token
from surtitle.speakers.kinds import DiarizerModel, find_diarizer
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper.kind import WHISPER
from surtitle.translation.models import NLLB
from surtitle.translation.translators import load

_MAX_ONGOING = 64  # requests that a replica is given: those that it works on, and those among which it chooses
_MAX_QUEUED = 256  # requests that wait in a proxy because all replicas have as many; others are refused


class _Deployed:
    """A replica as Ray Serve runs it."""

    _replica: Replica

    async def __call__(self, request: Request) -> Response:
        return await self._replica.respond(request)


class Recognition(_Deployed):
    """Loads one Whisper model."""

    def __init__(self, model: str) -> None:
        """``model`` is a name or a directory. Raises `ModelError`."""
        engine = WhisperEngine(_find(WHISPER, model), model, cores=_count_cores())
        self._replica = create_recognition(engine, read_token(os.environ))


class Translation(_Deployed):
    """Loads one translation model."""

    def __init__(self, model: str) -> None:
        """``model`` is a name or a directory. Raises `ModelError`."""
        self._replica = create_translation(load(_find(NLLB, model), model), read_token(os.environ))


class Diarization(_Deployed):
    """Loads one speaker model. Needs the extra of its kind, such as `diarization`."""

    def __init__(self, model: str) -> None:
        """``model`` is a name or a file, as for `--speaker-model`. Raises `ModelError`."""
        found = _find_diarizer(model)
        found.check()
        self._replica = create_diarization(found.load(), read_token(os.environ))


def recognition(arguments: Mapping[str, Any]) -> serve.Application:
    """The application of a Whisper model, whose name or directory is the argument ``model``. Raises `ModelError`."""
    return _deploy(Recognition, _read_model(arguments, WHISPER))


def translation(arguments: Mapping[str, Any]) -> serve.Application:
    """The application of a translation model, whose name or directory is ``model``. Raises `ModelError`."""
    return _deploy(Translation, _read_model(arguments, NLLB))


def diarization(arguments: Mapping[str, Any]) -> serve.Application:
    """The application of a speaker model, whose name or file is the argument ``model``. Raises `ModelError`."""
    model = _read_argument(arguments)
    _find_diarizer(model)
    return _deploy(Diarization, model)


def _deploy(replica: type[_Deployed], model: str) -> serve.Application:
    """One replica, unless a configuration says how many: it could not replace autoscaling that is decided here."""
    deployment = serve.deployment(
        replica,
        max_ongoing_requests=_MAX_ONGOING,
        max_queued_requests=_MAX_QUEUED,
        health_check_period_s=2,
        graceful_shutdown_timeout_s=10,
    )
    return deployment.bind(model)


def _read_model(arguments: Mapping[str, Any], kind: ModelKind) -> str:
    """Raises `ModelError`."""
    model = _read_argument(arguments)
    kind.check_name(model)
    return model


def _read_argument(arguments: Mapping[str, Any]) -> str:
    """Raises `ModelError`."""
    model = arguments.get("model")
    if not isinstance(model, str) or not model:
        raise ModelError("The application needs the argument “model”, a name or a path: add it.")
    return model


def _find_diarizer(model: str) -> DiarizerModel:
    """Raises `ModelError` if there is no such kind here, or it is that of a pool."""
    found = find_diarizer(model)
    if found.kind.name == KIND:
        raise ModelError(f"“{model}” is a model of a pool, and cannot be one of this pool: name the model itself.")
    return found


def _find(kind: ModelKind, model: str) -> Path:
    """The directory of a model, downloaded if necessary. Raises `ModelError`."""
    return kind.on_disk(model) or download(model, kind=kind)


def _count_cores() -> int | None:
    """The cores that Ray has given this replica; None if it was given a GPU, which a core or two serve."""
    given = ray.get_runtime_context().get_assigned_resources()
    return None if given.get("GPU") else max(1, int(given.get("CPU", 1)))
