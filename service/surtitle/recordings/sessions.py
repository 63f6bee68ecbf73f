"""Sessions as clients see them: their captions and recordings, playback, second passes and deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from surtitle.captions.caption import Caption
from surtitle.captions.names import apply_names, list_speakers
from surtitle.captions.transcript import sort_final
from surtitle.channels.hub import Hub
from surtitle.channels.session import ORIGINAL, names_in
from surtitle.channels.settings import clean_name
from surtitle.core.errors import NoSuchSession, StillRecording
from surtitle.core.wire import sessions as wire
from surtitle.core.wire.sessions import SearchHit, SessionAudio, SessionObsRecording, SessionRecording, SessionSpeaker
from surtitle.recordings.difference import Difference, compare
from surtitle.recordings.files import RecordingFile, RecordingFiles
from surtitle.recordings.mix import mix_end, mix_start
from surtitle.recordings.mix_jobs import Mixer
from surtitle.recordings.recorder import Recorder
from surtitle.recordings.retranscription_jobs import Retranscriber
from surtitle.recordings.storage import RecordingStorage
from surtitle.recordings.transcript_folder import TranscriptFolder
from surtitle.store.journal_writer import JournalWriter
from surtitle.store.records import LIVE, POLISHED, Hit, ObsRecording, Summary
from surtitle.store.transcripts import Transcripts

_MAX_HITS = 300
_MAX_SESSIONS = 100


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A recording that only the storage has; ``size`` in bytes."""

    storage: RecordingStorage
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Sessions:
    """A facade over everything that knows about sessions. Raises `StoreError`."""

    hub: Hub
    journal_writer: JournalWriter
    transcripts: Transcripts
    recording_files: RecordingFiles
    recorder: Recorder
    mixer: Mixer
    retranscriber: Retranscriber
    transcript_folder: TranscriptFolder | None = None

    async def list_newest(self, channel: str | None, before: float | None) -> list[wire.Session]:
        """Descriptions of the newest sessions that began ``before`` (seconds since 1970), newest first."""
        await self.journal_writer.flush()
        found = await asyncio.to_thread(self.transcripts.sessions, channel, _MAX_SESSIONS, before)
        return [self._describe(summary, await self._recordings(summary)) for summary in found]

    async def search(self, words: str, channel: str | None) -> list[wire.Session]:
        """Sessions that have a caption with all of these words (or beginnings of words), with the captions found."""
        await self.journal_writer.flush()
        hits: dict[str, list[Hit]] = {}
        for hit in await asyncio.to_thread(self.transcripts.search, words, channel, _MAX_HITS):
            hits.setdefault(hit.session, []).append(hit)
        found: list[wire.Session] = []
        for session, all_hits in hits.items():
            if (summary := await asyncio.to_thread(self.transcripts.session, session)) is None:
                continue
            best = [hit for hit in all_hits if hit.version == self._best(summary)] or all_hits
            described = self._describe(summary, await self._recordings(summary))
            described["hits"] = [SearchHit(start=round(hit.start, 3), text=hit.text, lang=hit.track) for hit in best]
            found.append(described)
        return found

    async def get(self, session: str) -> wire.Session:
        """The full description of a session. Raises `NoSuchSession`."""
        summary = await self.summary(session)
        recordings = await self._recordings(summary)
        if len(recordings) > 1:
            self.mixer.prepare(recordings)
        job = self.retranscriber.job(session)
        described = self._describe(summary, recordings)
        described["recording"] = await self._is_recording(session)
        described["polish"] = job.as_json() if job else None
        obs_recordings = await asyncio.to_thread(self.transcripts.obs_recordings, session)
        described["speakers"] = await self._list_speakers(summary)
        described["obs_recordings"] = [_describe_obs_recording(one) for one in obs_recordings]
        return described

    async def summary(self, session: str) -> Summary:
        """A session's summary. Raises `NoSuchSession`."""
        await self.journal_writer.flush()
        found = await asyncio.to_thread(self.transcripts.session, session)
        if found is None:
            raise NoSuchSession("There is no such session: it was deleted or never existed.")
        return found

    async def captions(self, summary: Summary, version: str | None, track: str = ORIGINAL) -> list[Caption]:
        """Final captions in order of time, with the speakers' names.

        ``version`` is by default the best one; translations exist of the live one only.
        """
        version = version or (self._best(summary) if track == ORIGINAL else LIVE)
        found = await asyncio.to_thread(self.transcripts.captions, summary.session.id, version, track)
        names = names_in(summary.session, self.hub.names(summary.session.channel))
        return [apply_names(caption, names) for caption in sort_final(found)]

    async def difference(self, summary: Summary) -> Difference:
        """The difference between the live captions and those of the second pass."""
        live, polished = await self.captions(summary, LIVE), await self.captions(summary, POLISHED)
        return await asyncio.to_thread(compare, live, polished)

    async def audio(self, summary: Summary) -> tuple[Path | StoredFile, float]:
        """A file with all recordings, and its beginning on the channel's clock in seconds.

        Raises `NoSuchSession`, `BadAudio`, `StorageError`, `OSError`.
        """
        recordings = await self._recordings(summary)
        if not recordings:
            raise NoSuchSession("This session was not recorded, so there is no audio.")
        if len(recordings) == 1:
            return self._locate(recordings[0]), mix_start(recordings)
        return await self.mixer.get(recordings), mix_start(recordings)

    async def audio_start(self, summary: Summary) -> float:
        """The beginning of the audio on the channel's clock in seconds; 0 without recordings."""
        recordings = await self._recordings(summary)
        return mix_start(recordings) if recordings else 0.0

    async def obs_recording(self, summary: Summary, number: int | None) -> ObsRecording:
        """A recording that OBS made during the session, by default the last one. Raises `NoSuchSession`."""
        recordings = await asyncio.to_thread(self.transcripts.obs_recordings, summary.session.id)
        found = [one for one in recordings if number in (None, one.number)]
        if not found:
            raise NoSuchSession(
                "There is no such recording by OBS: those made while Surtitle is connected to OBS are noted."
            )
        return found[-1]

    async def file(self, summary: Summary, name: str) -> Path | StoredFile:
        """Where a recording can be read. Raises `NoSuchSession`."""
        for recording in await self._recordings(summary):
            if recording.path.name == name:
                return self._locate(recording)
        raise NoSuchSession("There is no such recording in this session.")

    async def rename(self, session: str, names: Mapping[str, str]) -> None:
        """Show other names for the speakers of a session; "" shows a speaker's own name again.

        As long as a channel continues the session, its names change; afterwards only those of the session do. Raises
        `NoSuchSession`, `BadRequest` for too many.
        """
        summary = await self.summary(session)
        names = {clean_name(name): clean_name(shown) for name, shown in names.items() if clean_name(name)}
        if (channel := await self.hub.find_continuing(summary.session)) is not None:
            changed = {**channel.settings.names, **names}
            shown = {name: other for name, other in changed.items() if other}
            self.hub.change(channel.name, {"names": shown})
            return
        before = names_in(summary.session, self.hub.names(summary.session.channel))
        changed = {**before, **{name: shown or name for name, shown in names.items()}}
        await asyncio.to_thread(self.transcripts.rename, session, changed)

    async def delete(self, session: str) -> None:
        """Delete a session with all its files. Sources that are running continue in a new session.

        Raises `NoSuchSession`, `StorageError`, `OSError`.
        """
        summary = await self.summary(session)
        if (channel := await self.hub.find_continuing(summary.session)) is not None:
            self.hub.clear(channel)
        await self.retranscriber.stop(session)
        await self.recorder.end_session(session)
        await self.mixer.cancel(self.recording_files.session_folder(session))
        await self.journal_writer.flush()
        await asyncio.to_thread(self.recording_files.delete, session)
        await asyncio.to_thread(self.transcripts.forget, session)
        if self.transcript_folder is not None:
            await self.transcript_folder.delete(summary.session)

    async def polish(self, session: str, model: str | None) -> None:
        """Start a second pass. Raises `NoSuchSession`, `StillRecording`, `BadRequest`."""
        summary = await self.summary(session)
        if await self._is_recording(session):
            raise StillRecording("This session is still being recorded: stop the recording first.")
        if not await self._recordings(summary):
            raise NoSuchSession("This session was not recorded, so there is nothing to transcribe again.")
        self.retranscriber.start(session, model)

    async def _is_recording(self, session: str) -> bool:
        """Whether a source of the session is being recorded, by any service."""
        if self.recorder.is_recording(session):
            return True
        return self.recording_files.shared and await asyncio.to_thread(self.recording_files.is_running, session)

    def _locate(self, recording: RecordingFile) -> Path | StoredFile:
        storage = self.recording_files.storage
        if storage is None or self.recording_files.is_here(recording):
            return recording.path
        key = self.recording_files.key(recording)
        return storage.path(key) or StoredFile(storage, key, recording.bytes)

    async def _list_speakers(self, summary: Summary) -> list[SessionSpeaker]:
        captions = await asyncio.to_thread(self.transcripts.captions, summary.session.id, self._best(summary))
        names = names_in(summary.session, self.hub.names(summary.session.channel))
        return [SessionSpeaker(name=name, shown=names.get(name, name)) for name in list_speakers(captions)]

    async def _recordings(self, summary: Summary) -> Sequence[RecordingFile]:
        return await asyncio.to_thread(self.recording_files.recordings, summary.session.id)

    def _best(self, summary: Summary) -> str:
        return POLISHED if POLISHED in summary.versions else LIVE

    def _describe(self, summary: Summary, recordings: Sequence[RecordingFile]) -> wire.Session:
        session = summary.session
        channel = self.hub.find_channel(session.channel)
        current = channel is not None and channel.session.is_current(session.id)
        running = current and channel is not None and bool(self.hub.sources.of(channel))
        audio = None
        if recordings:
            audio = SessionAudio(
                start=round(mix_start(recordings), 3),
                seconds=round(mix_end(recordings) - mix_start(recordings), 3),
                ready=round(self.mixer.progress(recordings), 3),
            )
        return wire.Session(
            id=session.id,
            channel=session.channel,
            began=session.began,
            ended=None if running else round(summary.seen, 3),
            captions=summary.captions,
            seconds=round(max([summary.end, *(one.end for one in recordings)]), 3),
            beginning=summary.beginning,
            versions=list(summary.versions),
            languages=[track for track in summary.tracks if track != ORIGINAL],
            recording=self.recorder.is_recording(session.id),
            audio=audio,
            recordings=[
                SessionRecording(
                    file=one.path.name,
                    source=one.source,
                    start=round(one.clock, 3),
                    seconds=round(one.seconds, 3),
                    bytes=one.bytes,
                    problem=one.problem,
                )
                for one in recordings
            ],
        )


def _describe_obs_recording(recording: ObsRecording) -> SessionObsRecording:
    first, last = recording.pieces[0], recording.pieces[-1]
    ended = last.length != float("inf")
    return SessionObsRecording(
        number=recording.number,
        file=recording.file,
        start=round(first.start, 3),
        seconds=round(last.position + last.length, 3) if ended else None,
    )
