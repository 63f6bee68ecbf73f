"""Known voices in the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from surtitle.channels.voice_store import KnownVoice
from surtitle.speakers.voice_encoder import NAME, SIZE
from surtitle.speakers.voice_tracker import Voice
from surtitle.store.journal import Store
from surtitle.store.voices import Voices
from tests.store.postgresql import PostgreSQL


def known(key: str, name: str, added: float = 1.0, value: float = 0.5) -> KnownVoice:
    return KnownVoice(key, name, added, Voice(np.full(SIZE, value, dtype=np.float32), 8.0))


@pytest.fixture
def store(tmp_path: Path, url: str | None) -> Iterator[Store]:
    store = Store(tmp_path, url)
    yield store
    store.close()


def described(voices: Voices, channel: str = "main") -> list[tuple[str, str]]:
    return [(one.id, one.name) for one in voices.load(channel)]


def test_voices_belong_to_a_channel(store: Store) -> None:
    voices = Voices(store)
    voices.save("main", known("1", "Ada"))
    voices.save("other", known("2", "Bob"))
    assert voices.channels() == ["main", "other"]
    (ada,) = voices.load("main")
    assert (ada.name, ada.added, ada.voice.seconds, ada.network) == ("Ada", 1.0, 8.0, NAME)
    assert ada.voice.print.tolist() == [0.5] * SIZE
    voices.delete("main", ["1", "2"])
    assert voices.channels() == ["other"]


def test_a_voice_can_get_better_and_another_name(store: Store) -> None:
    voices = Voices(store)
    voices.save("main", known("1", "Adda"))
    voices.save("main", known("1", "Ada", value=0.25))
    assert described(voices) == [("1", "Ada")]
    assert voices.load("main")[0].voice.print[0] == 0.25


def test_the_newest_voices_of_a_person_are_kept(store: Store) -> None:
    voices = Voices(store)
    voices.save("main", known("b", "Bob", 0.0))
    for number in range(8):
        voices.save("main", known(str(number), "Ada", float(number)))
    assert described(voices) == [("b", "Bob"), *((str(number), "Ada") for number in range(3, 8))]


def test_services_that_share_a_database_have_their_own(tmp_path: Path, server: PostgreSQL) -> None:
    url = server.database()
    stores = [Store(tmp_path / name, url) for name in "ab"]
    try:
        first, second = map(Voices, stores)
        first.save("main", known("1", "Ada"))
        assert second.load("main") == []
        second.delete("main", ["1"])
        assert described(first) == [("1", "Ada")]
    finally:
        for store in stores:
            store.close()
