"""Outputs whose settings change while captions are sent, and how far they have come."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.output_settings import add_output, change_output, remove_output
from surtitle.channels.running_sources import RunningSources
from surtitle.closed_captions.outputs import Outputs as ClosedCaptionsOutputs
from surtitle.core.settings import Settings
from surtitle.core.words import Word
from surtitle.outputs.manager import OutputManager, OutputPolicy
from surtitle.outputs.progress import FILE, Progress, ProgressFile
from surtitle.translation.translations import Translations
from tests.closed_captions.fake_obs import PASSWORD, fake_obs
from tests.outputs.bench import Bench
from tests.outputs.fake_targets import FakeZoom, new_port, serving
from tests.support import until


class Outputs:
    """A manager and a channel, as the hub has them."""

    def __init__(self, progress: ProgressFile) -> None:
        self.bench = Bench()
        self.channel: Channel = self.bench.channel
        sources = RunningSources()
        self.translations = Translations(Settings(), sources)
        closed_captions = ClosedCaptionsOutputs(sources.position, self.translations)
        self.manager = OutputManager(self.translations, closed_captions, progress, OutputPolicy(allow_private=True))
        self.id = ""

    def add(self, **fields: Any) -> None:
        outputs, output = add_output(self.channel.settings.outputs, fields)
        self.id = output.id
        self._set(outputs)

    def change(self, **fields: Any) -> None:
        self._set(change_output(self.channel.settings.outputs, self.id, fields))

    def remove(self) -> None:
        self._set(remove_output(self.channel.settings.outputs, self.id))

    @property
    def status(self) -> Any:
        return self.manager.statuses(self.channel)[0]

    def _set(self, outputs: Any) -> None:
        self.channel.settings = msgspec.structs.replace(self.channel.settings, outputs=outputs)
        self.manager.apply(self.channel)


@asynccontextmanager
async def outputs(progress: ProgressFile) -> AsyncIterator[Outputs]:
    found = Outputs(progress)
    try:
        yield found
    finally:
        await found.manager.close()
        await found.translations.close()


async def test_a_change_of_settings_loses_and_doubles_nothing() -> None:
    fake = FakeZoom(new_port())
    progress = ProgressFile(None)
    async with serving(fake), outputs(progress) as one:
        one.add(kind="caption_url", url=fake.url, dialect="zoom")
        await until(lambda: one.status["state"] == "waiting")
        one.bench.say("one")
        await until(lambda: one.status["sent"] == 1)
        one.bench.say("two")
        one.change(delay=0.01)
        one.bench.say("three")
        one.change(delay=0.02)
        await until(lambda: len(fake.texts) == 3)
        one.change(enabled=False)
        await until(lambda: (one.status["state"], one.status["sent"]) == ("off", 3))
        await until(lambda: not progress.get("main", one.id).cursor)
        one.bench.say("said while it is off")
        one.change(enabled=True)
        await until(lambda: one.status["state"] == "waiting")
        one.bench.say("four")
        await until(lambda: one.status["sent"] == 4)
        one.remove()
        await until(lambda: progress.get("main", one.id) == Progress())
    assert (fake.texts, fake.last) == (["one", "two", "three", "four"], 4)


async def test_progress_is_in_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    store = ProgressFile(tmp_path)
    progress = Progress("t", 4, "abcd-17", {"c1": 2})
    await asyncio.gather(*(store.put("main", str(number), progress) for number in range(20)))
    await store.put("main", "1", Progress("t", 5))
    await store.forget("main", "2")
    again = ProgressFile(tmp_path)
    assert [again.get("main", name).sequence for name in ("1", "2", "3")] == [5, 0, 4]
    assert again.get("main", "3") == progress
    if os.name == "posix":
        assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


async def test_a_file_that_is_damaged_or_cannot_be_written_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text("{damaged")
    store = ProgressFile(tmp_path)
    assert store.get("main", "1") == Progress()
    assert "cannot read" in caplog.text
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    (tmp_path / FILE / "in the way").touch()
    for number in range(2):
        await store.put("main", "1", Progress("t", number + 1))
    assert caplog.text.count("cannot write") == 1
    assert store.get("main", "1").sequence == 2


async def test_a_further_obs_gets_closed_captions() -> None:
    async with fake_obs() as obs, outputs(ProgressFile(None)) as one:
        one.add(kind="obs", port=obs.port, password=PASSWORD)
        await until(lambda: one.status["state"] == "sending")
        one.bench.say("good evening")
        await until(lambda: obs.captions == ["good evening"])
        obs.streaming = False
        await until(lambda: one.status["state"] == "waiting")
        obs.streaming = True
        await until(lambda: one.status["state"] == "sending")
        one.change(password="wrong")
        await until(lambda: one.status["state"] == "refused")
        one.remove()
        await until(lambda: not obs.connections)


async def test_an_output_in_another_language_sends_the_translation() -> None:
    fake = FakeZoom(new_port())
    async with serving(fake), outputs(ProgressFile(None)) as one:
        one.add(kind="caption_url", url=fake.url, dialect="zoom", language="French")
        await until(lambda: one.status["state"] == "failed", timeout=60)  # there is no model, so the test translates
        assert "translat" in one.status["message"]
        one.bench.say("Good evening.")
        word = (Word("Bonsoir.", 0, 1),)
        one.channel.translation("fr").put(Caption("c1", 1, "Host", "fr", word, final=True))
        await until(lambda: one.status["sent"] == 1)
    assert (fake.texts, fake.languages) == (["Bonsoir."], {"fr"})
