"""Transcripts in a folder while people speak: complete after every caption, whatever happens to service and disk."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import msgspec
import pysubs2
import pytest

from surtitle.captions.caption import Caption
from surtitle.captions.exports.growing import GROWING_FORMATS
from surtitle.captions.names import apply_names
from surtitle.captions.transcript import export
from surtitle.channels.channel import Channel
from surtitle.channels.session import ORIGINAL, Session
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Limits
from surtitle.recordings import transcript_folder
from surtitle.recordings.transcript_folder import TranscriptFolder, transcript_paths
from surtitle.store.journal import Store
from surtitle.store.journal_writer import JournalWriter
from surtitle.store.transcripts import Transcripts
from tests.captions.test_transcript import caption
from tests.support import put, running, until

SESSION = Session("20261130-120000-00000001", "main", 1_700_000_000.0, "e", 0, "c1")


@dataclass
class Bench:
    """A transcript folder with its database, as the service has them."""

    folder: Path
    transcripts: TranscriptFolder
    journal: JournalWriter
    sequence: int = 0

    def say(self, *captions: Caption, session: Session = SESSION, track: str = ORIGINAL) -> None:
        for one in captions:
            self.sequence += 1
            self.journal.save_session(session)
            self.journal.save_caption(session, track, one, self.sequence, lambda name, number: None)

    def read(self, form: str, session: Session = SESSION) -> str:
        path = transcript_paths(self.folder, session.channel, session.id)[form]
        return path.read_text("utf-8") if path.exists() else ""

    def is_written(self, *captions: Caption, session: Session = SESSION) -> bool:
        return all(self.read(form, session) == export(captions, form) for form in GROWING_FORMATS)

    async def crash(self) -> None:
        """Stop without any last write."""
        assert self.transcripts._task is not None
        self.transcripts._task.cancel()
        await asyncio.gather(self.transcripts._task, return_exceptions=True)
        self.transcripts._task = None


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript_folder, "_MIN_INTERVAL", 0.05)
    monkeypatch.setattr(transcript_folder, "_RETRY_INTERVAL", 0.1)


@asynccontextmanager
async def bench(tmp_path: Path, *sessions: Session) -> AsyncIterator[Bench]:
    folder = tmp_path / "transcripts"
    folder.mkdir(exist_ok=True)
    store = Store(tmp_path)
    transcripts = TranscriptFolder(folder, Transcripts(store.database), Notifier())
    journal = JournalWriter(store, None, transcripts.note)
    transcripts.start(journal.flush, sessions)
    try:
        yield Bench(folder, transcripts, journal)
    finally:
        await transcripts.close()
        await journal.close()


def talk(count: int) -> list[Caption]:
    return [caption(number, "Host", f"Sentence {number}.", number * 3.0) for number in range(1, count + 1)]


async def test_captions_are_in_the_files_as_soon_as_they_are_final(tmp_path: Path) -> None:
    said = talk(3)
    async with bench(tmp_path) as here:
        here.say(replace(said[0], final=False))
        for count, one in enumerate(said, start=1):
            here.say(one)
            await until(lambda count=count: here.is_written(*said[:count]))  # type: ignore[misc]
        here.say(replace(said[0], words=(replace(said[0].words[0], text="Phrase"),)), track="fr")
        assert [event.plaintext for event in pysubs2.SSAFile.from_string(here.read("srt"))] == [
            "Sentence 1.",
            "Sentence 2.",
            "Sentence 3.",
        ]
    assert here.is_written(*said)
    assert sorted(path.suffix for path in here.folder.iterdir()) == [".srt", ".txt", ".vtt"]


async def test_corrections_removals_and_late_speakers_are_written(tmp_path: Path) -> None:
    said = talk(4)
    async with bench(tmp_path) as here:
        here.say(*said)
        await until(lambda: here.is_written(*said))
        corrected = replace(said[1], rev=2, words=(replace(said[1].words[0], text="Corrected."),))
        spoken = replace(said[2], rev=2, speaker="Ada")
        here.say(corrected, spoken, replace(said[3], rev=2, words=()))
        await until(lambda: here.is_written(said[0], corrected, spoken))
        earlier = caption(9, "Guest", "Before that.", 4.0)
        here.say(earlier)
        await until(lambda: here.is_written(said[0], earlier, corrected, spoken))


async def test_the_names_of_speakers_are_those_that_readers_see(tmp_path: Path) -> None:
    said = [*talk(1), caption(2, "Guest", "Fine.", 9.0)]
    async with bench(tmp_path) as here:
        here.say(*said)
        await until(lambda: here.is_written(*said))
        channel = Channel("main", Limits())
        names = {"Host": "Ada"}
        channel.settings = msgspec.structs.replace(channel.settings, names=names)
        here.transcripts.apply(channel)
        here.say(*(replace(one, rev=2) for one in said))  # as a channel does
        await until(lambda: here.is_written(*(apply_names(one, names) for one in said)))


async def test_a_crash_loses_nothing_and_the_session_continues_in_the_same_files(tmp_path: Path) -> None:
    said = talk(4)
    async with bench(tmp_path) as here:
        here.say(*said[:2])
        await until(lambda: here.is_written(*said[:2]))
        await here.crash()
        assert here.is_written(*said[:2])
        here.say(said[2])  # is stored, but not in the files
        await here.journal.flush()
    with transcript_paths(here.folder, "main", SESSION.id)["srt"].open("a") as file:
        file.write("\n3\n00:00:0")  # half a cue, as a power failure leaves it
    async with bench(tmp_path, SESSION) as here:
        await until(lambda: here.is_written(*said[:3]))
        here.say(said[3])
        await until(lambda: here.is_written(*said))


async def test_each_session_has_its_own_files(tmp_path: Path) -> None:
    later = replace(SESSION, id="20261130-140000-00000002")
    other = replace(SESSION, id="20261130-140000-00000003", channel="stage")
    first, second = talk(2)
    async with bench(tmp_path) as here:
        here.say(first)
        here.say(second, session=later)
        here.say(caption(7, "Host", "Elsewhere.", 1.0), session=other)
        await until(lambda: here.is_written(first) and here.is_written(second, session=later))
        await until(lambda: set(here.transcripts._files) == {later.id, other.id})  # the first one is over
        await here.transcripts.delete(later)
        assert here.read("srt", later) == ""
        assert here.is_written(first)


@pytest.mark.parametrize("break_it", ["remove", "replace"])
async def test_a_broken_folder_is_said_once_and_everything_is_written_later(
    tmp_path: Path, break_it: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = talk(4)
    caplog.set_level(logging.INFO)
    async with bench(tmp_path) as here:
        here.say(*said[:2])
        await until(lambda: here.is_written(*said[:2]))
        shutil.rmtree(here.folder)
        if break_it == "replace":
            here.folder.touch()
        here.say(said[2])
        await until(lambda: bool(here.transcripts.problem))
        here.say(said[3])
        await asyncio.sleep(0.3)  # several attempts
        assert len([one for one in caplog.records if one.levelno >= logging.WARNING]) == 1
        assert "completed as soon as that is possible again" in here.transcripts.problem
        here.folder.unlink(missing_ok=True) if break_it == "replace" else None
        here.folder.mkdir()
        await until(lambda: here.is_written(*said) and not here.transcripts.problem)


async def test_files_that_somebody_changes_are_written_again(tmp_path: Path) -> None:
    said = talk(3)
    async with bench(tmp_path) as here:
        here.say(*said[:2])
        await until(lambda: here.is_written(*said[:2]))
        transcript_paths(here.folder, "main", SESSION.id)["vtt"].unlink()
        here.say(said[2])
        await until(lambda: here.is_written(*said))


async def test_long_sessions_are_appended_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an hour of captions, only the last one is written."""
    said = talk(1000)
    async with bench(tmp_path) as here:
        here.say(*said[:-1])
        await until(lambda: here.read("txt").endswith("Sentence 999.\n"))
        await until(lambda: not here.transcripts._files[SESSION.id].broken)
        monkeypatch.setattr(TranscriptFolder, "_rewrite", None)
        here.say(said[-1])
        await until(lambda: here.read("txt").endswith("Sentence 1000.\n"))
        assert here.transcripts.problem == ""


