"""Settings: one frozen value, made once by the command line and handed down."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ENGINES = ("auto", "whisper", "pocketsphinx")
SPEAKER_MODEL = "nvidia/diar_streaming_sortformer_4spk-v2"
POLICIES = ("align-att", "local-agreement")
RECORDING_FORMATS = ("flac", "opus")
RECORDINGS = "recordings"  # the folder for them in the data folder


def _bound(default: float, told: str) -> Any:
    return field(default=default, metadata={"help": told})


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what clients may do; times in seconds, sizes in bytes."""

    start_timeout: float = _bound(10.0, "seconds for a connection to say what it wants")
    idle_timeout: float = _bound(30.0, "seconds for which a source may send no audio")
    resume_window: float = _bound(30.0, "seconds for which a source that lost its connection is kept")
    detached_flush: float = _bound(2.0, "seconds after which the last words of a lost source become final")
    lag_budget: float = _bound(10.0, "seconds of a live source's audio that may wait for recognition")
    ahead: float = _bound(120.0, "seconds of audio that may wait when it was sent faster than real time")
    send_timeout: float = _bound(10.0, "seconds for which a client may take nothing of what it is sent")
    source_length: float = _bound(86_400.0, "seconds that a source may last")
    frame_bytes: int = _bound(1 << 20, "bytes of one WebSocket message")
    source_rate: int = _bound(2 << 20, "bytes a second of a source; half a minute's worth may come at once")
    header_bytes: int = _bound(16 << 10, "bytes of a request's address and headers together")
    sources: int = _bound(16, "sources at a time")
    sources_per_channel: int = _bound(16, "sources in one channel")
    starts: int = _bound(60, "sources that one address may start in a minute")
    channels: int = _bound(100, "channels")
    readers: int = _bound(2000, "readers at a time")
    readers_per_channel: int = _bound(2000, "readers of one channel")
    readers_per_address: int = _bound(500, "readers at one address; phones in one network often share theirs")
    connections: int = _bound(6000, "open connections, whatever they do")
    connections_per_address: int = _bound(1000, "open connections of one address")
    failures: int = _bound(20, "refused tokens of one address in a minute, before it is told to wait")
    languages: int = _bound(8, "languages into which a channel is translated")
    language_linger: float = _bound(30.0, "seconds for which that goes on when nobody reads them any more")
    captions: int = _bound(20_000, "captions of a channel's session that are at hand, oldest go first")
    session_rest: float = _bound(1800.0, "seconds without a source, after which the next one begins another session")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may reach the service, and how."""

    secret: str | None = field(default=None, repr=False)  # what tokens are signed with
    require_token: bool = False  # also of programs on this computer
    public_url: str | None = None  # where people reach it, if a proxy or a name stands before it
    trust_proxy: tuple[str, ...] = ()  # addresses of proxies whose X-Forwarded headers are believed
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @property
    def public_host(self) -> str | None:
        return urlsplit(self.public_url).hostname if self.public_url else None


@dataclass(frozen=True, slots=True)
class Settings:
    """What `surtitle serve` was told."""

    host: str = "127.0.0.1"
    port: int = 8000
    engine: str = "auto"
    model: str | None = None
    language: str = "auto"
    policy: str = POLICIES[0]
    translation_model: str | None = None
    speaker_model: str = SPEAKER_MODEL  # a .nemo file or a name on the hub
    allow_origin: tuple[str, ...] = ()
    data_dir: Path | None = None  # where settings, sessions, captions and recordings are kept; None keeps them nowhere
    database: str | None = None  # a PostgreSQL address, instead of a file in `data_dir`
    recording_format: str = RECORDING_FORMATS[0]
    limits: Limits = Limits()
    access: Access = Access()

    @property
    def guarded(self) -> bool:
        """Whether everything needs a token: it does as soon as others than this computer can reach the service."""
        public = self.access.public_host
        beyond = self.host not in LOOPBACK or (public is not None and public not in LOOPBACK)
        return beyond or bool(self.access.trust_proxy) or self.access.require_token

    @property
    def url(self) -> str:
        """The address for a browser or a program on this computer."""
        return self._at({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))

    @property
    def public_url(self) -> str:
        """The address for everybody who may reach it."""
        if self.access.public_url:
            return self.access.public_url.rstrip("/")
        return self._at(own_address(self.host)) if self.host in ("0.0.0.0", "::") else self.url

    def _at(self, host: str) -> str:
        scheme = "https" if self.access.tls_cert else "http"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"


def own_address(host: str) -> str:
    """The address that this computer has in its network; ``host`` says of which family. Nothing is sent."""
    family, far = (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            return str(ipaddress.ip_address(probe.getsockname()[0]))
    except (OSError, ValueError):
        return "::1" if ":" in host else "127.0.0.1"
