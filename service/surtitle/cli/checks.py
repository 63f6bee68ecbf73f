"""The checks of `surtitle doctor`: what this machine has, what it lacks, and how to fix it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import shutil
import socket
import ssl
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.access import secret as secrets
from surtitle.core.announcement import find_announcement
from surtitle.core.errors import SurtitleError
from surtitle.core.probe import is_running
from surtitle.core.processes import is_packaged
from surtitle.core.settings import Settings

if TYPE_CHECKING:
    from surtitle.channels.session import StoredSettings
    from surtitle.speech.kinds import EngineModel

_RECOMMENDED_FREE_BYTES = 2e9  # enough for a model and some recordings
_MIN_FREE_BYTES = 2e8  # with less, the service cannot store anything
_MIN_OPEN_FILES = 2048  # a few hundred readers need as many
_TIMEOUT = 3.0  # seconds
_OBS_PORT = 4455
_LOG_TAIL = 200_000  # bytes at the end of the log in which errors are looked for
_EXTRAS = {"translation": ("nllw", "translation with torch")}


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; ``message`` describes what was found and, unless it is OK, how to fix it."""

    status: Status
    subject: str
    message: str


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Check everything that a service with these settings depends on. A check that raises is a finding, too."""
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("Python", _check_python),
        ("Audio", _check_audio),
        ("Recognition", _check_recognition),
        ("GPU", _check_gpu),
        ("Models", _check_models),
        ("Engines", _check_engines),
        ("Data folder", _check_data_dir),
        ("Database", _check_database),
        ("Access", _check_access),
        ("Port", _check_port),
        ("Log", _check_log),
        ("OBS", _check_obs),
        ("Extras", _check_extras),
        ("Diarizers", _check_diarizers),
    )
    for subject, check in checks:
        try:
            yield from check(settings)
        except Exception as error:
            yield Finding(Status.FAIL, subject, f"This check failed ({type(error).__name__}: {error}).")


def _check_python(_: Settings) -> Iterator[Finding]:
    yield Finding(Status.OK, "Python", ".".join(map(str, sys.version_info[:3])))


def _check_audio(_: Settings) -> Iterator[Finding]:
    for name, package, use in (("PyAV", "av", "decoding WebM, Ogg and files"), ("soxr", "soxr", "resampling")):
        try:
            importlib.import_module(package)
        except ImportError as error:
            yield Finding(
                Status.FAIL,
                name,
                f"Cannot import {package} ({error}), which {use} needs: run `make install` or `pip install {package}`.",
            )
        else:
            yield Finding(Status.OK, name, version(package))


def _check_recognition(_: Settings) -> Iterator[Finding]:
    for package, use in (("onnxruntime", "voice detection"), ("pocketsphinx", "captioning without a model")):
        try:
            importlib.import_module(package)
        except ImportError as error:
            yield Finding(
                Status.FAIL,
                package,
                f"Cannot import {package} ({error}), which {use} needs: run `pip install {package}`.",
            )
        else:
            yield Finding(Status.OK, package, version(package))


def _check_gpu(_: Settings) -> Iterator[Finding]:
    import ctranslate2

    count = ctranslate2.get_cuda_device_count()
    if count:
        kinds = ", ".join(sorted(ctranslate2.get_supported_compute_types("cuda")))
        yield Finding(Status.OK, "GPU", f"{count}, usable by CTranslate2 {version('ctranslate2')} ({kinds})")
    elif shutil.which("nvidia-smi"):
        yield Finding(
            Status.WARN,
            "GPU",
            "An NVIDIA driver is installed, but CTranslate2 cannot find CUDA: install CUDA 12 and cuDNN 9.",
        )
    else:
        yield Finding(Status.OK, "GPU", f"none, using {os.cpu_count()} processors")


def _check_models(settings: Settings) -> Iterator[Finding]:
    from surtitle.models import catalogue
    from surtitle.models.selection import select
    from surtitle.models.speed_store import SpeedStore
    from surtitle.speech.kinds import find_model
    from surtitle.speech.whisper.check import check_directory
    from surtitle.speech.whisper.kind import WHISPER

    selection = select(settings.model, settings.language, SpeedStore(settings.data_dir))
    name = selection.names[0]
    fetch = "surtitle models fetch" + (f" {name}" if settings.model else "")
    try:
        model = find_model(name)
        model.check()
        directory = model.on_disk()
        if model.kind.files is not WHISPER:
            yield from _check_other_model(model, directory)
            return
        if directory is not None:
            check_directory(directory, None if WHISPER.local_directory(name) else name)
    except SurtitleError as error:
        yield Finding(Status.FAIL, "Models", error.message)
        return
    choice = f"{name} ({selection.reason})"
    if directory is None:
        fallback = "" if settings.model else " and uses pocketsphinx (English only, less accurate) until then"
        yield Finding(
            Status.WARN,
            "Models",
            f"{choice} is not on this computer: `surtitle serve` downloads it{fallback}; run `{fetch}` to download it "
            "now.",
        )
        return
    hint = (
        f"; {selection.proposal} would also be fast enough: run `surtitle models fetch {selection.proposal}`, then "
        f"`surtitle serve --model {selection.proposal}`"
        if selection.proposal
        else ""
    )
    yield Finding(Status.OK, "Models", choice + hint)
    others = [model.name for model in catalogue.catalogue() if model.complete and model.name != name]
    if others:
        yield Finding(Status.OK, "Other models", ", ".join(others))


def _check_other_model(model: EngineModel, directory: Path | None) -> Iterator[Finding]:
    """A model of another kind than Whisper."""
    place = "" if model.kind.local else ": sound is sent to another computer"
    if model.kind.files is None or directory is not None:
        yield Finding(Status.OK, "Models", f"{model.full_name} ({model.kind.title}){place}")
        return
    yield Finding(
        Status.WARN,
        "Models",
        f"{model.full_name} is not on this computer: `surtitle serve` downloads it; run `surtitle models fetch "
        f"{model.full_name}` to download it now.",
    )


def _check_engines(_: Settings) -> Iterator[Finding]:
    from surtitle.speech.kinds import engine_kinds

    for kind in engine_kinds().values():
        problem = kind.problem()
        yield Finding(Status.OK, kind.title, f"not used: {problem}" if problem else f"--engine {kind.name}")


def _check_data_dir(settings: Settings) -> Iterator[Finding]:
    from surtitle.store.network_share import describe_network_share, find_network_share

    folder = settings.data_dir
    if folder is None:
        return
    try:
        # the nearest folder that exists: `serve` creates the rest
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"x" * 4096)
            file.flush()
    except OSError as error:
        reason = error.strerror or error
        yield Finding(
            Status.FAIL, "Data folder", f"Cannot write to {folder} ({reason}): choose another with --data-dir."
        )
        return
    free = shutil.disk_usage(existing).free
    if free < _MIN_FREE_BYTES:
        yield Finding(
            Status.FAIL,
            "Disk",
            f"Only {free / 1e6:.0f} MB are free at {folder}: free some space, or choose another folder with "
            "--data-dir.",
        )
    elif free < _RECOMMENDED_FREE_BYTES:
        yield Finding(
            Status.WARN,
            "Disk",
            f"Only {free / 1e9:.1f} GB are free at {folder}: a model or a long recording may not fit.",
        )
    else:
        yield Finding(Status.OK, "Data folder", f"{folder}, {free / 1e9:.0f} GB free")
    if not settings.database and (kind := find_network_share(folder)):
        yield Finding(Status.WARN, "Network share", describe_network_share(folder, kind))
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard != resource.RLIM_INFINITY and hard < _MIN_OPEN_FILES:
            yield Finding(
                Status.WARN,
                "Open files",
                f"The limit of {hard} allows about {hard - 100} readers: raise it with `ulimit -n`.",
            )
        else:
            yield Finding(Status.OK, "Open files", "unlimited" if hard == resource.RLIM_INFINITY else f"up to {hard}")


def _check_database(settings: Settings) -> Iterator[Finding]:
    if settings.database is None:
        return
    try:
        channels = len(_stored_settings(settings))
    except SurtitleError as error:
        yield Finding(Status.FAIL, "Database", error.message)
    else:
        yield Finding(Status.OK, "Database", f"reachable, has the settings of {channels} channels")


def _stored_settings(settings: Settings) -> dict[str, StoredSettings]:
    """The stored settings of each channel. Raises `StoreError`."""
    from surtitle.store.database import FILE
    from surtitle.store.journal import Store

    folder = settings.data_dir
    if folder is None or not (settings.database or (folder / FILE).exists()):
        return {}
    with closing(Store(folder, settings.database)) as store:
        return store.settings()


def _check_access(settings: Settings) -> Iterator[Finding]:
    try:
        secret = secrets.find(settings.data_dir)
    except SurtitleError as error:
        yield Finding(Status.FAIL, "Access", error.message)
        return
    if settings.guarded and secret is None:
        yield Finding(
            Status.FAIL,
            "Access",
            f"{settings.host} can be reached from other computers, which needs a secret: create one with "
            "`surtitle token new-secret`.",
        )
    elif settings.guarded:
        yield Finding(Status.OK, "Access", "a secret exists, and every client needs a token")
    else:
        hint = "" if secret else "; to let other computers in, run `surtitle token new-secret` first"
        yield Finding(Status.OK, "Access", f"from this computer only, without tokens{hint}")


def _check_port(settings: Settings) -> Iterator[Finding]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), _unverified_https())
    for scheme in ("http", "https"):
        try:
            with direct.open(f"{scheme}://{_local_host(settings)}:{settings.port}/healthz", timeout=_TIMEOUT) as answer:
                if json.load(answer).get("status") == "ok":
                    yield Finding(Status.OK, "Port", f"Surtitle is running on port {settings.port}")
                    return
        except (OSError, ValueError):
            continue
    try:
        socket.create_server((settings.host, settings.port), family=_address_family(settings)).close()
    except OSError as error:
        other = find_announcement(settings.data_dir) if settings.data_dir else None
        if other is not None and is_running(other.url):
            yield Finding(Status.OK, "Port", f"another program uses {settings.port}, and Surtitle runs at {other.url}/")
            return
        reason = error.strerror or error
        yield Finding(
            Status.FAIL,
            "Port",
            f"Cannot listen on port {settings.port} ({reason}): stop the program that uses it, or choose another with "
            "--port.",
        )
    else:
        yield Finding(Status.OK, "Port", f"{settings.port} is free")


def _check_log(_: Settings) -> Iterator[Finding]:
    """The log of the app, which `serve` does not write, and the last error in it."""
    from surtitle.desktop.location import LOG_FILE, LOG_FOLDER

    log = LOG_FOLDER / LOG_FILE
    if not log.exists():
        return
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL))
        lines = file.read().decode(errors="replace").splitlines()
    errors = [line for line in lines if " ERROR " in line]
    yield Finding(Status.OK, "Log", f"{log}; its last error: {errors[-1]}" if errors else f"{log}, without errors")


def _check_obs(settings: Settings) -> Iterator[Finding]:
    """The OBS of each channel that sends closed captions; without any, OBS's usual port on this computer."""
    outputs = {name: stored.settings.closed_captions for name, stored in _stored_settings(settings).items()}
    enabled = {name: output for name, output in outputs.items() if output.enabled}
    for name, output in enabled.items():
        yield check_obs_login(f"OBS ({name})", output.host, output.port, output.password)
    if not enabled:
        try:
            socket.create_connection(("127.0.0.1", _OBS_PORT), timeout=_TIMEOUT).close()
        except OSError:
            yield Finding(Status.OK, "OBS", "no WebSocket server on this computer; only closed captions need one")
        else:
            yield Finding(Status.OK, "OBS", f"its WebSocket server answers on port {_OBS_PORT}")


