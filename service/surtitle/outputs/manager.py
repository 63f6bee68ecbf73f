"""All outputs of the service, which run according to channels' settings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from surtitle.channels.channel import Channel
from surtitle.channels.output_settings import (
    CaptionUrl,
    ObsCaptions,
    ObsText,
    Output,
    TextFile,
    VMix,
    Webhook,
)
from surtitle.closed_captions.outputs import Outputs as ClosedCaptionsOutputs
from surtitle.core.errors import SurtitleError
from surtitle.core.keyed_lock import KeyedLock
from surtitle.core.wire.outputs import OutputKind, OutputStatus
from surtitle.outputs.caption_url import caption_url_target
from surtitle.outputs.obs_captions import STATES, ObsCaptionsOutput
from surtitle.outputs.obs_text import ObsTextTarget
from surtitle.outputs.progress import ProgressLost, ProgressStore
from surtitle.outputs.pushed_captions import CaptionTarget, PushedCaptions
from surtitle.outputs.shown_text import ShownText, TextTarget
from surtitle.outputs.state import OFF, State, StateReport
from surtitle.outputs.text_file import TextFileTarget
from surtitle.outputs.vmix import VMixTarget
from surtitle.outputs.webhook import WebhookTarget
from surtitle.translation.translations import Translations

log = logging.getLogger("surtitle.outputs")

CLOSED_CAPTIONS = "closed_captions"
"""The id of the output that is a setting of its own: OBS's closed captions."""

_RETRY_INTERVAL = 15.0  # seconds until an output that could not start is started again
_FINISH_TIMEOUT = 2.0  # seconds that outputs have at the end to send what is due


@dataclass(frozen=True, slots=True)
class OutputPolicy:
    """What the person who started the service allows.

    ``folder`` is for text files, None if there is none. ``allow_private``: captions may be posted to addresses that are
    not public, or not encrypted.
    """

    folder: Path | None = None
    allow_private: bool = False


class RunningOutput(Protocol):
    """An output that sends captions while `run` runs, until it is cancelled or `finish` is called."""

    @property
    def sent(self) -> int: ...

    @property
    def skipped(self) -> int: ...

    @property
    def state(self) -> State: ...

    async def run(self) -> None: ...

    def finish(self) -> None: ...


@dataclass(slots=True)
class _Counts:
    sent: int = 0
    skipped: int = 0


@dataclass(slots=True)
class _Entry:
    """An output with its task; ``running`` is None until it runs, and ``problem`` says why it cannot.

    ``ended`` counts what earlier runs have sent, also those with other settings.
    """

    settings: Output
    ended: _Counts = field(default_factory=_Counts)
    task: asyncio.Task[None] | None = None
    running: RunningOutput | None = None
    problem: str = ""


