"""A source: one publisher of audio, from its samples to its captions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from surtitle.audio import RATE, Samples
from surtitle.audio.ring import RecentAudio
from surtitle.captions.caption import Caption
from surtitle.channels.audio_input import AudioInput
from surtitle.channels.audio_queue import Block
from surtitle.channels.audio_tap import AudioListener
from surtitle.channels.backup import AUDIBLE
from surtitle.channels.channel import Channel
from surtitle.channels.departure import Departure
from surtitle.channels.lease import Lease
from surtitle.channels.publisher_feed import PublisherFeed
from surtitle.channels.recognition_progress import RecognitionProgress
from surtitle.channels.session import ResumableSource
from surtitle.channels.source_engine import SourceEngine
from surtitle.channels.source_speakers import SourceSpeakers
from surtitle.channels.source_stats import SourceStats
from surtitle.channels.speech_to_english import english_translator, translates
from surtitle.core.errors import EngineError, SurtitleError, TooFast, TooLong
from surtitle.core.metrics import Metrics
from surtitle.core.settings import Limits
from surtitle.core.wire.sources import SourceEvent, SourceState, SourceStatus
from surtitle.models.catalogue import plain_name
from surtitle.pipeline import Pipeline
from surtitle.speech.engine import Engine, Stream, find_recipient, find_remote_use

log = logging.getLogger("surtitle.source")

_MIN_LOSS = 1.0  # seconds that a resumed client must be late before audio counts as missing
_DRAIN_TIMEOUT = 60.0  # seconds for the rest of the audio at the end, plus
_DRAIN_RATIO = 4.0  # seconds for each second of it
_PAUSE = 0.5  # seconds without voice, after the end of an utterance, at which a source may end
_WORD_TAIL = 0.1  # seconds of such a pause in which the last word may fade


class Source:
    """Owns the recognition task of one publisher.

    ``input`` is the queue in front of that task, ``lease`` knows which client is connected, ``feed`` has the messages
    to that client, ``speakers`` tells speakers apart, and ``stats`` has what the dashboard shows.
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
        audio_listener: AudioListener | None = None,
        tenant: str = "",
    ) -> None:
        """``before`` is how many seconds an earlier run of the service received; ``on_end`` is called at the end.

        ``audio_listener`` receives the audio as it comes, through `audio_tap.tap`. Under load, each ``tenant`` gets an
        equal share of the engine.
        """
        self.channel = channel
        self.key = key  # identifies the source in logs and metrics; unlike `resume` it is no secret
        self.name = name
        self.resume = resume
        self.error: SurtitleError | None = None
        self.audio_listener = audio_listener
        self.standby = False  # whether it is not captioned, because another source is or it is a backup
        self._paused_until = float("-inf")  # until when the channel was paused, on the loop's clock
        self.lost = False  # whether it ends although its client did not want that
        self._language_notice = ""  # about the recognition of its language
        self._audio_notice = ""  # about what is not heard of its audio
        self.input = AudioInput(limits, before)
        self.lease = Lease(limits, self._lease_changed, self.input.flush, self._client_lost)
        self.feed = PublisherFeed()
        self.speakers = SourceSpeakers(pipeline)
        self.stats = SourceStats(channel.name, metrics)
        self._pipeline = pipeline
        self._engine = SourceEngine(engine)
        self._limits = limits
        self._tenant = tenant
        self._now = asyncio.get_running_loop().time
        self._recent = RecentAudio()
        self._already_received = before
        self._on_end = on_end
        self._departure = Departure(limits.source_length, self._now)
        self._progress = RecognitionProgress(before)
        self._remote_problem = ""  # why another computer does not recognize at the moment
        self._sent_recipient = find_recipient(engine)  # the one of which the publisher knows
        self._sent_status: tuple[object, ...] = ()
        self._publish_status(SourceState.LIVE)
        self._task = asyncio.create_task(self._run(), name=f"source {name}")
        self._task.add_done_callback(lambda task: self.speakers.use(None))
        self._task.add_done_callback(lambda task: self._progress.stop())

    @property
    def engine(self) -> str:
        return self._engine.current.name

    @property
    def model(self) -> str:
        return self._engine.current.model

    @property
    def recipient(self) -> str:
        """Who receives the sound if another computer recognizes it, or ""."""
        return find_recipient(self._engine.current)

    @property
    def language(self) -> str:
        return self._pipeline.language

    @property
    def speaking(self) -> bool:
        """Whether there is a voice in the newest audio that was processed."""
        return self._pipeline.speaking

    @property
    def clock(self) -> float:
        """The time of the first sample on the channel's clock, in seconds."""
        return self._pipeline.offset - self._already_received

    @property
    def position(self) -> float:
        """The end of the audio received so far, in seconds on the channel's clock."""
        return self.clock + self.input.received

    @property
    def recognized(self) -> float:
        """Seconds of audio, from the first sample on, whose captions and boundaries are published."""
        return self._progress.seconds

    @property
    def state(self) -> SourceState:
        if self.ended:
            return SourceState.ENDED
        return SourceState.LIVE if self.lease.attached else SourceState.AWAY

    @property
    def ended(self) -> bool:
        return self._task.done()

    @property
    def resumable(self) -> bool:
        """Whether a client may still resume the source."""
        return not (self.ended or self.input.ending)

    @property
    def departed(self) -> bool:
        """Whether the source ends for a reason that its client is to get after its last captions."""
        return self._departure.reason is not None

    @property
    def translates(self) -> bool:
        """Whether the recognizer itself can translate into English."""
        return translates(self._engine.current)

    def english_translator(self, start: float, end: float, language: str) -> Callable[[], Awaitable[str]] | None:
        """A function by which the recognizer translates the audio of that time into English; None if it cannot.

        Times are in seconds on the channel's clock.
        """
        offset = self._pipeline.offset
        samples = self._recent.between(start - offset, end - offset)
        return english_translator(self._engine.current, samples, language)

    def expel(self, owner: asyncio.Future[None], reason: SurtitleError) -> None:
        """Refuse the client from now on; if it still has the source, the source ends."""
        if self.lease.is_held_by(owner):
            self.lease.disconnect(reason)
            self.end()

    def expel_at_pause(self, owner: asyncio.Future[None], reason: SurtitleError) -> None:
        """Like `expel`, but not in the middle of a sentence: at the next pause, or after a minute."""
        if self.lease.is_held_by(owner):
            self._departure.request(reason, owner)

    async def use(self, engine: Engine, stream: Stream) -> None:
        """Recognize with another stream from the next utterance on. No word is lost; the source closes the stream."""
        await self._engine.change(engine, stream)

    def warn(self, notice: str) -> None:
        """Set the notice about recognition for the publisher and the dashboard; "" clears it."""
        news, self._language_notice = notice != self._language_notice, notice
        self._publish_notice(notice if news else "")

    def report_tracks(self, count: int) -> None:
        """Tell the publisher and the dashboard how many audio tracks the client sends, of which one is heard."""
        notice = f"The audio has {count} tracks, and only the first is captioned: send the one with the speech alone."
        news, self._audio_notice = notice != self._audio_notice, notice
        self._publish_notice(notice if news else "")

    @property
    def notice(self) -> str:
        """What its publisher should know about the recognition of its language and its audio; "" if nothing."""
        return " ".join(filter(None, (self._language_notice, self._audio_notice)))

    def _publish_notice(self, news: str) -> None:
        if news:
            log.warning("%s/%s: %s", *self._label, news)
            self.feed.publish_notice(self.notice)
        self.channel.changes.notify()

    def take_over(self, blocks: Iterable[Block]) -> None:
        """Recognize the audio first that waited when the source before this one ended."""
        for block in blocks:
            if block.gap:
                self.skip(block.gap / RATE)
            elif not block.samples.size:
                self.input.flush()
            if block.samples.size:
                self._recent.put(block.samples)
                self.input.put(block.samples)

    async def put(self, samples: Samples) -> None:
        """Queue 16 kHz mono samples.

        Raises `TooFast`, `EngineError` once the source has ended, and the reason for which it ends at a pause, such as
        `TooLong`.
        """
        if self.input.full:
            raise TooFast(
                f"More than {self._limits.ahead:.0f} s of audio wait for recognition: send audio in real time, or "
                "transcribe a file with `surtitle transcribe`."
            )
        self._append(samples)

    async def put_when_free(self, samples: Samples) -> None:
        """Like `put`, but waits while the queue is full. For connections that tolerate being held back."""
        await self.input.wait_for_space()
        self._append(samples)

    def skip_to(self, until: float) -> None:
        """Continue at ``until`` seconds on the channel's clock: the audio before that time is lost."""
        if (lost := until - self.position) > _MIN_LOSS:
            self.skip(lost)

    def skip(self, seconds: float) -> None:
        """Continue after ``seconds`` without audio; the captions before them become final."""
        if self.ended or self.input.ending:
            return
        samples, live = round(seconds * RATE), self.input.live
        self.input.skip(samples)
        self.speakers.skip(samples)
        self._recent.skip(samples)
        if live and not self.input.live:
            self.input.restart_clock()  # a live client's next audio is spoken now, whatever its clock says
        self.channel.changes.notify()

    async def flush(self) -> None:
        """Let the audio received so far become final, and wait until it is; the source continues.

        Raises `EngineError` if the source ends or that takes too long.
        """
        position = self.input.queued
        self.input.flush()
        timeout = _DRAIN_TIMEOUT + _DRAIN_RATIO * self.input.waiting
        try:
            final = await self._progress.wait_until_final(position, lambda: self.ended, timeout)
        except TimeoutError as error:
            raise EngineError(f"The last {self.input.waiting:.0f} s could not be recognized in time.") from error
        if not final and self.error is not None:
            raise self.error

    def end(self) -> None:
        """Accept no more audio: the rest is recognized, its captions become final, and the source ends by itself."""
        self.input.end()

    async def finish(self) -> None:
        """End the source, and wait until the rest of its audio is recognized or that takes too long."""
        self.end()
        done, _ = await asyncio.wait({self._task}, timeout=_DRAIN_TIMEOUT + _DRAIN_RATIO * self.input.waiting)
        if not done:
            self.error = EngineError(f"The last {self.input.waiting:.0f} s could not be recognized in time.")
            log.error("%s/%s: %s", *self._label, self.error)
            await self.cancel()

    async def cancel(self) -> None:
        """End immediately, and discard the audio that waits."""
        self._pipeline.stop()
        await self.lease.cancel()
        await asyncio.sleep(0)  # a task that never began would not release what it owns
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def snapshot(self) -> SourceStatus:
        """The source's state for the dashboard."""
        skipped = self.speakers.skipped
        return SourceStatus(
            name=self.name,
            id=self.key,
            state=self.state,
            engine=self.engine,
            model=plain_name(self.model),
            language=self.language,
            notice=self.notice or self._remote_problem,
            speaking=self.speaking,
            level=round(self.stats.level, 1),
            seconds=round(self.input.received, 1),
            lag=round(self.stats.lag, 1),
            skipped=round(self.stats.skipped, 1),
            waiting=round(self.input.waiting, 2),
            standby=self.standby,
            captions=self.stats.captions,
            pace=self.stats.pace,
            speakers_skipped=None if skipped is None else round(skipped, 1),
            remote=self.stats.describe_remote(),
        )

    @property
    def _label(self) -> tuple[str, str]:
        return self.channel.name, self.name

    def _append(self, samples: Samples) -> None:
        self._depart_in_time()
        if self._departure.reason is not None:
            raise self._departure.reason
        if self.ended:
            raise self.error or EngineError("The source has ended: start another one.")
        self._recent.put(samples)
        self.stats.measure(samples)
        if self.channel.paused:
            self._paused_until = self._now()
        self._follow_backup(len(samples) / RATE)
        if self.channel.paused or self.standby:
            self.input.skip(len(samples))
            self.speakers.skip(len(samples))
        else:
            lost = self.input.put(samples)
            self.speakers.put(samples, live=self.input.live)
            if lost:
                self._report_skipped(lost)
        self.channel.changes.notify()

    def _follow_backup(self, seconds: float) -> None:
        """Find out whether this source is captioned: its ``seconds`` of audio may be the reason for a change."""
        settings, switch, now = self.channel.settings.backup, self.channel.backup, self._now()
        sound, is_backup = self.stats.loudness >= AUDIBLE, self.name in settings.sources
        if not settings.sources:
            standby = False
        elif is_backup:
            paused = not self.speaking
            switch.hear_backup(now, seconds, settings.after, self.input.waiting, sound=sound, paused=paused)
            standby = not switch.active
        else:
            switch.hear_main(now, sound=sound)
            standby = switch.active
        if standby == self.standby:
            return
        self.standby = standby
        log.info("%s/%s: %s", *self._label, "on standby" if standby else "captioned from now on")
        if standby and switch.at_pause:
            self.input.skip_waiting()
        elif not standby and settings.sources:
            end = self.input.received - self._already_received
            start = max(switch.start, self._paused_until)
            self.input.put_skipped(self._recent.between(end - max(0.0, now - seconds - start), end))

    def _depart_in_time(self) -> None:
        """End the source if it is to end and recognition has reached a pause, however much audio waits behind that."""
        if self.input.ending:
            return
        pausing = self._is_pausing()
        reason = self._departure.begin(self.lease.is_held_by, pausing=pausing)
        if reason is None:
            return
        log.info("%s/%s: ends at %.1f s (%s)", *self._label, self.input.received, reason)
        if isinstance(reason, TooLong):
            self._hand_over(pausing=pausing and not (self.channel.paused or self.standby))
        self.lease.disconnect(reason)
        self.end()

    def _hand_over(self, *, pausing: bool) -> None:
        """Let the client continue with a new source, which begins in the pause, if there is one.

        It gets some of the pause, which should precede its first word, and the audio that waits for recognition.
        """
        position, waiting = self.input.received, list[Block]()
        if pausing:
            lead = self._progress.newest(self._pipeline.silence - _WORD_TAIL)
            position = self.recognized - len(lead) / RATE
            waiting = [Block(lead, self._now()), *self.input.take_all()]
        self.channel.session.hand_over(self.resume, ResumableSource(self.name, self.clock, position, waiting))

    def _is_pausing(self) -> bool:
        """Whether recognition has reached a place where nobody has spoken for a moment."""
        if self.channel.paused or self.standby:
            return True
        return not self._progress.stepping and self._pipeline.silence >= _PAUSE

    def _report_skipped(self, seconds: float) -> None:
        self.stats.count_skipped(seconds)
        log.warning("%s/%s: recognition is too slow, so %.1f s of audio were skipped", *self._label, seconds)
        self.feed.publish_lag(self.stats.lag, self.stats.skipped, force=True)

    async def _run(self) -> None:
        try:
            while await self.input.wait():
                await self._recognize()
            await self.speakers.wait_for_last_words(self.position)
            async with self._engine.current.scheduler.turn(self._now(), self._tenant) as work:
                self._publish(await work(self._pipeline.flush))
            self._follow_remote()
            await self.speakers.wait_for_end()
            self._publish([])
            self.feed.publish_end()
        except Exception as error:
            log.exception("%s/%s: recognition failed", *self._label)
            self.error = (
                error if isinstance(error, SurtitleError) else EngineError("Recognition failed: start another source.")
            )
        finally:
            self.input.discard()
            self.lease.close()
            self._publish_status(SourceState.ENDED)
            self._on_end(self)
            await asyncio.shield(asyncio.to_thread(self._close, self._engine.end()))

    def _close(self, unused: Stream | None) -> None:
        self._pipeline.close()
        if unused is not None:
            unused.close()

    async def _recognize(self) -> None:
        """Recognize the audio that waits. It is taken from the queue when the turn comes, so the newest is included."""
        engine, asked = self._engine.current, self._now()
        async with engine.scheduler.turn(self.input.deadline(), self._tenant) as work:
            if self.input.empty:
                return  # the source has ended meanwhile, and the next one recognizes what waited
            to_pause, self._progress.stepping = self._departure.requested, True
            deadline, block, stream = self.input.deadline(), self.input.take(engine.step), self._engine.take()
            captions, rest = await work(lambda: self._step(block, stream, to_pause=to_pause))
            self.stats.count_turn(engine.name, self._now() - asked)
            self._publish(captions)
        if rest.size:
            self.input.put_back(Block(rest, block.arrived))
            block = Block(block.samples[: -len(rest)], block.arrived, block.gap)
        self._progress.count(block)
        self._progress.stepping = False
        self._depart_in_time()
        self._engine.confirm(self._pipeline.stream)
        self.stats.lag = max(0.0, self._now() - deadline)
        self.feed.publish_lag(self.stats.lag, self.stats.skipped)
        if (failure := self._pipeline.take_failure()) is not None:
            log.warning("%s/%s: %s", *self._label, failure)
            self.feed.publish_failure(failure.message)
        self._follow_remote()
        self._publish_status(self.state)
        self.channel.changes.notify()

    def _follow_remote(self) -> None:
        """Count what was sent to another computer, and tell the publisher to whom, and whether that fails."""
        use = find_remote_use(self._pipeline.stream)
        self.stats.count_remote(use, self.engine)
        if self._sent_recipient != self.recipient:
            self._sent_recipient = self.recipient
            self.feed.publish_recipient(self.engine, self.recipient, self.notice)
        problem = use.problem if use else ""
        if problem != self._remote_problem:
            self._remote_problem = problem
            self.feed.publish_notice(problem or self.notice)

    def _step(self, block: Block, stream: Stream | None, *, to_pause: bool) -> tuple[list[Caption], Samples]:
        """One step of recognition, in the scheduler's thread, from which on ``stream`` may be used next.

        Returns the captions that changed and, with ``to_pause``, the samples behind the first pause.
        """
        if stream is not None:
            self._pipeline.use(stream)
        captions, rest = self._pipeline.skip(block.gap / RATE) if block.gap else [], block.samples[:0]
        if not block.samples.size:
            captions += self._pipeline.flush()
        elif to_pause:
            following, rest = self._pipeline.feed_to_pause(block.samples, _PAUSE)
            captions += following
        else:
            captions += self._pipeline.feed(block.samples)
        return captions, rest

    def _publish(self, captions: list[Caption]) -> None:
        # time 0 of the channel's clock, on the loop's clock
        clock_start = self.input.live_start - self.clock if self.input.live else None
        for caption in captions:
            self.stats.count_caption(caption, self.engine, clock_start)
            self.channel.original.put(caption)
            self.feed.publish_caption(caption)
        for boundary in self._pipeline.take_boundaries():
            self.feed.publish_boundary(boundary)
        for late in self._pipeline.take_late():
            if (named := self.channel.set_speaker(late)) is not None:
                self.feed.publish_caption(named)

    def _publish_status(self, state: SourceState) -> None:
        """Publish the status to the channel's readers, if it has changed."""
        speaking, engine, language = self.speaking, self.engine, self.language
        if self._sent_status != (state, speaking, engine, language):
            self._sent_status = (state, speaking, engine, language)
            event = SourceEvent(source=self.name, state=state, engine=engine, language=language, speaking=speaking)
            self.channel.tell(event)

    def _lease_changed(self) -> None:
        if self.lease.attached:
            self.input.restart_clock()
        self._publish_status(self.state)

    async def _client_lost(self) -> None:
        log.info("%s/%s: did not come back", *self._label)
        self.lost = True
        await self.finish()
