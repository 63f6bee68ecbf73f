"""Sessions as people see them: what was said and recorded in each, how to hear it, how to be rid of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surtitle.captions.caption import Caption
from surtitle.captions.names import apply_names
from surtitle.captions.transcript import sort_final
from surtitle.channels.hub import Hub
from surtitle.channels.session import ORIGINAL
from surtitle.core.errors import NoSuchSession, StillRecording
from surtitle.recordings.difference import Difference, difference
from surtitle.recordings.files import RecordingFile, RecordingFiles
from surtitle.recordings.mix import end_of, start_of
from surtitle.recordings.mix_jobs import Mixer
from surtitle.recordings.recorder import Recorder
from surtitle.recordings.retranscription_jobs import Polisher
from surtitle.store.journal_writer import JournalWriter
from surtitle.store.records import LIVE, POLISHED, Hit, Summary
from surtitle.store.transcripts import Transcripts

_HITS = 300
_SESSIONS = 100


@dataclass(frozen=True, slots=True)
class Sessions:
    """Brings together who knows something of them. Raises `StoreError`."""

    hub: Hub
    journal_writer: JournalWriter
    transcripts: Transcripts
    recording_files: RecordingFiles
    recorder: Recorder
    mixer: Mixer
    polisher: Polisher

    async def newest(self, channel: str | None, before: float | None) -> list[dict[str, Any]]:
        """The newest, newest first."""
        await self.journal_writer.flush()
        found = await asyncio.to_thread(self.transcripts.sessions, channel, _SESSIONS, before)
        return [self._describe(summary, await self._recordings(summary)) for summary in found]

    async def search(self, words: str, channel: str | None) -> list[dict[str, Any]]:
        """Sessions in which all of these words, or words that begin so, are in one caption; with these captions."""
        await self.journal_writer.flush()
        hits: dict[str, list[Hit]] = {}
        for hit in await asyncio.to_thread(self.transcripts.search, words, channel, _HITS):
            hits.setdefault(hit.session, []).append(hit)
        found = []
        for session, all_hits in hits.items():
            if (summary := await asyncio.to_thread(self.transcripts.session, session)) is None:
                continue
            best = [hit for hit in all_hits if hit.version == self._best(summary)] or all_hits
            found.append({
                **self._describe(summary, await self._recordings(summary)),
                "hits": [{"start": round(hit.start, 3), "text": hit.text, "lang": hit.track} for hit in best],
            })  # fmt: skip
        return found

    async def get(self, session: str) -> dict[str, Any]:
        """All there is to know. Raises `NoSuchSession`."""
        summary = await self.summary(session)
        recordings = await self._recordings(summary)
        if len(recordings) > 1:
            self.mixer.begin(recordings)
        job = self.polisher.job(session)
        return {**self._describe(summary, recordings), "polish": job.as_json() if job else None}

    async def summary(self, session: str) -> Summary:
        """Raises `NoSuchSession`."""
        await self.journal_writer.flush()
        found = await asyncio.to_thread(self.transcripts.session, session)
        if found is None:
            raise NoSuchSession("There is no such session: it was deleted, or never was.")
        return found

    async def captions(self, summary: Summary, version: str | None, track: str = ORIGINAL) -> list[Caption]:
        """Final captions by time, of the best version unless told, with the names that speakers have.

        Translations are of the live one.
        """
        version = version or (self._best(summary) if track == ORIGINAL else LIVE)
        found = await asyncio.to_thread(self.transcripts.captions, summary.session.id, version, track)
        names = self.hub.names(summary.session.channel)
        return [apply_names(caption, names) for caption in sort_final(found)]

    async def difference(self, summary: Summary) -> Difference:
        """What the second pass changed."""
        live, polished = await self.captions(summary, LIVE), await self.captions(summary, POLISHED)
        return await asyncio.to_thread(difference, live, polished)

    async def audio(self, summary: Summary) -> tuple[Path, float]:
        """One file of all that was recorded, and where it begins. Raises `NoSuchSession`, `BadAudio`, `OSError`."""
        recordings = await self._recordings(summary)
        if not recordings:
            raise NoSuchSession("This session was not recorded: there is nothing to hear.")
        return await self.mixer.get(recordings), start_of(recordings)

    async def audio_start(self, summary: Summary) -> float:
        """Where the audio begins on the channel's clock; 0 without any."""
        recordings = await self._recordings(summary)
        return start_of(recordings) if recordings else 0.0

    async def file(self, summary: Summary, name: str) -> Path:
        """One recording. Raises `NoSuchSession`."""
        for recording in await self._recordings(summary):
            if recording.path.name == name:
                return recording.path
        raise NoSuchSession("There is no such recording in this session.")

    async def delete(self, session: str) -> None:
        """All that was said and recorded in a session, for good; what goes on goes on in another one.

        Raises `NoSuchSession`, `OSError`.
        """
        summary = await self.summary(session)
        channel = self.hub.find_channel(summary.session.channel)
        if channel is not None and channel.session is not None and channel.session.id == session:
            channel.clear()
        await self.polisher.stop(session)
        await self.recorder.release(session)
        await self.mixer.drop(self.recording_files.of(session))
        await self.journal_writer.flush()
        await asyncio.to_thread(self.recording_files.delete, session)
        await asyncio.to_thread(self.transcripts.forget, session)

    async def polish(self, session: str, model: str | None) -> None:
        """Begin a second pass. Raises `NoSuchSession`, `StillRecording`, `BadRequest`."""
        summary = await self.summary(session)
        if self.recorder.busy(session):
            raise StillRecording("This session is still being recorded: stop that first.")
        if not await self._recordings(summary):
            raise NoSuchSession("This session was not recorded: there is nothing to transcribe again.")
        self.polisher.start(session, model)

    async def _recordings(self, summary: Summary) -> Sequence[RecordingFile]:
        return await asyncio.to_thread(self.recording_files.recordings, summary.session.id)

    def _best(self, summary: Summary) -> str:
        return POLISHED if POLISHED in summary.versions else LIVE

    def _describe(self, summary: Summary, recordings: Sequence[RecordingFile]) -> dict[str, Any]:
        session = summary.session
        channel = self.hub.find_channel(session.channel)
        current = channel is not None and channel.session is not None and channel.session.id == session.id
        going_on = current and channel is not None and bool(self.hub.sources(channel))
        audio = None
        if recordings:
            audio = {
                "start": round(start_of(recordings), 3),
                "seconds": round(end_of(recordings) - start_of(recordings), 3),
                "ready": round(self.mixer.done(recordings), 3),
            }
        return {
            "id": session.id,
            "channel": session.channel,
            "began": session.began,
            "ended": None if going_on else round(summary.seen, 3),
            "captions": summary.captions,
            "seconds": round(max([summary.last, *(one.end for one in recordings)]), 3),
            "beginning": summary.beginning,
            "versions": summary.versions,
            "languages": [track for track in summary.tracks if track != ORIGINAL],
            "recording": self.recorder.busy(session.id),
            "audio": audio,
            "recordings": [
                {
                    "file": one.path.name,
                    "source": one.source,
                    "start": round(one.clock, 3),
                    "seconds": round(one.seconds, 3),
                    "bytes": one.bytes,
                    "problem": one.problem,
                }
                for one in recordings
            ],
        }
