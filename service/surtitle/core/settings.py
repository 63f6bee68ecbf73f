"""Settings: one frozen value that the command line creates once and hands down."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from surtitle.core.tenants import Tenants

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SPEAKER_MODEL = "nvidia/diar_streaming_sortformer_4spk-v2"
POLICIES = ("align-att", "local-agreement")
RECORDING_FORMATS = ("flac", "opus")
COMPAT_CHANNEL = "api"
RECORDINGS = "recordings"  # the folder of recordings in the data folder


def _limit(default: float, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on what clients may do; times in seconds, sizes in bytes."""

    start_timeout: float = _limit(10.0, "seconds until a new connection must have sent its first message")
    idle_timeout: float = _limit(30.0, "seconds that a source may go without sending audio")
    compat_idle_timeout: float = _limit(600.0, "the same for clients of other programs, which send nothing in pauses")
    resume_window: float = _limit(30.0, "seconds during which a source that lost its connection can be resumed")
    detached_flush: float = _limit(2.0, "seconds after which the last words of a disconnected source become final")
    lag_budget: float = _limit(10.0, "seconds of a live source's audio that may wait for recognition")
    ahead: float = _limit(120.0, "seconds of audio that may wait if it is sent faster than real time")
    send_timeout: float = _limit(10.0, "seconds that a client may take to accept what it is sent")
    source_length: float = _limit(
        0.0, "seconds after which a source ends in a pause and continues as a new one; 0: never"
    )
    frame_bytes: int = _limit(1 << 20, "bytes of one WebSocket message")
    compat_frame_bytes: int = _limit(15 << 20, "the same for clients of other programs, some of which send whole files")
    source_rate: int = _limit(2 << 20, "bytes per second of a source; half a minute's worth may arrive at once")
    upload_bytes: int = _limit(1 << 30, "bytes of a file that is sent to be recognized")
    file_length: float = _limit(86_400.0, "seconds of audio in such a file")
    upload_rate: int = _limit(32 << 10, "bytes per second at which such a file must arrive, after the first seconds")
    file_requests: int = _limit(8, "files that wait to be recognized, which happens one at a time")
    file_requests_per_address: int = _limit(4, "those of one address")
    header_bytes: int = _limit(64 << 10, "bytes of a request's URL and headers together")
    sources: int = _limit(16, "sources at a time")
    sources_per_channel: int = _limit(16, "sources in one channel")
    sources_per_tenant: int = _limit(0, "sources of one tenant, see tenant-separator; 0: no limit")
    starts: int = _limit(60, "sources that one address may start per minute")
    channels: int = _limit(100, "channels")
    channels_per_tenant: int = _limit(0, "channels of one tenant; 0: no limit")
    readers: int = _limit(2000, "readers at a time")
    readers_per_channel: int = _limit(2000, "readers of one channel")
    readers_per_tenant: int = _limit(0, "readers of one tenant; 0: no limit")
    readers_per_address: int = _limit(500, "readers at one address; phones in one network often share an address")
    connections: int = _limit(6000, "open connections of any kind")
    connections_per_address: int = _limit(1000, "open connections from one address")
    failures: int = _limit(20, "invalid tokens from one address per minute, after which it has to wait")
    languages: int = _limit(8, "languages into which a channel is translated")
    language_linger: float = _limit(30.0, "seconds after which a translation that nobody reads stops")
    captions: int = _limit(20_000, "captions of a channel's session kept in memory; the oldest are dropped first")
    free_disk: int = _limit(1 << 30, "free bytes on the data folder's disk below which an alert is raised; 0: never")
    session_rest: float = _limit(1800.0, "seconds without a source after which the next one begins a new session")


