"""A source: one publisher of audio, from its samples to its captions."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.audio.ring import RecentAudio
from surtitle.captions.caption import Caption
from surtitle.captions.transcript import words_as_json
from surtitle.channels.audio_queue import Backlog
from surtitle.channels.audio_tap import AudioListener
from surtitle.channels.channel import Channel
from surtitle.channels.feed import Feed
from surtitle.core.errors import EngineError, Replaced, SurtitleError, TimedOut, TooFast
from surtitle.core.metrics import Metrics
from surtitle.core.settings import Limits
from surtitle.core.wire import (
    EndMessage,
    FinalMessage,
    LagMessage,
    PartialMessage,
    PublishedCaption,
    SourceStatus,
    StatusMessage,
)
from surtitle.pipeline import Pipeline
from surtitle.speakers.diarizer import SpeakerStream
from surtitle.speech.engine import Engine, SpeechTranslator, Stream

log = logging.getLogger("surtitle.source")

_MAX_MESSAGES = 256  # messages kept for a publisher that does not read them
_LIVE_MARGIN = 1.0  # seconds ahead of real time above which a client is not live
_MIN_REPORTED_LAG = 1.0  # seconds of lag that are worth a message, and seconds between two such messages
_SPEAKER_TIMEOUT = 3.0  # seconds that the last words wait for their speakers
_DRAIN_TIMEOUT, _DRAIN_RATIO = (
    60.0,
    4.0,
)  # seconds for the rest of the audio at the end, plus seconds for each second of it
_MIN_LOSS = 1.0  # seconds that a resumed client must be late before audio counts as missing
_SILENCE_DB = -90.0
_RECENT_WINDOW = 60.0  # seconds over which the pace of speech is measured
_MAX_RECENT = 200  # captions in that window


class Source:
    """Owns the recognition task of one publisher, and the queue in front of it.

    The queue holds a limited number of seconds. A client that sends faster than real time has to wait, and loses
    nothing. A live client cannot wait: when recognition is too slow, its oldest audio is skipped, counted and
    reported, so that the lag stays within the budget.
    """

    def __init__(
        self,
        channel: Channel,
        name: str,
        resume: str,
        pipeline: Pipeline,
        engine: Engine,
        limits: Limits,
        before: float = 0.0,
        on_end: Callable[[Source], None] = lambda source: None,
        key: str = "",
        metrics: Metrics | None = None,
    ) -> None:
        """``before`` is how many seconds an earlier run of the service received; ``on_end`` is called at the end."""
        self.channel = channel
        self.key = key  # identifies the source in logs and metrics; unlike `resume` it is no secret
        self.name = name
        self.resume = resume
        self.feed = Feed(_MAX_MESSAGES)
        self.delivered = 0  # the sequence number in `feed` up to which events were sent to the publisher
        self.lag = 0.0
        self.skipped = 0.0
        self.error: SurtitleError | None = None
        self.audio_listener: AudioListener | None = None
        self.notice = ""  # what its publisher should know about the recognition of its language
        self._pipeline = pipeline
        self._engine = engine
        self._metrics = metrics
        self._counted_words: dict[str, int] = {}  # committed words already counted, by the id of an open caption
        self._next_engine: tuple[Engine, Stream] | None = None  # for the next utterance; the pipeline does not have it
        self._pending_engine: tuple[Engine, Stream] | None = None  # the same, after it was passed to the pipeline
        self._speaker_stream: SpeakerStream | None = None
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._backlog = Backlog()
        self._recent = RecentAudio()
        self._already_received = before
        self._on_end = on_end
        self._received = round(before * RATE)
        self._paused_samples = 0  # samples received while the channel is paused
        # the time at which each recent caption became final, and its number of words
        self._recent_finals: deque[tuple[float, int]] = deque(maxlen=_MAX_RECENT)
        self._live_start = self._created = self._loop.time()
        self._wake = asyncio.Event()
        self._space_freed = asyncio.Event()
        self._ending = False
        self._level = _SILENCE_DB
        self._captions = 0
        self._sent_lag = (0.0, 0.0)
        self._sent_status = (False, engine.name, pipeline.language)  # speaking, engine, language
        self._owner: asyncio.Future[None] | None = None
        self._grace_task: asyncio.Task[None] | None = None
        self._task = asyncio.create_task(self._run(), name=f"source {name}")
        self._task.add_done_callback(lambda task: self.set_speaker_stream(None))
        self._publish_status("live")

    @property
    def engine(self) -> str:
        return self._engine.name

    @property
    def model(self) -> str:
        return self._engine.model

    @property
    def language(self) -> str:
        return self._pipeline.language

    @property
    def received(self) -> float:
        """Seconds of audio received so far."""
        return self._received / RATE

    @property
    def clock(self) -> float:
        """The time of the first sample on the channel's clock, in seconds."""
        return self._pipeline.offset - self._already_received

    @property
    def position(self) -> float:
        """The end of the audio received so far, in seconds on the channel's clock."""
        return self.clock + self.received

    @property
    def attached(self) -> bool:
        """Whether a client is connected."""
        return self._owner is not None

    @property
    def ended(self) -> bool:
        return self._task.done()

    @property
    def resumable(self) -> bool:
        """Whether a client may still resume the source."""
        return not (self.ended or self._ending)

    def attach(self) -> asyncio.Future[None]:
        """Connect a client. The future that is returned fails when the client loses the source."""
        self.disconnect(Replaced("This source was resumed on another connection: close this one."))
        if self._grace_task is not None:
            self._grace_task.cancel()
            self._grace_task = None
            self._publish_status("live")
        self._live_start = (
            self._loop.time() - self.received
        )  # what the client buffered while it was away may come at once
        self._owner = self._loop.create_future()
        return self._owner

    def disconnect(self, reason: SurtitleError) -> None:
        """Disconnect the client, with a reason."""
        if self._owner is not None and not self._owner.done():
            self._owner.set_exception(reason)
            self._owner.exception()  # marks the exception as retrieved, in case nobody awaits the future

    def expel(self, owner: asyncio.Future[None], reason: SurtitleError) -> None:
        """Refuse the client from now on; if it still owns the source, the source ends."""
        if owner is self._owner:
            self.disconnect(reason)
            self.end()

    def detach(self, owner: asyncio.Future[None]) -> None:
        """Note that the client is gone; unless it returns in time, the source ends."""
        if owner is not self._owner or self.ended:
            return
        self._owner = None
        self._publish_status("away")
        self._grace_task = asyncio.create_task(self._wait_for_client(), name=f"grace {self.name}")

    async def use(self, engine: Engine, stream: Stream) -> None:
        """Recognize with another stream from the next utterance on. No word is lost; the source closes the stream."""
        if self.ended:
            unused: Stream | None = stream
        else:
            unused = self._next_engine[1] if self._next_engine is not None else None
            self._next_engine = (engine, stream)
        if unused is not None:
            await asyncio.to_thread(unused.close)

    def warn(self, notice: str) -> None:
        """Set the notice about recognition for the publisher and the dashboard; "" clears it."""
        if notice and notice != self.notice:
            log.warning("%s/%s: %s", *self._label, notice)
            self.feed.publish("notice", "status", StatusMessage(type="status", notice=notice))
        self.notice = notice

    def set_speaker_stream(self, listening: SpeakerStream | None) -> None:
        """Tell its speakers apart with these ears from now on; those before are closed."""
        before, self._speaker_stream = self._speaker_stream, listening
        if listening is None:
            self._pipeline.listen(None)
        else:
            self._pipeline.listen(listening.timeline, listening.patience)
        if before is not None:
            before.close()

    @property
    def speaker_stream(self) -> SpeakerStream | None:
        """What tells its speakers apart."""
        return self._speaker_stream

    async def put(self, samples: Samples) -> None:
        """Queue 16 kHz mono samples. Raises `TooFast`, `TimedOut`, and `EngineError` once the source has ended."""
        if self._is_queue_full():
            raise TooFast(
                f"More than {self._limits.ahead:.0f} s of audio wait for recognition: send audio in real time, or "
                "transcribe a file with `surtitle transcribe`."
            )
        self._append(samples)

    async def put_when_free(self, samples: Samples) -> None:
        """Like `put`, but waits while the queue is full. For connections that tolerate being held back."""
        while self._is_queue_full() and not self.ended:
            self._space_freed.clear()
            await self._space_freed.wait()
        self._append(samples)

    def skip_to(self, until: float) -> None:
        """Continue at ``until`` seconds on the channel's clock: the audio before that time is lost."""
        lost = round((until - self.position) * RATE)
        if lost > _MIN_LOSS * RATE:
            self._received += lost
            self._skip_paused(lost)

    def end(self) -> None:
        """Accept no more audio: the rest is recognized, its captions become final, and the source ends by itself."""
        self._ending = True
        self._wake.set()

    async def finish(self) -> None:
        """End the source, and wait until the rest of its audio is recognized or that takes too long."""
        self.end()
        done, _ = await asyncio.wait({self._task}, timeout=_DRAIN_TIMEOUT + _DRAIN_RATIO * len(self._backlog) / RATE)
        if not done:
            self.error = EngineError(f"The last {len(self._backlog) / RATE:.0f} s could not be recognized in time.")
            log.error("%s/%s: %s", *self._label, self.error)
            await self.cancel()

    async def cancel(self) -> None:
        """End immediately, and discard the audio that waits."""
        for task in (self._grace_task, self._task):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    @property
    def translates(self) -> bool:
        """Whether the recognizer itself can translate into English."""
        return isinstance(self._engine, SpeechTranslator) and self._engine.translates

    def english_translator(self, start: float, end: float, language: str) -> Callable[[], Awaitable[str]] | None:
        """A function by which the recognizer translates the audio of that time into English; None if it cannot.

        Times are in seconds on the channel's clock. Recognition has priority.
        """
        engine = self._engine
        if not isinstance(engine, SpeechTranslator) or not engine.translates:
            return None
        offset = self._pipeline.offset
        sound = self._recent.between(start - offset, end - offset)
        if not sound.size:
            return None

        async def translate() -> str:
            steps = engine.translate(sound, language)
            text: str | None = None
            while text is None:
                async with engine.scheduler.background_turn() as work:
                    text = await work(lambda: next(steps))
            return text

        return translate

    def snapshot(self) -> SourceStatus:
        """The source's state for the dashboard."""
        return SourceStatus(
            name=self.name,
            id=self.key,
            state="live" if self.attached else "away",
            engine=self.engine,
            model=self.model,
            language=self.language,
            notice=self.notice,
            speaking=self._pipeline.speaking,
            level=round(self._level, 1),
            seconds=round(self.received, 1),
            lag=round(self.lag, 1),
            skipped=round(self.skipped, 1),
            waiting=round(len(self._backlog) / RATE, 2),
            captions=self._captions,
            pace=self._pace(),
            speakers_skipped=round(self._speaker_stream.skipped, 1) if self._speaker_stream else None,
        )

    def _pace(self) -> int:
        """Words per minute in the recent past."""
        while self._recent_finals and self._recent_finals[0][0] < self._loop.time() - _RECENT_WINDOW:
            self._recent_finals.popleft()
        return round(sum(words for _, words in self._recent_finals) * 60 / _RECENT_WINDOW)

    @property
    def _label(self) -> tuple[str, str]:
        return self.channel.name, self.name

    def _append(self, samples: Samples) -> None:
        if self.ended:
            raise self.error or EngineError("The source has ended: start another one.")
        if self._loop.time() - self._created > self._limits.source_length:
            raise TimedOut(f"A source may last at most {self._limits.source_length / 3600:g} h: start another one.")
        self._received += len(samples)
        self._recent.put(samples)
        self._level = max(_decibels(samples), self._level - 30 * len(samples) / RATE)
        if self.channel.settings.paused:
            self._skip_paused(len(samples))
            if self._speaker_stream is not None:
                self._speaker_stream.skip(len(samples))
            return
        if self._speaker_stream is not None:
            self._speaker_stream.put(samples, live=self._seconds_ahead() <= _LIVE_MARGIN)
        gap, self._paused_samples = self._paused_samples, 0
        self._backlog.put(samples, self._loop.time(), gap)
        budget = int(self._limits.lag_budget * RATE)
        if len(self._backlog) > budget + len(samples) and self._seconds_ahead() <= _LIVE_MARGIN:
            self._drop_oldest(budget // 4)
        self._wake.set()

    def _skip_paused(self, samples: int) -> None:
        """Leave out ``samples`` samples of a paused channel; the captions before them become final."""
        if not self._paused_samples:
            self._backlog.flush(self._loop.time())
            self._wake.set()
        self._paused_samples += samples

    def _is_queue_full(self) -> bool:
        """Whether a client that sends faster than real time has filled the queue."""
        return len(self._backlog) >= self._limits.ahead * RATE and self._seconds_ahead() > _LIVE_MARGIN

    def _seconds_ahead(self) -> float:
        """Seconds by which the received audio is ahead of real time."""
        return self.received - (self._loop.time() - self._live_start)

    def _drop_oldest(self, keep: int) -> None:
        lost = self._backlog.skip(keep) / RATE
        self.skipped += lost
        if self._metrics:
            self._metrics.count_skipped_audio(self.channel.name, lost)
        log.warning("%s/%s: recognition is too slow, so %.1f s of audio were skipped", *self._label, lost)
        self._publish_lag(force=True)

    async def _run(self) -> None:
        try:
            while self._backlog or not self._ending:
                if self._backlog:
                    await self._recognize()
                else:
                    self._wake.clear()
                    await self._wake.wait()
            await self._wait_for_speakers(soon=True)
            async with self._engine.scheduler.turn(self._loop.time()) as work:
                self._publish(await work(self._pipeline.flush))
            await self._wait_for_speakers(soon=False)
            self._publish([])
            self.feed.publish("end", "end", EndMessage(type="end"))
        except Exception as error:
            log.exception("%s/%s: recognition failed", *self._label)
            self.error = (
                error if isinstance(error, SurtitleError) else EngineError("Recognition failed: start another source.")
            )
        finally:
            self._backlog.clear()
            self._space_freed.set()
            self._publish_status("ended")
            self._on_end(self)
            await asyncio.shield(asyncio.to_thread(self._close))

    def _close(self) -> None:
        self._pipeline.close()
        if self._next_engine is not None:
            self._next_engine[1].close()

    async def _wait_for_speakers(self, *, soon: bool) -> None:
        """Wait for the last speakers after the audio has ended; ``soon``: no longer than words may wait for theirs."""
        ears = self._speaker_stream
        if ears is None or (soon and ears.timeline.known + ears.patience < self.position):
            return
        await asyncio.to_thread(ears.wait, ears.patience if soon else _SPEAKER_TIMEOUT)

    async def _recognize(self) -> None:
        """Recognize the audio that waits. It is taken from the queue when the turn comes, so the newest is included."""
        async with self._engine.scheduler.turn(self._deadline()) as work:
            deadline, block = self._deadline(), self._backlog.take(int(self._engine.step * RATE))
            self._space_freed.set()
            change, self._next_engine = self._next_engine, None

            def step() -> list[Caption]:
                if change is not None:
                    self._pipeline.use(change[1])
                before = self._pipeline.skip(block.gap / RATE) if block.gap else []
                return before + (self._pipeline.feed(block.samples) if block.samples.size else self._pipeline.flush())

            self._publish(await work(step))
        self._pending_engine = change or self._pending_engine
        if self._pending_engine is not None and self._pipeline.stream is self._pending_engine[1]:
            self._engine, self._pending_engine = self._pending_engine[0], None
        self.lag = max(0.0, self._loop.time() - deadline)
        self._publish_lag()
        if (failure := self._pipeline.take_failure()) is not None:
            log.warning("%s/%s: %s", *self._label, failure)
            self.feed.publish("status", "status", StatusMessage(type="status", notice=failure.message))
        if self._sent_status != (self._pipeline.speaking, self.engine, self.language):
            self._publish_status("live" if self.attached else "away")

    def _deadline(self) -> float:
        """When the oldest waiting audio arrived or, if that is later, was spoken; in seconds on the loop's clock."""
        first = self._backlog.oldest
        position = self.received - (len(self._backlog) - len(first.samples)) / RATE
        return max(first.arrived, self._live_start + position)

    def _publish(self, captions: list[Caption]) -> None:
        for caption in captions:
            if caption.final:
                self._captions += 1
                self._recent_finals.append((self._loop.time(), len(caption.words)))
            self._count_words(caption)
            self.channel.put(caption)
            self.feed.publish(f"caption:{caption.id}", "caption", message(caption))
        for late in self._pipeline.take_late():
            if (named := self.channel.set_speaker(late)) is not None:
                self.feed.publish(f"caption:{named.id}", "caption", message(named))

    def _count_words(self, caption: Caption) -> None:
        """Record in the metrics how many words were committed, and how long after they were spoken."""
        new = caption.words[self._counted_words.pop(caption.id, 0) :]
        if caption.words and not caption.final:
            self._counted_words[caption.id] = len(caption.words)
        if new and self._metrics:
            began = self._live_start - self.clock  # the loop's clock at time 0 of the channel's clock
            live = self._seconds_ahead() <= _LIVE_MARGIN
            delays = [self._loop.time() - began - word.end for word in new] if live else []
            self._metrics.count_words(self.channel.name, self.engine, len(new), delays)

    def _publish_status(self, state: str) -> None:
        speaking, engine, language = self._sent_status = (self._pipeline.speaking, self.engine, self.language)
        status = {"state": state, "engine": engine, "language": language, "speaking": speaking}
        self.channel.tell(self.name, status)

    def _publish_lag(self, *, force: bool = False) -> None:
        sent, when = self._sent_lag
        worth = self.lag >= _MIN_REPORTED_LAG or sent >= _MIN_REPORTED_LAG
        if force or (worth and self._loop.time() - when >= _MIN_REPORTED_LAG):
            self._sent_lag = (self.lag, self._loop.time())
            lag = LagMessage(type="lag", seconds=round(self.lag, 2), skipped=round(self.skipped, 2))
            self.feed.publish("lag", "lag", lag)

    async def _wait_for_client(self) -> None:
        await asyncio.sleep(self._limits.detached_flush)
        self._backlog.flush(self._loop.time())
        self._wake.set()
        await asyncio.sleep(self._limits.resume_window - self._limits.detached_flush)
        log.info("%s/%s: did not come back", *self._label)
        await self.finish()


def message(caption: Caption) -> PartialMessage | FinalMessage:
    """A caption as its publisher gets it."""
    common = PublishedCaption(
        id=caption.id,
        rev=caption.rev,
        text=caption.full_text,
        ts=round(caption.start, 3),
        te=round(caption.end, 3),
    )
    if caption.speaker is not None:
        common["speaker"] = caption.speaker
    if caption.final:
        return {"type": "final", **common, "words": words_as_json(caption)}
    return {"type": "partial", **common, "stable": len(caption.text)}


def _decibels(samples: Samples) -> float:
    """The loudness (RMS) in dB relative to full scale."""
    if not samples.size:
        return _SILENCE_DB
    mean = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(_SILENCE_DB, 10 * float(np.log10(mean + 1e-12)))
