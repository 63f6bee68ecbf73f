"""Known voices: a person's voice is remembered with the name, and recognized in later sessions of the channel."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from surtitle.channels.channel import Channel
from surtitle.channels.settings import SettingsChanges
from surtitle.channels.voice_store import KnownVoice, VoiceStore, group_by_name
from surtitle.core.errors import NoSuchVoice, SurtitleError
from surtitle.core.notifier import from_thread
from surtitle.core.wire.speakers import VoiceEntry
from surtitle.speakers.timeline import SpeakerNumbering
from surtitle.speakers.voice_encoder import NAME
from surtitle.speakers.voice_matching import MIN_SECONDS, find_known
from surtitle.speakers.voice_tracker import Voice, VoiceTracker

log = logging.getLogger("surtitle.voices")

_GROWTH = 1.25  # by which the speech of a voice must have grown to be compared or stored again
_MAX_STREAMS = 32  # of one session whose voices are kept, so that a name that is given later is learned


@dataclass(slots=True)
class _Speaker:
    """A speaker whose voice is followed, as far as it has been compared and stored."""

    compared: float = 0.0  # seconds of speech
    recognized: str = ""  # the name that was found by the voice
    stored: KnownVoice | None = None
    deleted: str = ""  # the name under which the voice was stored, until a person deleted it


@dataclass(slots=True)
class _Stream:
    """The voices in one stretch of a source's audio."""

    source: str
    session: str
    numbering: SpeakerNumbering
    tracker: VoiceTracker
    speakers: dict[int, _Speaker] = field(default_factory=dict)


