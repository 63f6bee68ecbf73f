"""The diarization of one source."""

from __future__ import annotations

import asyncio

from surtitle.audio import Samples
from surtitle.pipeline import Pipeline
from surtitle.speakers.diarizer import SpeakerStream

_SPEAKER_TIMEOUT = 3.0  # seconds that the last words wait for their speakers


class SourceSpeakers:
    """Gives a source's audio to a `SpeakerStream`, and what that finds out to the source's pipeline.

    Without a stream nothing happens. Owns the stream.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.stream: SpeakerStream | None = None
        self._pipeline = pipeline

    def use(self, stream: SpeakerStream | None) -> None:
        """Tell speakers apart with this stream from now on; the one before is closed."""
        before, self.stream = self.stream, stream
        if stream is None:
            self._pipeline.listen(None)
        else:
            self._pipeline.listen(stream.timeline, stream.patience)
        if before is not None:
            before.close()

    @property
    def skipped(self) -> float | None:
        """Seconds of audio in which speakers were not told apart; None without a stream."""
        return self.stream.skipped if self.stream else None

    def put(self, samples: Samples, *, live: bool) -> None:
        if self.stream is not None:
            self.stream.put(samples, live=live)

    def skip(self, samples: int) -> None:
        """Note that this number of samples is missing."""
        if self.stream is not None:
            self.stream.skip(samples)

    async def wait_for_last_words(self, position: float) -> None:
        """After the audio has ended at ``position`` on the channel's clock, wait as long as words wait for speakers."""
        stream = self.stream
        if stream is not None and stream.timeline.known + stream.patience >= position:
            await asyncio.to_thread(stream.wait, stream.patience)

    async def wait_for_end(self) -> None:
        """Wait a moment until all of the audio is processed."""
        if self.stream is not None:
            await asyncio.to_thread(self.stream.wait, _SPEAKER_TIMEOUT)