@dataclass(frozen=True, slots=True)
class Access:
    """Settings for access: the secret of tokens, and the requests that need one."""

    secret: str | None = field(default=None, repr=False)  # signs tokens
    require_token: bool = False  # from programs on this computer, too
    public_url: str | None = None  # the address that people use, behind a proxy or under a name
    trust_proxy: tuple[str, ...] = ()  # addresses of proxies whose X-Forwarded headers are trusted
    tls_cert: Path | None = None
    tls_key: Path | None = None
    private_ingest: bool = False  # streams that the dashboard adds may come from this computer and private networks

    @property
    def public_host(self) -> str | None:
        return urlsplit(self.public_url).hostname if self.public_url else None

    @property
    def public_origin(self) -> str | None:
        """What browsers send as the origin of the pages at the public address."""
        if not self.public_url:
            return None
        parts = urlsplit(self.public_url.lower())
        default = {"http": 80, "https": 443}.get(parts.scheme)
        return f"{parts.scheme}://{parts.netloc.removesuffix(f':{default}')}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of `surtitle serve`."""

    host: str = "127.0.0.1"
    port: int = 8000
    engine: str = "auto"  # or the name of a kind of engine
    model: str | None = None  # with the name of its kind before a colon, unless that is Whisper
    language: str = "auto"
    policy: str = POLICIES[0]
    translation_model: str | None = None
    speaker_model: str = SPEAKER_MODEL  # a .nemo file, a name on the hub, or KIND:MODEL such as pool:NAME
    allow_origin: tuple[str, ...] = ()
    data_dir: Path | None = None  # for settings, sessions, captions and recordings; None stores nothing
    compat_channel: str | None = None  # for clients that name none; None for one that is not stored, `COMPAT_CHANNEL`
    vosk_port: int | None = None  # a second port on this computer for Vosk clients
    wyoming_port: int | None = None  # a port for Home Assistant
    wyoming_host: str = "127.0.0.1"
    database: str | None = None  # a PostgreSQL address, instead of a file in `data_dir`
    inference: str | None = None  # the address of a pool that recognizes and translates
    bus: str | None = None  # the address of a Redis by which services serve the readers of each other's channels
    recordings: str | None = None  # storage that services share, s3://bucket/prefix or a folder
    recording_format: str = RECORDING_FORMATS[0]
    transcripts: Path | None = None  # the folder for transcripts that are written while people speak
    outputs_dir: Path | None = None  # for text files with captions; by default a folder in `data_dir`
    tenant_separator: str = ""  # what is before it in a channel's name is the channel's tenant; "" for no tenants
    private_outputs: bool = False  # whether captions may be posted to private addresses, and over http
    limits: Limits = Limits()
    access: Access = Access()

    @property
    def tenants(self) -> Tenants:
        return Tenants(self.tenant_separator)

    @property
    def unstored_channels(self) -> tuple[str, ...]:
        """The channels of which nothing is stored: the one of clients that name none, unless it was chosen."""
        return () if self.compat_channel else (COMPAT_CHANNEL,)

    @property
    def guarded(self) -> bool:
        """Whether all requests need a token: they do as soon as other computers can reach the service."""
        public = self.access.public_host
        exposed = self.host not in LOOPBACK or (public is not None and public not in LOOPBACK)
        return exposed or bool(self.access.trust_proxy) or self.access.require_token

    @property
    def url(self) -> str:
        """The address for a browser or a program on this computer."""
        return self._url_at({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))

    @property
    def public_url(self) -> str:
        """The address for everybody who can reach the service."""
        if self.access.public_url:
            return self.access.public_url.rstrip("/")
        return self._url_at(own_address(self.host)) if self.host in ("0.0.0.0", "::") else self.url

    def _url_at(self, host: str) -> str:
        scheme = "https" if self.access.tls_cert else "http"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"


def own_address(host: str) -> str:
    """This computer's address in its network, of the same family (IPv4 or IPv6) as ``host``. Sends nothing."""
    family, far = (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            return str(ipaddress.ip_address(probe.getsockname()[0]))
    except (OSError, ValueError):
        return "::1" if ":" in host else "127.0.0.1"