class OutputManager:
    """Owns a task for each output that is enabled. Captions in another language come from ``translations``."""

    def __init__(
        self,
        translations: Translations,
        closed_captions: ClosedCaptionsOutputs,
        progress: ProgressStore,
        policy: OutputPolicy = OutputPolicy(),
        on_lost: Callable[[Channel], None] = lambda channel: None,
    ) -> None:
        """``on_lost`` is called with a channel that another service has taken over."""
        self._translations = translations
        self._closed_captions = closed_captions
        self._progress = progress
        self._policy = policy
        self._on_lost = on_lost
        self._entries: dict[tuple[Channel, str], _Entry] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._sending = KeyedLock()
        self._closed = False

    def apply(self, channel: Channel) -> None:
        """Begin to apply the channel's settings; an output with earlier settings is stopped first."""
        wanted = {one.id: one for one in channel.settings.outputs}
        for (owner, name), entry in list(self._entries.items()):
            if owner is channel and name not in wanted:
                del self._entries[owner, name]
                self._stop(entry)
                self._own(asyncio.create_task(self._change_progress(channel, name, self._progress.forget)))
        for name, settings in wanted.items():
            before = self._entries.get((channel, name))
            if before is not None and before.settings == settings:
                continue
            entry = self._entries[channel, name] = _Entry(settings)
            if before is not None:
                self._stop(before)
                entry.ended = before.ended
            if not settings.enabled:
                self._own(asyncio.create_task(self._change_progress(channel, name, self._progress.pause)))
            elif not self._closed:
                entry.task = asyncio.create_task(self._run(channel, entry), name=f"output {channel.name} {name}")

    def describe(self, channel: Channel) -> dict[str, Any]:
        """Part of the channel's description: its outputs, and their states."""
        return {"outputs": self.statuses(channel)}

    def statuses(self, channel: Channel) -> list[OutputStatus]:
        """The outputs of a channel; OBS's closed captions are the first, if the service sends them."""
        found = self._list_closed_captions(channel)
        for settings in channel.settings.outputs:
            entry = self._entries.get((channel, settings.id)) or _Entry(settings)
            state = _get_state(entry)
            sent, skipped = _count(entry)
            found.append(
                OutputStatus(
                    id=settings.id,
                    kind=cast(OutputKind, settings.kind),
                    enabled=settings.enabled,
                    language=settings.language,
                    delay=settings.delay,
                    target=settings.target,
                    state=state.name,
                    message=state.message,
                    sent=sent,
                    skipped=skipped,
                )
            )
        return found

    async def close(self) -> None:
        """Send what is due, as far as there is time, and stop all outputs."""
        self._closed = True
        tasks = {entry.task for entry in self._entries.values() if entry.task is not None}
        for entry in self._entries.values():
            if entry.running is not None:
                entry.running.finish()
            elif entry.task is not None:
                entry.task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_FINISH_TIMEOUT)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *list(self._stopping), return_exceptions=True)

    def _list_closed_captions(self, channel: Channel) -> list[OutputStatus]:
        """OBS's closed captions as an output, if the service sends them."""
        settings = channel.settings.closed_captions
        if not settings.enabled:
            return []
        status = self._closed_captions.describe(channel)["closed_captions"]
        return [
            OutputStatus(
                id=CLOSED_CAPTIONS,
                kind="obs",
                enabled=True,
                language=settings.language,
                delay=settings.delay,
                target=f"{settings.host}:{settings.port}",
                state=STATES[status["state"]],
                message=status["message"],
                sent=status["sent"],
                skipped=status["skipped"],
            )
        ]

    async def _run(self, channel: Channel, entry: _Entry) -> None:
        """Run an output; if it cannot start, try again now and then."""
        name = entry.settings.id
        async with self._sending.hold((channel, name)):  # an earlier task may still clear what it has shown
            while not self._closed:
                try:
                    async with self._open(channel, entry.settings) as running:
                        entry.running, entry.problem = running, ""
                        channel.changes.notify()
                        await running.run()
                    return
                except ProgressLost as error:
                    entry.problem = error.message
                    self._on_lost(channel)
                    return
                except SurtitleError as error:
                    entry.problem = error.message
                except Exception:
                    log.exception("%s: the output %s failed", channel.name, name)
                    entry.problem = "This output stopped working: see the service's log for details."
                finally:
                    if entry.running is not None:
                        entry.ended.sent += entry.running.sent
                        entry.ended.skipped += entry.running.skipped
                        entry.running = None
                    channel.changes.notify()
                await asyncio.sleep(_RETRY_INTERVAL)

    @asynccontextmanager
    async def _open(self, channel: Channel, settings: Output) -> AsyncIterator[RunningOutput]:
        """The output for these settings. Raises `SurtitleError`."""
        on_change = channel.changes.notify
        with ExitStack() as stack:
            if isinstance(settings, ObsCaptions):
                captioner = self._closed_captions.captioner(channel, settings.language, settings.delay)
                yield ObsCaptionsOutput(settings, stack.enter_context(captioner), on_change)
                return
            language = await self._translations.find_language(channel, settings.language)
            track = stack.enter_context(self._translations.subscribe(channel, language))
            problem = partial(self._translations.problem, channel, language) if language else str
            if isinstance(settings, CaptionUrl | Webhook):
                progress = await self._progress.claim(channel.name, settings.id)
                check = partial(self._progress.check, channel.name, settings.id)
                save = partial(self._progress.put, channel.name, settings.id)
                target = self._caption_target(channel, settings)
                report = StateReport(channel.name, target.name, problem, on_change)
                try:
                    yield PushedCaptions(channel, track, target, progress, check, save, report)
                finally:
                    await self._progress.release(channel.name, settings.id)
            else:
                shown_in = self._text_target(channel, settings)
                report = StateReport(channel.name, shown_in.name, problem, on_change)
                yield ShownText(channel, track, shown_in, settings.delay, report)

    def _caption_target(self, channel: Channel, settings: CaptionUrl | Webhook) -> CaptionTarget:
        allow_private = self._policy.allow_private
        if isinstance(settings, Webhook):
            return WebhookTarget(settings, channel.name, allow_private=allow_private)
        return caption_url_target(settings, allow_private=allow_private)

    def _text_target(self, channel: Channel, settings: TextFile | ObsText | VMix) -> TextTarget:
        match settings:
            case TextFile():
                return TextFileTarget(self._policy.folder, channel.name, settings.name)
            case ObsText():
                return ObsTextTarget(settings)
            case VMix():
                return VMixTarget(settings)

    def _stop(self, entry: _Entry) -> None:
        """Let an output end with the caption that it is sending now."""
        if entry.task is None or entry.task.done():
            return
        self._own(entry.task)
        if entry.running is None:
            entry.task.cancel()
        else:
            entry.running.finish()
            self._own(asyncio.create_task(_cancel_later(entry.task)))

    def _own(self, task: asyncio.Task[None]) -> None:
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _change_progress(
        self, channel: Channel, name: str, change: Callable[[str, str], Awaitable[None]]
    ) -> None:
        """Change what is stored of an output, after its task has stored it for the last time."""
        async with self._sending.hold((channel, name)):
            try:
                await change(channel.name, name)
            except ProgressLost:
                pass  # the outputs were removed here because another service has them
            except SurtitleError as error:
                log.warning("%s: %s", channel.name, error)


async def _cancel_later(task: asyncio.Task[None]) -> None:
    """Cancel a task that does not end by itself."""
    await asyncio.wait({task}, timeout=_FINISH_TIMEOUT)
    task.cancel()


def _get_state(entry: _Entry) -> State:
    if not entry.settings.enabled:
        return OFF
    if entry.running is not None:
        return entry.running.state
    if entry.problem:
        return State("failed", entry.problem)
    return State("connecting", f"Connecting to {entry.settings.target}.")


def _count(entry: _Entry) -> tuple[int, int]:
    """The texts sent and skipped."""
    ended, running = entry.ended, entry.running
    return (ended.sent + running.sent, ended.skipped + running.skipped) if running else (ended.sent, ended.skipped)