@pytest.mark.parametrize("pending", [1, 5000])
async def test_captions_that_come_while_the_files_are_written_again_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pending: int
) -> None:
    monkeypatch.setattr(transcript_folder, "_MAX_PENDING", pending)
    said = talk(4)
    async with bench(tmp_path) as here:
        late = said[1:]

        async def flush() -> bool:
            written = await here.journal.flush()
            here.say(*late)  # too late for this batch
            late.clear()
            return written

        monkeypatch.setattr(here.transcripts, "_flush", flush)
        here.say(said[0])
        await until(lambda: here.is_written(*said))


async def test_the_service_writes_and_deletes_them(tmp_path: Path) -> None:
    folder = tmp_path / "transcripts"
    folder.mkdir()
    async with (
        running(data_dir=tmp_path / "data", transcripts=folder) as service,
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        service.services.hub.channel("main").begin()
        put(service, "main", "c1", 1, "Good evening.", final=True)
        await until(lambda: [path.read_text() for path in folder.glob("main-*.txt")] == ["Good evening.\n"])
        await client.patch("/api/channels/main/captions/c1", json={"text": "Good morning."})
        await until(lambda: [path.read_text() for path in folder.glob("main-*.txt")] == ["Good morning.\n"])
        (one,) = (await client.get("/api/sessions")).json()["sessions"]
        await client.delete(f"/api/sessions/{one['id']}")
        assert list(folder.iterdir()) == []
