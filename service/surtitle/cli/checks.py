"""Looks at the machine: what is there, what is missing, and what to do about it."""

from __future__ import annotations

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
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from surtitle.access import secret as secrets
from surtitle.core.errors import SurtitleError
from surtitle.core.settings import Settings

if TYPE_CHECKING:
    from surtitle.channels.session import StoredSettings

OK, WARN, FAIL = "ok", "warn", "fail"

_ROOM = 2e9  # bytes that should be free: a model, and recordings
_LEAST = 2e8  # bytes without which nothing can be kept
_FILES = 2048  # open files that some hundred readers need
_PATIENCE = 3.0  # seconds
_OBS_PORT = 4455
_EXTRAS = {"translation": ("nllw", "captions in other languages"), "diarization": ("nemo", "telling speakers apart")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``told`` says how it is and, unless all is well, what to do."""

    state: str
    what: str
    told: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything that matters to a service with these settings. A look that fails is a finding, too."""
    looks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("Python", _python),
        ("Audio", _audio),
        ("Recognition", _recognition),
        ("GPU", _gpu),
        ("Models", _models),
        ("Data folder", _folder),
        ("Database", _database),
        ("Access", _access),
        ("Port", _port),
        ("OBS", _obs),
        ("Extras", _extras),
    )
    for what, look in looks:
        try:
            yield from look(settings)
        except Exception as error:
            yield Finding(FAIL, what, f"cannot be looked at ({type(error).__name__}: {error}).")


def _python(_: Settings) -> Iterator[Finding]:
    yield Finding(OK, "Python", ".".join(map(str, sys.version_info[:3])))


def _audio(_: Settings) -> Iterator[Finding]:
    for name, package, use in (("PyAV", "av", "WebM, Ogg and files"), ("soxr", "soxr", "sample rates")):
        try:
            importlib.import_module(package)
        except ImportError as error:
            yield Finding(
                FAIL, name, f"cannot be loaded ({error}), {use} need it: `make install`, or `pip install {package}`."
            )
        else:
            yield Finding(OK, name, version(package))


def _recognition(_: Settings) -> Iterator[Finding]:
    for package, use in (("onnxruntime", "hearing who speaks"), ("pocketsphinx", "captions without a model")):
        try:
            importlib.import_module(package)
        except ImportError as error:
            yield Finding(FAIL, package, f"cannot be loaded ({error}), {use} needs it: `pip install {package}`.")
        else:
            yield Finding(OK, package, version(package))


def _gpu(_: Settings) -> Iterator[Finding]:
    import ctranslate2

    count = ctranslate2.get_cuda_device_count()
    if count:
        kinds = ", ".join(sorted(ctranslate2.get_supported_compute_types("cuda")))
        yield Finding(OK, "GPU", f"{count}, for CTranslate2 {version('ctranslate2')} ({kinds})")
    elif shutil.which("nvidia-smi"):
        yield Finding(
            WARN, "GPU", "There is an NVIDIA driver, but CTranslate2 finds no CUDA: install CUDA 12 and cuDNN 9."
        )
    else:
        yield Finding(OK, "GPU", f"none, {os.cpu_count()} processors are used")


def _models(settings: Settings) -> Iterator[Finding]:
    from surtitle.models import catalogue
    from surtitle.models.check import check_directory
    from surtitle.models.selection import select
    from surtitle.models.speed_store import SpeedStore

    selection = select(settings.model, settings.language, SpeedStore(settings.data_dir))
    name = selection.names[0]
    fetch = "surtitle models fetch" + (f" {name}" if settings.model else "")
    try:
        directory = catalogue.on_disk(name)
        if directory is not None:
            check_directory(directory, None if catalogue.local_directory(name) else name)
    except SurtitleError as error:
        yield Finding(FAIL, "Models", error.message)
        return
    why = f"{name} ({selection.reason})"
    if directory is None:
        until = "" if settings.model else ", and captions run on pocketsphinx (English, modest) until then"
        yield Finding(
            WARN, "Models", f"{why} is not on this computer: `surtitle serve` fetches it{until}; `{fetch}` does it now."
        )
        return
    more = (
        f"; {selection.proposal} would be fast enough, too: `surtitle models fetch {selection.proposal}`, and "
        f"`surtitle serve --model {selection.proposal}`"
        if selection.proposal
        else ""
    )
    yield Finding(OK, "Models", why + more)
    others = [model.name for model in catalogue.catalogue() if model.complete and model.name != name]
    if others:
        yield Finding(OK, "Other models", ", ".join(others))


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if folder is None:
        return
    try:
        place = next(one for one in (folder, *folder.absolute().parents) if one.exists())  # `serve` makes the rest
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x" * 4096)
            file.flush()
    except OSError as error:
        reason = error.strerror or error
        yield Finding(FAIL, "Data folder", f"{folder} cannot be written ({reason}): choose another with --data-dir.")
        return
    free = shutil.disk_usage(place).free
    if free < _LEAST:
        yield Finding(
            FAIL, "Disk", f"{free / 1e6:.0f} MB are free at {folder}: make room, or choose another with --data-dir."
        )
    elif free < _ROOM:
        yield Finding(
            WARN, "Disk", f"{free / 1e9:.1f} GB are free at {folder}: a model or a long recording may not fit."
        )
    else:
        yield Finding(OK, "Data folder", f"{folder}, {free / 1e9:.0f} GB free")
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard != resource.RLIM_INFINITY and hard < _FILES:
            yield Finding(WARN, "Open files", f"{hard} at most, so about {hard - 100} readers: raise `ulimit -n`.")
        else:
            yield Finding(OK, "Open files", "enough" if hard == resource.RLIM_INFINITY else f"{hard} at most")


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database is None:
        return
    try:
        channels = len(_told(settings))
    except SurtitleError as error:
        yield Finding(FAIL, "Database", error.message)
    else:
        yield Finding(OK, "Database", f"answers, and has the settings of {channels} channels")