class KnownVoices:
    """Learns and recognizes voices in the channels whose settings want that. Owns the task that does it.

    A speaker who is given a name by a person is remembered by it. An unnamed speaker whose voice is clearly that of
    somebody known gets the name, as if a person had given it: it is never removed again, and a person can change it.
    ``change`` changes a channel's settings. Without a ``store`` nothing is learned.
    """

    def __init__(self, store: VoiceStore | None, change: Callable[[str, SettingsChanges], Channel]) -> None:
        self._store = store
        self._change = change
        self._streams: dict[Channel, list[_Stream]] = {}
        self._counts: dict[str, int] = {}  # of names, by channel
        self._due: dict[Channel, None] = {}
        self._wake = asyncio.Event()
        self._working = asyncio.Lock()
        self._task = asyncio.create_task(self._run(), name="known voices")

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def follows(self, channel: Channel) -> bool:
        """Whether the voices of the channel's speakers are to be known."""
        return channel.settings.diarization.knows_voices and self.available(channel)

    def available(self, channel: Channel) -> bool:
        """Whether voices of the channel can be stored."""
        return self._store is not None and channel.stored

    def follow(self, channel: Channel, source: str) -> VoiceTracker | None:
        """A tracker for the voices of a source that starts; None if the channel's voices are not to be known."""
        if not self.follows(channel):
            return None
        note = from_thread(lambda: self._note(channel))
        tracker, channel.speakers.on_new = VoiceTracker(on_change=note), note
        session = channel.session.current.id if channel.session.current else ""
        streams = [one for one in self._streams.get(channel, []) if one.session == session][-_MAX_STREAMS + 1 :]
        self._streams[channel] = [*streams, _Stream(source, session, channel.speakers, tracker)]
        return tracker

    def count(self, channel: Channel) -> int:
        """How many people's voices are known, as far as the service has looked."""
        return self._counts.get(channel.name, 0)

    def apply(self, channel: Channel) -> None:
        """Act on names or settings that have changed."""
        if not channel.settings.diarization.knows_voices:
            self._streams.pop(channel, None)
        if channel in self._streams or channel.name not in self._counts:
            self._note(channel)

    async def entries(self, channel: Channel) -> list[VoiceEntry]:
        """The people whose voices are known, by name. Raises `StoreError`."""
        return [
            VoiceEntry(
                id=voices[0].id, name=name, added=voices[0].added, seconds=sum(one.voice.seconds for one in voices)
            )
            for name, voices in group_by_name(await self._load(channel)).items()
        ]

    async def delete(self, channel: Channel, key: str | None = None) -> None:
        """Delete the voice of the person whose entry has the id ``key``, or all. Raises `NoSuchVoice`, `StoreError`."""
        async with self._working:
            known = await self._load(channel)
            names = {voice.name for voice in known if key in (None, voice.id)}
            if key is not None and not names:
                raise NoSuchVoice("There is no such voice: it was deleted, or has another id.")
            if names and self._store is not None:
                ids = [voice.id for voice in known if voice.name in names]
                await asyncio.to_thread(self._store.delete, channel.name, ids)
            await self._load(channel)
        self._note(channel)  # the voices of the running session must not be stored again

    def _note(self, channel: Channel) -> None:
        self._due[channel] = None
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            due, self._due = self._due, {}
            for channel in due:
                try:
                    async with self._working:
                        await self._update(channel)
                except SurtitleError as error:
                    log.error("%s: voices are not recognized: %s", channel.name, error)
                except Exception:
                    log.exception("%s: voices are not recognized", channel.name)

    async def _update(self, channel: Channel) -> None:
        """Learn and recognize the voices that are known better now. Raises `SurtitleError`."""
        known = await self._load(channel)
        if not self.follows(channel):
            return
        ids = {voice.id for voice in known}
        comparable = group_by_name(voice for voice in known if voice.network == NAME)
        by_name = {name: [one.voice for one in voices] for name, voices in comparable.items()}
        for stream in self._streams.get(channel, []):
            for key, voice in stream.tracker.voices().items():
                if voice.seconds < MIN_SECONDS:
                    continue
                if (label := stream.numbering.find(stream.source, key)) is None:
                    continue  # a speaker gets a name with the first word, which is recognized a little later
                speaker = stream.speakers.setdefault(key, _Speaker())
                if speaker.stored is not None and speaker.stored.id not in ids:
                    speaker.deleted, speaker.stored = speaker.stored.name, None
                name = channel.settings.names.get(label)
                if name is None:
                    await self._forget(channel, speaker)
                    self._recognize(channel, stream, label, speaker, voice, by_name)
                elif name not in (speaker.recognized, speaker.deleted):
                    await self._learn(channel, name, speaker, voice)

    def _recognize(
        self,
        channel: Channel,
        stream: _Stream,
        label: str,
        speaker: _Speaker,
        voice: Voice,
        known: Mapping[str, Sequence[Voice]],
    ) -> None:
        """Give a speaker the name of the known voice, unless another speaker of the same source has it."""
        if speaker.recognized or voice.seconds < _GROWTH * speaker.compared:
            return
        speaker.compared = voice.seconds
        labels = (stream.numbering.find(stream.source, key) for key in stream.tracker.voices())
        names = channel.settings.names
        taken = {names[one] for one in labels if one is not None and one in names}
        if (name := find_known(voice, known, taken)) is None:
            return
        speaker.recognized = name
        log.info("%s/%s: %s has a known voice", channel.name, stream.source, label)
        self._change(channel.name, {"names": {**names, label: name}})

    async def _learn(self, channel: Channel, name: str, speaker: _Speaker, voice: Voice) -> None:
        """Remember the voice of a speaker to whom a person has given a name."""
        stored = speaker.stored
        if stored is not None and stored.name == name and voice.seconds < _GROWTH * stored.voice.seconds:
            return
        assert self._store is not None
        key, added = (stored.id, stored.added) if stored else (secrets.token_hex(8), time.time())
        speaker.stored = KnownVoice(key, name, added, voice)
        await asyncio.to_thread(self._store.save, channel.name, speaker.stored)
        await self._load(channel)
        channel.changes.notify()

    async def _forget(self, channel: Channel, speaker: _Speaker) -> None:
        """Delete the voice of a speaker whose name a person has removed."""
        if speaker.stored is not None and self._store is not None:
            await asyncio.to_thread(self._store.delete, channel.name, [speaker.stored.id])
            speaker.deleted, speaker.stored = speaker.stored.name, None
            await self._load(channel)
            channel.changes.notify()

    async def _load(self, channel: Channel) -> list[KnownVoice]:
        """The known voices of a channel. Raises `StoreError`."""
        if self._store is None or not channel.stored:
            return []
        known = await asyncio.to_thread(self._store.load, channel.name)
        count = len({voice.name for voice in known})
        if count != self._counts.get(channel.name):
            self._counts[channel.name] = count
            channel.changes.notify()
        return known
