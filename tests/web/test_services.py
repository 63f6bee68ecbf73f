"""The services start and stop as a whole, whichever of them fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from surtitle import create_app
from surtitle.channels.hub import Hub
from surtitle.channels.session import StoredSettings
from surtitle.closed_captions.outputs import Outputs
from surtitle.core.settings import Settings
from surtitle.demo import Demo
from surtitle.models.engines import Engines
from surtitle.recordings.mix_jobs import Mixer
from surtitle.recordings.recorder import Recorder
from surtitle.recordings.retranscription_jobs import Retranscriber
from surtitle.store.journal import Store
from surtitle.store.journal_writer import JournalWriter
from surtitle.translation.translations import Translations
from surtitle.web import services
from surtitle.web.status_board import StatusBoard


def loaded(folder: Path) -> dict[str, StoredSettings]:
    store = Store(folder)
    found = store.settings()
    store.close()
    return found


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is recognized here."""
    monkeypatch.setattr(Engines, "start", lambda self: None)


@pytest.mark.parametrize("part", [StatusBoard, Demo, Retranscriber, Mixer, Outputs, Translations, Hub, Recorder])
async def test_a_part_that_cannot_be_closed_is_logged_and_the_others_are_closed(
    part: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    close = part.close  # type: ignore[attr-defined]

    async def close_and_fail(self: object, *arguments: object) -> None:
        await close(self, *arguments)
        raise RuntimeError("out of order")

    monkeypatch.setattr(part, "close", close_and_fail)
    app = create_app(Settings(engine="pocketsphinx", data_dir=tmp_path), Store(tmp_path))
    before = asyncio.all_tasks()
    async with app.router.lifespan_context(app):
        app.state.services.hub.change("main", {"language": "de"})
    assert loaded(tmp_path)["main"].settings.language == "de"
    assert asyncio.all_tasks() == before
    (error,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert error.getMessage().startswith("closing ")
    assert "out of order" in (error.exc_text or "")


async def test_a_part_that_does_not_close_in_time_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(self: object) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(Translations, "close", hang)
    monkeypatch.setattr(services, "_CLOSE_TIMEOUT", 0.1)
    app = create_app(Settings(engine="pocketsphinx", data_dir=tmp_path), Store(tmp_path))
    async with app.router.lifespan_context(app):
        app.state.services.hub.change("main", {"language": "de"})
    assert loaded(tmp_path)["main"].settings.language == "de"
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == [
        "closing translations takes longer than 0.1 s, and is abandoned"
    ]


async def test_a_start_that_fails_closes_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    def note(part: type) -> None:
        close = part.close  # type: ignore[attr-defined]

        async def close_and_note(self: object, *arguments: object) -> None:
            closed.append(part.__name__)
            await close(self, *arguments)

        monkeypatch.setattr(part, "close", close_and_note)

    def fail(*arguments: object) -> None:
        raise RuntimeError("out of order")

    for part in (Engines, JournalWriter, Hub, Outputs):
        note(part)
    monkeypatch.setattr(Hub, "restore", fail)
    app = create_app(Settings(engine="pocketsphinx", data_dir=tmp_path), Store(tmp_path))
    before = asyncio.all_tasks()
    with pytest.raises(RuntimeError, match="out of order"):
        async with app.router.lifespan_context(app):
            pass
    assert closed == ["Outputs", "Hub", "JournalWriter", "Engines"]
    assert asyncio.all_tasks() == before