def _told(settings: Settings) -> dict[str, StoredSettings]:
    """What is kept of channels' settings. Raises `StoreError`."""
    from surtitle.store.database import FILE
    from surtitle.store.journal import Store

    folder = settings.data_dir
    if folder is None or not (settings.database or (folder / FILE).exists()):
        return {}
    with closing(Store(folder, settings.database)) as store:
        return store.settings()


def _access(settings: Settings) -> Iterator[Finding]:
    try:
        secret = secrets.find(settings.data_dir)
    except SurtitleError as error:
        yield Finding(FAIL, "Access", error.message)
        return
    if settings.guarded and secret is None:
        yield Finding(
            FAIL, "Access", f"{settings.host} is beyond this computer: `surtitle token new-secret` makes the secret."
        )
    elif settings.guarded:
        yield Finding(OK, "Access", "there is a secret, and everybody needs a token")
    else:
        more = "" if secret else "; for others, begin with `surtitle token new-secret`"
        yield Finding(OK, "Access", f"this computer only, without tokens{more}")


def _port(settings: Settings) -> Iterator[Finding]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), _unchecked())
    for scheme in ("http", "https"):
        try:
            with direct.open(f"{scheme}://{_local(settings)}:{settings.port}/healthz", timeout=_PATIENCE) as answer:
                if json.load(answer).get("status") == "ok":
                    yield Finding(OK, "Port", f"Surtitle runs at {settings.port}")
                    return
        except (OSError, ValueError):
            continue
    try:
        socket.create_server((settings.host, settings.port), family=_family(settings)).close()
    except OSError as error:
        reason = error.strerror or error
        yield Finding(
            FAIL, "Port", f"{settings.port} cannot be used ({reason}): stop who has it, or choose one with --port."
        )
    else:
        yield Finding(OK, "Port", f"{settings.port} is free")


def _obs(settings: Settings) -> Iterator[Finding]:
    """Where channels are told that OBS is; if none is, where it usually is."""
    told = {name: one.settings.closed_captions for name, one in _told(settings).items()}
    wanted = {name: one for name, one in told.items() if one.enabled}
    for name, one in wanted.items():
        yield connect(f"OBS ({name})", one.host, one.port, one.password)
    if not wanted:
        try:
            socket.create_connection(("127.0.0.1", _OBS_PORT), timeout=_PATIENCE).close()
        except OSError:
            yield Finding(OK, "OBS", "no WebSocket server here; only closed captions by the service need it")
        else:
            yield Finding(OK, "OBS", f"its WebSocket server answers at port {_OBS_PORT}")


def connect(what: str, host: str, port: int, password: str) -> Finding:
    """Whether OBS answers there, and takes the password."""
    from obsws_python.error import OBSSDKError

    from surtitle.closed_captions.obs_websocket import Client

    try:
        address = f"[{host}]" if ":" in host else host
        with Client(host=address, port=port, password=password, timeout=_PATIENCE) as client:
            return Finding(OK, what, f"OBS {client.get_version().obs_version} at {host}:{port}")
    except OBSSDKError:
        return Finding(
            FAIL, what, f"{host}:{port} refuses the password: copy it from OBS, Tools, WebSocket Server Settings."
        )
    except Exception as error:  # obsws-python lets through whatever its socket raises
        reason = getattr(error, "strerror", None) or type(error).__name__
        return Finding(
            WARN,
            what,
            f"{host}:{port} does not answer ({reason}): start OBS, and enable its server under Tools, WebSocket.",
        )


def _extras(_: Settings) -> Iterator[Finding]:
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
            yield Finding(OK, extra.capitalize(), release)
        else:
            yield Finding(OK, extra.capitalize(), f"not installed; for {use}: pip install 'surtitle[{extra}]'")


def _local(settings: Settings) -> str:
    host = settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _family(settings: Settings) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in settings.host else socket.AF_INET


def _unchecked() -> urllib.request.HTTPSHandler:
    """Our own certificate is for the name that others know the service by."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return urllib.request.HTTPSHandler(context=context)