def check_obs_login(subject: str, host: str, port: int, password: str) -> Finding:
    """Whether OBS answers at this address and accepts the password."""
    from surtitle.closed_captions.obs_client import ObsError, ObsPasswordRefused, ObsUnsupported, connect_to_obs

    async def ask_version() -> str:
        async with connect_to_obs(host, port, password, _TIMEOUT) as obs:
            return str((await obs.request("GetVersion")).get("obsVersion"))

    try:
        return Finding(Status.OK, subject, f"OBS {asyncio.run(ask_version())} at {host}:{port}")
    except ObsPasswordRefused:
        return Finding(
            Status.FAIL,
            subject,
            f"OBS at {host}:{port} rejects the password: copy it from Tools, WebSocket Server Settings in OBS.",
        )
    except ObsUnsupported:
        return Finding(
            Status.FAIL,
            subject,
            f"{host}:{port} is not OBS 28 or newer: update OBS, or correct the port.",
        )
    except ObsError as error:
        return Finding(
            Status.WARN,
            subject,
            f"{host}:{port} does not answer ({error}): start OBS, and enable its server under Tools, WebSocket Server "
            "Settings.",
        )


def _check_extras(_: Settings) -> Iterator[Finding]:
    for extra, (package, use) in _EXTRAS.items():
        try:
            found = importlib.util.find_spec(package) is not None
        except (ImportError, ValueError):
            found = False
        if found:
            try:
                release = version(package)
            except PackageNotFoundError:
                release = "installed"
            yield Finding(Status.OK, extra.capitalize(), release)
        else:
            how = (
                "the downloaded program cannot have it, so install Surtitle with pip"
                if is_packaged()
                else f"run `pip install 'surtitle[{extra}]'`"
            )
            yield Finding(Status.OK, extra.capitalize(), f"not installed, and not needed except for {use}: {how}")


def _check_diarizers(_: Settings) -> Iterator[Finding]:
    from surtitle.speakers.kinds import diarizer_kinds

    for kind in diarizer_kinds().values():
        problem = kind.problem()
        message = f"not needed except for telling speakers apart: {problem}" if problem else "installed"
        yield Finding(Status.OK, f"Diarizer {kind.title}", message)


def _local_host(settings: Settings) -> str:
    """The host to connect to from this computer, in the form that a URL needs."""
    host = settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _address_family(settings: Settings) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in settings.host else socket.AF_INET


def _unverified_https() -> urllib.request.HTTPSHandler:
    """HTTPS without verification: the service's certificate is for its public name, not for this address."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return urllib.request.HTTPSHandler(context=context)
