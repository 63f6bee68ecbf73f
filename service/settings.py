"""Settings: one frozen value, made once by the command line and handed down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ENGINES = ("auto", "whisper", "pocketsphinx")
SPEAKER_MODEL = "nvidia/diar_streaming_sortformer_4spk-v2"
POLICIES = ("align-att", "local-agreement")
AUDIO_CONTEXTS = ("full", "dynamic")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what clients may do; times in seconds, sizes in bytes."""

    start_timeout: float = 10.0  # a connection that never says "start"
    idle_timeout: float = 30.0  # a source that sends no audio
    resume_window: float = 30.0  # how long a lost source is kept
    detached_flush: float = 2.0  # a lost source's last words become final after this
    lag_budget: float = 10.0  # audio of a live source that may wait for recognition
    ahead: float = 120.0  # audio that may wait when it was sent faster than real time
    send_timeout: float = 10.0  # a client that does not read
    frame_bytes: int = 1 << 20  # one WebSocket message
    sources: int = 16
    channels: int = 100
    readers: int = 2000
    captions: int = 20_000  # of a channel's session that are at hand, oldest go first
    session_rest: float = 1800.0  # without a source, after which the next one begins another session


@dataclass(frozen=True, slots=True)
class Settings:
    """What `surtitle serve` was told."""

    host: str = "127.0.0.1"
    port: int = 8000
    engine: str = "auto"
    model: str | None = None
    language: str = "auto"
    policy: str = POLICIES[0]
    audio_context: str = AUDIO_CONTEXTS[0]
    speaker_model: str = SPEAKER_MODEL  # a .nemo file or a name on the hub
    allow_origin: tuple[str, ...] = ()
    data_dir: Path | None = None  # where settings, sessions and captions are kept; None keeps them nowhere
    database: str | None = None  # a PostgreSQL address, instead of a file in `data_dir`
    limits: Limits = Limits()

    @property
    def url(self) -> str:
        """The address to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"
