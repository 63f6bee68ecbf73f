"""How fast this computer is, and where that is stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from surtitle.models.speed_store import FILE, SpeedStore
from surtitle.speech.speed import Speed, measure
from surtitle.speech.whisper.model import WhisperModel

FAST, SLOW = Speed(0.1, 0.004), Speed(1.0, 0.02)


def test_fast_and_slow() -> None:
    assert not FAST.too_slow
    assert SLOW.too_slow
    assert Speed(0.1, 0.004, lagged=True).too_slow
    assert FAST.allows(3.0)
    assert not FAST.allows(4.0)
    assert str(FAST) == "decoding 10 s takes 0.2 s of at most 0.6 s"


def test_a_measurement_is_stored_for_the_next_start(tmp_path: Path) -> None:
    SpeedStore(tmp_path / "data").put("base", FAST)
    assert SpeedStore(tmp_path / "data").get("base") == FAST
    assert SpeedStore(tmp_path / "data").get("small") is None


def test_nothing_is_written_without_a_folder() -> None:
    store = SpeedStore(None)
    store.put("base", FAST)
    assert store.get("base") == FAST
    assert not store.is_persistent


def test_a_model_is_too_slow_for_a_day(tmp_path: Path) -> None:
    now = 1_000_000.7
    store = SpeedStore(tmp_path, lambda: now)
    store.put("base", SLOW)
    assert store.get("base") == SLOW  # at once
    store.put("tiny", FAST)
    now += 23 * 3600
    assert store.get("base") == SLOW
    now += 2 * 3600
    assert store.get("base") is None
    assert store.get("tiny") == FAST
    now = 0.0  # the clock was wrong
    assert store.get("base") is None


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"x": 1}', "\0\0"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE).write_text(damage)
    store = SpeedStore(tmp_path)
    assert store.get("base") is None
    store.put("base", FAST)
    assert store.get("base") == FAST


@pytest.mark.parametrize("entry", [None, 1, {}, {"encode": "x"}, {"encode": 1, "token": None, "lagged": 0, "time": 0}])
def test_a_damaged_entry_is_ignored(tmp_path: Path, entry: object) -> None:
    store = SpeedStore(tmp_path)
    store.put("base", FAST)
    (key,) = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({key: entry}))
    assert store.get("base") is None


def test_an_unwritable_folder_is_tolerated() -> None:
    store = SpeedStore(Path("/proc/surtitle"))
    store.put("base", FAST)
    assert store.get("base") == FAST


def test_another_computer_measures_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SpeedStore(tmp_path).put("base", FAST)
    monkeypatch.setattr("surtitle.models.speed_store.processor_name", lambda: "another")
    assert SpeedStore(tmp_path).get("base") is None


def test_real_weights_are_measured(whisper_tiny: Path) -> None:
    speed = measure(WhisperModel.load(whisper_tiny, 1, 1), 1)
    assert 0.01 < speed.encode < 60
    assert 0.0001 < speed.token < 5
