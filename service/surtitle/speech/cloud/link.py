"""The connection of one stream to a cloud: it is opened when somebody speaks, kept for a while, and opened again.

Everything here runs on the event loop of the engine.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from surtitle.audio import RATE, Samples
from surtitle.core.backoff import Backoff
from surtitle.core.errors import EngineError
from surtitle.core.words import Hypothesis
from surtitle.speech.cloud.errors import CloudError, CloudRefused, add_loss
from surtitle.speech.cloud.protocol import Event, Failed, Finished, Language, Session, Text, Timed
from surtitle.speech.cloud.service import CloudService
from surtitle.speech.cloud.utterance import AudioBuffer, UtteranceWords, seconds
from surtitle.speech.engine import Hints, RemoteUse
from surtitle.text.languages import AUTO

log = logging.getLogger("surtitle.cloud")

_MAX_BUFFERED = 30.0  # seconds of an utterance that are kept until they are transcribed; utterances are shorter
_MESSAGE = 0.25  # seconds of audio in a message, at most
_BURST, _MAX_SPEED = 3.0, 6.0  # seconds that are sent at once, and how much faster than speech what follows is
_MAX_UNSENT = 2.0  # seconds that may wait until more is accepted, while there is a connection
_MAX_HELD = 5.0  # seconds for which a caller waits for that
_KEEP_ALIVE = 4.0  # seconds; Deepgram closes a connection after ten without anything
_IDLE = 45.0  # seconds without speech after which the connection is closed
_MAX_OUTAGE = 8.0  # seconds without a connection after which speech is given up
_MAX_INTERRUPTIONS = 4  # of one utterance, which is sent again, and paid for again, after each
_MAX_WAIT = 20.0  # seconds for the last results, besides the time that the utterance itself takes
_MAX_TAIL = 1.0  # seconds for them if all that has no results yet is silence
_TAIL_TOLERANCE = 0.15  # seconds: results and voice detection do not agree to the sample
_CLOSE_TIMEOUT = 3.0  # seconds
_BACKOFF = 0.25, 5.0  # seconds


@dataclass(slots=True)
class _Utterance:
    """An utterance, from its first samples until `Link.finish` has returned its words."""

    started: float  # on the loop's clock
    unconnected_since: float | None  # on the same clock; None while there is a connection
    audio: AudioBuffer = field(default_factory=lambda: AudioBuffer(round(_MAX_BUFFERED * RATE)))
    words: UtteranceWords = field(default_factory=UtteranceWords)
    sent: int = 0  # the position up to which this connection has been sent
    base: float | None = None  # where the utterance begins, in seconds of this connection's audio; None: not sent yet
    covered: int = 0  # the position up to which results are final
    settled: bool = False  # whether the service has found a pause at the end of those
    voice_end: float = 0.0  # seconds at which the last voice was
    ending: bool = False
    finalized: bool = False  # whether this connection has been told that no more audio follows
    interruptions: int = 0
    error: EngineError | None = None
    reported: bool = False  # whether the error was raised
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def heard(self) -> float:
        return seconds(self.audio.end)

    @property
    def unsent(self) -> float:
        """Seconds of audio that this connection has not been sent."""
        return seconds(self.audio.end - self.sent)

    @property
    def unrecognized(self) -> float:
        """Seconds of audio that have no final words yet."""
        known = self.words.committed[-1].end if self.words.committed else 0.0
        return max(0.0, self.heard - max(known, seconds(self.covered)))

    def restart(self, *, in_time: bool) -> None:
        """Prepare for another connection, which is sent what has no final results; with times, that is known."""
        if not in_time:
            self.covered = 0
            self.words.restart()
        self.words.tentative = ()
        self.sent, self.base, self.finalized = max(self.covered, self.audio.start), None, False

    def fail(self, error: EngineError) -> None:
        if self.error is None and not self.over.is_set():
            self.error = error
        self.over.set()


class Link:
    """Sends the utterances of one stream, one after the other, and collects their words."""

    def __init__(self, service: CloudService, language: str, hints: Hints, use: RemoteUse) -> None:
        self._service = service
        self._cloud = service.cloud
        self._requested = language
        self._hints = hints
        self._use = use
        self._now = asyncio.get_running_loop().time
        self.language = language
        self._utterance: _Utterance | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._connected = False
        self._backoff = Backoff(*_BACKOFF)
        self._down_since: float | None = None  # since when there have been only failures
        self._failed_at = float("-inf")  # the last failure
        self._refused_until = float("-inf")
        self._returned: Hypothesis | None = None
        self._sent_until = 0.0  # when what was sent would have been spoken, at the greatest speed
        self._taken = asyncio.Event()  # set whenever something was sent

    async def accept(self, samples: Samples, silence: float) -> Hypothesis | None:
        """Take samples, and return the words so far if there are new ones. Raises `EngineError`.

        Waits only if audio comes much faster than it is spoken.
        """
        if self._utterance is None and self._now() < self._refused_until:
            self._use.lost += seconds(len(samples))
            return None
        utterance = self._utterance or self._begin()
        utterance.audio.append(samples)
        utterance.voice_end = max(0.0, utterance.heard - silence)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"{self._cloud.name} link")
        self._wake.set()
        await self._wait_for_space(utterance)
        self._give_up_if_late(utterance)
        if utterance.error is not None:
            raise self._lose(utterance)
        hypothesis = utterance.words.hypothesis
        if hypothesis == self._returned:
            return None
        self._returned = hypothesis
        return hypothesis

    async def finish(self) -> Hypothesis:
        """Wait for the last words of the utterance. Raises `EngineError`, but not for the second time."""
        utterance, self._returned = self._utterance, None
        if utterance is None:
            return Hypothesis()
        if not utterance.reported:
            utterance.ending = True
            self._wake.set()
            await self._wait_for_end(utterance)
            if utterance.error is not None:
                raise self._lose(utterance)
        self._utterance = None
        if utterance.error is not None:
            utterance.words.tentative = ()
            if utterance.sent:
                await self._disconnect()  # its results could still come, and would be taken for those of the next
        else:
            self._use.lost += seconds(utterance.audio.lost)
        return utterance.words.finish()

    async def close(self) -> None:
        if self._utterance is not None:
            self._utterance.fail(EngineError("The recognizer was closed."))
        await self._disconnect()

    async def _wait_for_space(self, utterance: _Utterance) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_MAX_HELD):
                while self._connected and not utterance.over.is_set() and utterance.unsent > _MAX_UNSENT:
                    self._taken.clear()
                    await self._taken.wait()

    def _begin(self) -> _Utterance:
        if self._now() - self._failed_at > _MAX_OUTAGE:
            self._down_since = None  # nobody has tried since then
        self._utterance = _Utterance(self._now(), None if self._connected else self._now())
        return self._utterance

    @property
    def _pending(self) -> _Utterance | None:
        """The utterance, while results for it are expected."""
        return None if self._utterance is None or self._utterance.over.is_set() else self._utterance

    async def _disconnect(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=_CLOSE_TIMEOUT)

    async def _wait_for_end(self, utterance: _Utterance) -> None:
        """Wait until the utterance is over, or its results are late: the service may take as long as the speech did."""
        deadline = max(utterance.started + utterance.heard, self._now()) + _MAX_WAIT
        finalized_at: float | None = None
        while not utterance.over.is_set():
            now = self._now()
            self._give_up_if_late(utterance)
            if utterance.finalized and finalized_at is None:
                finalized_at = now
            if finalized_at is not None and now - finalized_at >= _MAX_TAIL and self._only_silence_left(utterance):
                return
            if now >= deadline:
                self._note(self._service.name.silent())
                utterance.fail(EngineError(self._use.problem))
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await utterance.over.wait()

    def _only_silence_left(self, utterance: _Utterance) -> bool:
        """Whether the service has found the pause in which the utterance ends: it need not say anything of the rest."""
        return utterance.settled and seconds(utterance.covered) >= utterance.voice_end - _TAIL_TOLERANCE

    def _give_up_if_late(self, utterance: _Utterance) -> None:
        """Let an utterance fail that has been without a connection for too long, or ends in an outage that long."""
        if self._connected or self._down_since is None:
            return
        since = self._down_since if utterance.ending else utterance.unconnected_since
        if since is not None and self._now() - since >= _MAX_OUTAGE:
            utterance.fail(EngineError(self._use.problem))

    def _lose(self, utterance: _Utterance) -> EngineError:
        """The error of an utterance, whose rest is lost."""
        assert utterance.error is not None
        utterance.reported = True
        self._use.lost += utterance.unrecognized
        return add_loss(utterance.error, utterance.unrecognized)

    async def _run(self) -> None:
        """Connect whenever there is speech, until cancelled."""
        while True:
            while self._pending is None:
                await self._wake.wait()
                self._wake.clear()
            try:
                await self._converse()
            except CloudRefused as error:
                if (utterance := self._pending) is not None:
                    self._note(error)
                    self._refused_until = self._now() + error.pause
                    utterance.fail(error)
            except CloudError as error:
                self._interrupt(error)
                await asyncio.sleep(self._backoff.next())
            except Exception as error:
                log.exception("the connection to %s failed", self._service.name.recipient)
                self._interrupt(self._service.name.disconnected(type(error).__name__))
                await asyncio.sleep(self._backoff.next())

    def _interrupt(self, error: CloudError) -> None:
        if (utterance := self._pending) is None:
            return  # nobody spoke, so nobody needed the connection
        self._note(error)
        self._failed_at = self._now()
        self._down_since = self._down_since or self._now()
        utterance.unconnected_since = utterance.unconnected_since or self._now()
        if utterance.base is not None:
            utterance.interruptions += 1
            if utterance.interruptions > _MAX_INTERRUPTIONS:
                utterance.fail(error)

    def _note(self, error: CloudError) -> None:
        if self._use.problem != error.message:
            log.warning("%s", error)
        self._use.problem = error.message

    def _note_success(self) -> None:
        if self._use.problem:
            log.info("%s transcribes again", self._service.name.recipient)
        self._use.problem, self._down_since = "", None
        self._backoff.reset()

    async def _converse(self) -> None:
        """Hold one connection until it is idle. Raises `CloudError`."""
        async with self._service.connect(self._requested, self._hints) as (connection, session):
            self._connected = True
            try:
                if (utterance := self._pending) is not None:
                    utterance.unconnected_since = None
                    if utterance.base is not None:
                        utterance.restart(in_time=self._cloud.resumes_in_time)
                with self._service.as_cloud_error():
                    await self._exchange(connection, session)
            finally:
                self._connected = False
                self._taken.set()

    async def _exchange(self, connection: ClientConnection, session: Session) -> None:
        """Send and receive until the connection is idle. Raises what either raises."""
        sending = asyncio.create_task(self._send(connection, session))
        receiving = asyncio.create_task(self._receive(connection, session))
        tasks = (sending, receiving)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and isinstance(sending.exception(), ConnectionClosed):
                await asyncio.wait({receiving}, timeout=_CLOSE_TIMEOUT)  # the service may have said why it has closed
            for task in (receiving, sending):
                if task.done():
                    task.result()
        except ConnectionClosed:
            if self._pending is not None:
                raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, connection: ClientConnection, session: Session) -> None:
        """Send what there is to send, until there has been nothing for a while."""
        sent = 0  # samples on this connection
        spoken_at = self._now()
        while True:
            if (utterance := self._pending) is not None:
                spoken_at = self._now()
                position = max(utterance.sent, utterance.audio.start)
                samples = utterance.audio.read(position, round(_MESSAGE * RATE))
                finalizes = not samples.size and utterance.ending and not utterance.finalized
                if (samples.size or finalizes) and utterance.base is None:
                    utterance.base = seconds(sent - position)
                    session.begin()
                if samples.size:
                    utterance.sent = position + len(samples)
                    sent += len(samples)
                    await self._service.send(connection, session.encode(samples))
                    self._use.sent += seconds(len(samples))
                    self._taken.set()
                    await self._keep_pace(seconds(len(samples)))
                    continue
                if finalizes:
                    utterance.finalized = True
                    await self._service.send(connection, session.finalize())
                    continue
            try:
                async with asyncio.timeout(_KEEP_ALIVE):  # `wait_for` of Python 3.11 may lose a cancellation
                    await self._wake.wait()
                self._wake.clear()
            except TimeoutError:
                if self._now() - spoken_at >= _IDLE:
                    await self._service.send(connection, session.close())
                    return
                await self._service.send(connection, session.keep_alive())

    async def _keep_pace(self, sent: float) -> None:
        """Wait after ``sent`` seconds were sent: no service has to take a whole file at once."""
        now = self._now()
        self._sent_until = max(self._sent_until, now - _BURST / _MAX_SPEED) + sent / _MAX_SPEED
        await asyncio.sleep(max(0.0, self._sent_until - now))

    async def _receive(self, connection: ClientConnection, session: Session) -> None:
        async for message in connection:
            for event in session.parse(message):
                if isinstance(event, Language) and self._requested == AUTO:
                    self.language = event.code
                if (utterance := self._pending) is not None and utterance.base is not None:
                    self._apply(utterance, utterance.base, event)
        if self._pending is not None:
            raise self._cloud.explain_close(connection.close_code or 1006, connection.close_reason or "")

    def _apply(self, utterance: _Utterance, base: float, event: Event) -> None:
        """``base`` is where the utterance begins, in seconds of the connection's audio."""
        if isinstance(event, Timed):
            end = event.end - base
            if end <= 0 < event.end:
                return  # of an earlier utterance
            self._note_success()
            own = [word.shift(-base) for word in event.words if word.end > base]
            utterance.words.put_timed(own, final=event.final, heard=utterance.heard)
            if event.final:
                utterance.covered = max(utterance.covered, min(round(end * RATE), utterance.audio.end))
                utterance.settled = event.settled
                utterance.audio.drop(utterance.covered)
        elif isinstance(event, Text):
            self._note_success()
            until = min(seconds(utterance.sent), utterance.voice_end or utterance.heard)
            utterance.words.put_text(event.text, complete=event.complete, until=until)
        elif isinstance(event, Failed):
            self._note(event.error)
            utterance.fail(event.error)
        elif isinstance(event, Finished) and utterance.finalized:
            self._note_success()
            utterance.covered = utterance.audio.end
            utterance.over.set()
