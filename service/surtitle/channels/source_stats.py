"""Statistics of one source, for the dashboard and the metrics."""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.captions.caption import Caption
from surtitle.core.metrics import Metrics
from surtitle.core.wire.sources import RemoteStatus
from surtitle.speech.engine import RemoteUse

_SILENCE_DB = -90.0
_DECAY_DB = 30.0  # dB per second by which the level falls after a loud moment
_RECENT_WINDOW = 60.0  # seconds over which the pace of speech is measured
_MIN_WINDOW = 10.0  # seconds for which a new source is assumed to have spoken
_MAX_RECENT = 200  # captions in that window


class SourceStats:
    """Measures the audio and the captions of one source of ``channel``."""

    def __init__(self, channel: str, metrics: Metrics | None) -> None:
        self.level = _SILENCE_DB
        """The loudness (RMS) in dB relative to full scale; it falls slowly."""
        self.loudness = _SILENCE_DB
        """The loudness of the newest samples."""
        self.lag = 0.0
        """Seconds from the arrival of audio until it was recognized."""
        self.skipped = 0.0
        """Seconds of audio that were skipped because recognition is too slow."""
        self.captions = 0
        """Final captions so far."""
        self.words = 0
        """Committed words so far."""
        self.sent = 0.0
        """Seconds of audio that were sent to a recognizer on another computer."""
        self.lost = 0.0
        """Seconds of speech without captions because that failed."""
        self.recipient = ""
        """Who received them last."""
        self._remote: RemoteUse | None = None  # of the stream in use
        self._counted_remote = (0.0, 0.0)  # what of it was counted: sent, lost
        self._channel = channel
        self._metrics = metrics
        self._now = asyncio.get_running_loop().time
        self._created = self._now()
        # the time at which each recent caption became final, and its number of words
        self._recent_finals: deque[tuple[float, int]] = deque(maxlen=_MAX_RECENT)
        self._counted_words: dict[str, int] = {}  # committed words already counted, by the id of an open caption
        if metrics:
            metrics.count_skipped_audio(channel, 0.0)  # or Prometheus would not see the first seconds as an increase

    @property
    def pace(self) -> int:
        """Words per minute in the recent past."""
        while self._recent_finals and self._recent_finals[0][0] < self._now() - _RECENT_WINDOW:
            self._recent_finals.popleft()
        window = min(_RECENT_WINDOW, max(_MIN_WINDOW, self._now() - self._created))
        return round(sum(words for _, words in self._recent_finals) * 60 / window)

    def measure(self, samples: Samples) -> None:
        """Measure the level of 16 kHz samples, the newest of the source."""
        self.loudness = _decibels(samples)
        self.level = max(self.loudness, self.level - _DECAY_DB * len(samples) / RATE)

    def count_turn(self, engine: str, seconds: float) -> None:
        """Count a turn on ``engine``, which took ``seconds`` from the request on."""
        if self._metrics:
            self._metrics.count_turn(engine, seconds)

    def count_skipped(self, seconds: float) -> None:
        """Count audio that was skipped."""
        self.skipped += seconds
        if self._metrics:
            self._metrics.count_skipped_audio(self._channel, seconds)

    def count_remote(self, use: RemoteUse | None, engine: str) -> None:
        """Count what the stream in use has sent to another computer since the last call, if it does that."""
        if use is not self._remote:
            self._remote, self._counted_remote = use, (0.0, 0.0)
        if use is None:
            return
        sent, lost = use.sent - self._counted_remote[0], use.lost - self._counted_remote[1]
        self._counted_remote = (use.sent, use.lost)
        self.sent, self.lost, self.recipient = self.sent + sent, self.lost + lost, use.recipient
        if self._metrics and (sent or lost):
            self._metrics.count_remote_audio(self._channel, engine, sent, lost)

    def describe_remote(self) -> RemoteStatus | None:
        """What was sent to other computers; None if nothing ever was to be."""
        if not self.recipient:
            return None
        return RemoteStatus(recipient=self.recipient, sent=round(self.sent, 1), lost=round(self.lost, 1))

    def count_caption(self, caption: Caption, engine: str, clock_start: float | None) -> None:
        """Count a revision of a caption, which ``engine`` recognized.

        ``clock_start`` is the time 0 of the channel's clock, in seconds on the loop's clock; None if the source is not
        live, and its words therefore have no delay.
        """
        if caption.final:
            self.captions += 1
            self._recent_finals.append((self._now(), len(caption.words)))
        new = caption.words[self._counted_words.pop(caption.id, 0) :]
        if caption.words and not caption.final:
            self._counted_words[caption.id] = len(caption.words)
        self.words += len(new)
        if new and self._metrics:
            delays = [] if clock_start is None else [self._now() - clock_start - word.end for word in new]
            self._metrics.count_words(self._channel, engine, len(new), delays)


def _decibels(samples: Samples) -> float:
    """The loudness (RMS) in dB relative to full scale."""
    if not samples.size:
        return _SILENCE_DB
    mean = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(_SILENCE_DB, 10 * float(np.log10(mean + 1e-12)))
