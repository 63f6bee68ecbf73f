"""A source: one publisher of audio, from its samples to its captions."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.audio.ring import RecentAudio
from surtitle.captions.caption import Caption
from surtitle.captions.transcript import words_as_json
from surtitle.channels.audio_queue import Backlog
from surtitle.channels.audio_tap import Listener
from surtitle.channels.channel import Channel
from surtitle.channels.feed import Feed
from surtitle.core.errors import EngineError, Replaced, SurtitleError, TimedOut, TooFast
from surtitle.core.metrics import Metrics
from surtitle.core.settings import Limits
from surtitle.pipeline import Pipeline
from surtitle.speakers.diarizer import SpeakerStream
from surtitle.speech.engine import Engine, SpeechTranslator, Stream

log = logging.getLogger("surtitle.source")

_FEED = 256  # messages kept for a publisher that does not read them
_FAST = 1.0  # seconds ahead of real time from which a client is not live
_TELL_LAG = 1.0  # seconds of lag worth telling, and between two such messages
_LAST_SPEAKERS = 3.0  # seconds that the last words wait for their speakers
_DRAIN, _DRAIN_RATIO = 60.0, 4.0  # seconds the rest may take at the end, and more for each second of it
_LOST = 1.0  # seconds that a client which resumed must be late for audio to be missing
_SILENCE_DB = -90.0
_LATELY = 60.0  # seconds over which words are counted
_PACED = 200  # captions in that time, at most


class Source:
    """Owns the task that recognizes, and the queue before it.

    The queue holds a bounded number of seconds. What a client sends faster than real time waits,
    and loses nothing. A live one cannot wait: its oldest audio is left out, counted and told, so
    that the lag stays within the budget.
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
        gone: Callable[[Source], None] = lambda source: None,
        key: str = "",
        metrics: Metrics | None = None,
    ) -> None:
        """``before`` is how many seconds of it are known from a service that ended; ``gone`` is called at the end."""
        self.channel = channel
        self.key = key  # tells it in the log from others of its name; unlike `resume`, anybody may know it
        self.name = name
        self.resume = resume
        self.feed = Feed(_FEED)
        self.delivered = 0  # the place in `feed` up to which the publisher has been told
        self.lag = 0.0
        self.skipped = 0.0
        self.error: SurtitleError | None = None
        self.listener: Listener | None = None
        self.notice = ""  # what its publisher should know about the recognition of its language
        self._pipeline = pipeline
        self._engine = engine
        self._metrics = metrics
        self._committed: dict[str, int] = {}  # words of open captions that were counted
        self._next: tuple[Engine, Stream] | None = None  # to be used from the next utterance on
        self._coming: tuple[Engine, Stream] | None = None  # the same, and the pipeline knows
        self._listening: SpeakerStream | None = None
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._backlog = Backlog()
        self._recent = RecentAudio()
        self._before = before
        self._gone = gone
        self._received = round(before * RATE)
        self._unheard = 0  # samples that came while the channel is paused
        self._said: deque[tuple[float, int]] = deque(maxlen=_PACED)  # when captions became final, and their words
        self._anchor = self._since = self._loop.time()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._ending = False
        self._level = _SILENCE_DB
        self._captions = 0
        self._told_lag = (0.0, 0.0)
        self._told = (False, engine.name, pipeline.language)  # speaking, engine, language
        self._owner: asyncio.Future[None] | None = None
        self._grace: asyncio.Task[None] | None = None
        self._task = asyncio.create_task(self._run(), name=f"source {name}")
        self._task.add_done_callback(lambda task: self.listen(None))
        self._tell("live")

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
        """Seconds of audio taken so far."""
        return self._received / RATE

    @property
    def clock(self) -> float:
        """Where the first sample is on the channel's clock, in seconds."""
        return self._pipeline.offset - self._before

    @property
    def position(self) -> float:
        """How far its audio has come, in seconds on the channel's clock."""
        return self.clock + self.received

    @property
    def attached(self) -> bool:
        """Whether a client is connected to it."""
        return self._owner is not None

    @property
    def ended(self) -> bool:
        return self._task.done()

    @property
    def resumable(self) -> bool:
        """Whether a client may still come back to it."""
        return not (self.ended or self._ending)

    def attach(self) -> asyncio.Future[None]:
        """A client takes the source; the future fails when it has to let go of it."""
        self.dismiss(Replaced("This source was resumed on another connection: close this one."))
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
            self._tell("live")
        self._anchor = self._loop.time() - self.received  # what it kept while it was away may come at once
        self._owner = self._loop.create_future()
        return self._owner

    def dismiss(self, reason: SurtitleError) -> None:
        """Whoever is connected has to go."""
        if self._owner is not None and not self._owner.done():
            self._owner.set_exception(reason)
            self._owner.exception()  # marks it as seen, should nobody look

    def expel(self, owner: asyncio.Future[None], reason: SurtitleError) -> None:
        """The client may not go on: if it still has the source, the source ends."""
        if owner is self._owner:
            self.dismiss(reason)
            self.end()

    def detach(self, owner: asyncio.Future[None]) -> None:
        """The client is gone; unless it comes back in time, the source ends."""
        if owner is not self._owner or self.ended:
            return
        self._owner = None
        self._tell("away")
        self._grace = asyncio.create_task(self._wait_for_client(), name=f"grace {self.name}")

    async def use(self, engine: Engine, stream: Stream) -> None:
        """Recognize with another stream from the next utterance on. No word is lost; the stream is closed when due."""
        if self.ended:
            unused: Stream | None = stream
        else:
            unused = self._next[1] if self._next is not None else None
            self._next = (engine, stream)
        if unused is not None:
            await asyncio.to_thread(unused.close)

    def warn(self, notice: str) -> None:
        """Tell the publisher and the dashboard something about its recognition; "" if there is nothing any more."""
        if notice and notice != self.notice:
            log.warning("%s/%s: %s", *self._label, notice)
            self.feed.publish("notice", "status", {"type": "status", "notice": notice})
        self.notice = notice

    def listen(self, listening: SpeakerStream | None) -> None:
        """Tell its speakers apart with these ears from now on; those before are closed."""
        before, self._listening = self._listening, listening
        if listening is None:
            self._pipeline.listen(None)
        else:
            self._pipeline.listen(listening.timeline, listening.patience)
        if before is not None:
            before.close()

    @property
    def listening(self) -> SpeakerStream | None:
        """What tells its speakers apart."""
        return self._listening

    async def put(self, samples: Samples) -> None:
        """Take 16 kHz mono samples. Raises `TooFast`, and `EngineError` once the source has ended."""
        if self._crowded():
            raise TooFast(
                f"More than {self._limits.ahead:.0f} s of audio wait for recognition: send it at the speed at which it "
                "is spoken, or transcribe a file with `surtitle transcribe`."
            )
        self._append(samples)

    async def put_patiently(self, samples: Samples) -> None:
        """The same, but a client that is too fast has to wait. For connections that stand being held back."""
        while self._crowded() and not self.ended:
            self._room.clear()
            await self._room.wait()
        self._append(samples)

    def miss(self, until: float) -> None:
        """What comes next was captured at ``until`` on the channel's clock: the audio before it is lost."""
        lost = round((until - self.position) * RATE)
        if lost > _LOST * RATE:
            self._received += lost
            self._pause(lost)

    def end(self) -> None:
        """No more audio: the rest is recognized, its captions become final, and the source ends by itself."""
        self._ending = True
        self._wake.set()

    async def finish(self) -> None:
        """End, and wait for it."""
        self.end()
        done, _ = await asyncio.wait({self._task}, timeout=_DRAIN + _DRAIN_RATIO * len(self._backlog) / RATE)
        if not done:
            self.error = EngineError(f"The last {len(self._backlog) / RATE:.0f} s could not be recognized in time.")
            log.error("%s/%s: %s", *self._label, self.error)
            await self.cancel()

    async def cancel(self) -> None:
        """End now, whatever waits."""
        for task in (self._grace, self._task):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    @property
    def translates(self) -> bool:
        """Whether its recognizer translates into English itself."""
        return isinstance(self._engine, SpeechTranslator) and self._engine.translates

    def in_english(self, start: float, end: float, language: str) -> Callable[[], Awaitable[str]] | None:
        """The sound of that time, to be translated by the recognizer itself; None if it cannot.

        Times are seconds on the channel's clock. Recognition goes first.
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

    def snapshot(self) -> dict[str, Any]:
        """For the dashboard."""
        return {
            "name": self.name,
            "id": self.key,
            "state": "live" if self.attached else "away",
            "engine": self.engine,
            "model": self.model,
            "language": self.language,
            "notice": self.notice,
            "speaking": self._pipeline.speaking,
            "level": round(self._level, 1),
            "seconds": round(self.received, 1),
            "lag": round(self.lag, 1),
            "skipped": round(self.skipped, 1),
            "waiting": round(len(self._backlog) / RATE, 2),
            "captions": self._captions,
            "pace": self._pace(),
            "speakers_skipped": round(self._listening.skipped, 1) if self._listening else None,
        }

    def _pace(self) -> int:
        """Words a minute, lately."""
        while self._said and self._said[0][0] < self._loop.time() - _LATELY:
            self._said.popleft()
        return round(sum(words for _, words in self._said) * 60 / _LATELY)

    @property
    def _label(self) -> tuple[str, str]:
        return self.channel.name, self.name

    def _append(self, samples: Samples) -> None:
        if self.ended:
            raise self.error or EngineError("The source has ended: start a new one.")
        if self._loop.time() - self._since > self._limits.source_length:
            raise TimedOut(f"A source may last {self._limits.source_length / 3600:g} h: start another one.")
        self._received += len(samples)
        self._recent.put(samples)
        self._level = max(_decibels(samples), self._level - 30 * len(samples) / RATE)
        if self.channel.settings.paused:
            self._pause(len(samples))
            if self._listening is not None:
                self._listening.skip(len(samples))
            return
        if self._listening is not None:
            self._listening.put(samples, live=self._ahead() <= _FAST)
        gap, self._unheard = self._unheard, 0
        self._backlog.put(samples, self._loop.time(), gap)
        budget = int(self._limits.lag_budget * RATE)
        if len(self._backlog) > budget + len(samples) and self._ahead() <= _FAST:
            self._skip(budget // 4)
        self._wake.set()

    def _pause(self, samples: int) -> None:
        """So many samples are not to be captioned; what was said before them becomes final."""
        if not self._unheard:
            self._backlog.flush(self._loop.time())
            self._wake.set()
        self._unheard += samples

    def _crowded(self) -> bool:
        """Whether a client that is ahead of real time has filled the queue."""
        return len(self._backlog) >= self._limits.ahead * RATE and self._ahead() > _FAST

    def _ahead(self) -> float:
        """Seconds of audio received beyond what real time can have brought."""
        return self.received - (self._loop.time() - self._anchor)

    def _skip(self, keep: int) -> None:
        lost = self._backlog.skip(keep) / RATE
        self.skipped += lost
        if self._metrics:
            self._metrics.count_skipped_audio(self.channel.name, lost)
        log.warning("%s/%s: recognition is too slow, %.1f s of audio were left out", *self._label, lost)
        self._tell_lag(force=True)

    async def _run(self) -> None:
        try:
            while self._backlog or not self._ending:
                if self._backlog:
                    await self._recognize()
                else:
                    self._wake.clear()
                    await self._wake.wait()
            await self._hear_speakers(soon=True)
            async with self._engine.scheduler.turn(self._loop.time()) as work:
                self._show(await work(self._pipeline.flush))
            await self._hear_speakers(soon=False)
            self._show([])
            self.feed.publish("end", "end", {"type": "end"})
        except Exception as error:
            log.exception("%s/%s: recognition failed", *self._label)
            self.error = error if isinstance(error, SurtitleError) else EngineError("Recognition failed: start again.")
        finally:
            self._backlog.clear()
            self._room.set()
            self._tell("ended")
            self._gone(self)
            await asyncio.shield(asyncio.to_thread(self._close))

    def _close(self) -> None:
        self._pipeline.close()
        if self._next is not None:
            self._next[1].close()

    async def _hear_speakers(self, *, soon: bool) -> None:
        """No more audio comes: wait for the last speakers; ``soon``: only as long as words may."""
        ears = self._listening
        if ears is None or (soon and ears.timeline.known + ears.patience < self.position):
            return
        await asyncio.to_thread(ears.wait, ears.patience if soon else _LAST_SPEAKERS)

    async def _recognize(self) -> None:
        """Take what waits when the turn comes, and not before: the newest audio is part of it."""
        async with self._engine.scheduler.turn(self._deadline()) as work:
            deadline, block = self._deadline(), self._backlog.take(int(self._engine.step * RATE))
            self._room.set()
            change, self._next = self._next, None

            def step() -> list[Caption]:
                if change is not None:
                    self._pipeline.use(change[1])
                before = self._pipeline.skip(block.gap / RATE) if block.gap else []
                return before + (self._pipeline.feed(block.samples) if block.samples.size else self._pipeline.flush())

            self._show(await work(step))
        self._coming = change or self._coming
        if self._coming is not None and self._pipeline.stream is self._coming[1]:
            self._engine, self._coming = self._coming[0], None
        self.lag = max(0.0, self._loop.time() - deadline)
        self._tell_lag()
        if (failure := self._pipeline.take_failure()) is not None:
            log.warning("%s/%s: %s", *self._label, failure)
            self.feed.publish("status", "status", {"type": "status", "notice": failure.message})
        if self._told != (self._pipeline.speaking, self.engine, self.language):
            self._tell("live" if self.attached else "away")

    def _deadline(self) -> float:
        """When the oldest audio that waits arrived, or would have been spoken, on the loop's clock."""
        first = self._backlog.first
        position = self.received - (len(self._backlog) - len(first.samples)) / RATE
        return max(first.arrived, self._anchor + position)

    def _show(self, captions: list[Caption]) -> None:
        for caption in captions:
            if caption.final:
                self._captions += 1
                self._said.append((self._loop.time(), len(caption.words)))
            self._measure(caption)
            self.channel.put(caption)
            self.feed.publish(f"caption:{caption.id}", "caption", message(caption))
        for late in self._pipeline.take_late():
            if (named := self.channel.attribute(late)) is not None:
                self.feed.publish(f"caption:{named.id}", "caption", message(named))

    def _measure(self, caption: Caption) -> None:
        """Count the words that are committed now, and how long after they were spoken that is."""
        new = caption.words[self._committed.pop(caption.id, 0) :]
        if caption.words and not caption.final:
            self._committed[caption.id] = len(caption.words)
        if new and self._metrics:
            began = self._anchor - self.clock  # what the loop's clock says when the channel's says 0
            live = self._ahead() <= _FAST
            delays = [self._loop.time() - began - word.end for word in new] if live else []
            self._metrics.count_words(self.channel.name, self.engine, len(new), delays)

    def _tell(self, state: str) -> None:
        speaking, engine, language = self._told = (self._pipeline.speaking, self.engine, self.language)
        status = {"state": state, "engine": engine, "language": language, "speaking": speaking}
        self.channel.tell(self.name, status)

    def _tell_lag(self, *, force: bool = False) -> None:
        told, when = self._told_lag
        worth = self.lag >= _TELL_LAG or told >= _TELL_LAG
        if force or (worth and self._loop.time() - when >= _TELL_LAG):
            self._told_lag = (self.lag, self._loop.time())
            lag = {"type": "lag", "seconds": round(self.lag, 2), "skipped": round(self.skipped, 2)}
            self.feed.publish("lag", "lag", lag)

    async def _wait_for_client(self) -> None:
        await asyncio.sleep(self._limits.detached_flush)
        self._backlog.flush(self._loop.time())
        self._wake.set()
        await asyncio.sleep(self._limits.resume_window - self._limits.detached_flush)
        log.info("%s/%s: did not come back", *self._label)
        await self.finish()


def message(caption: Caption) -> dict[str, Any]:
    """A caption as its publisher is told of it: ``partial`` or ``final``."""
    common = {"id": caption.id, "rev": caption.rev, "text": caption.full_text}
    if caption.speaker is not None:
        common["speaker"] = caption.speaker
    times = {"ts": round(caption.start, 3), "te": round(caption.end, 3)}
    if caption.final:
        return {"type": "final", **common, **times, "words": words_as_json(caption)}
    return {"type": "partial", **common, "stable": len(caption.text), **times}


def _decibels(samples: Samples) -> float:
    """Loudness (RMS) relative to full scale."""
    if not samples.size:
        return _SILENCE_DB
    mean = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(_SILENCE_DB, 10 * float(np.log10(mean + 1e-12)))
