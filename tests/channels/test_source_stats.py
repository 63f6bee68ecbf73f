"""The level, the pace and the counts of a source."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from surtitle.audio import RATE
from surtitle.captions.caption import Caption
from surtitle.channels.source_stats import SourceStats
from surtitle.core.metrics import Metrics
from surtitle.core.words import Word
from surtitle.speech.engine import RemoteUse
from tests.support import silence


def caption(*ends: float, final: bool = False) -> Caption:
    return Caption("c1", 1, "Host", "en", tuple(Word("word", end - 0.5, end) for end in ends), final=final)


async def test_the_level_rises_at_once_and_falls_slowly() -> None:
    stats = SourceStats("main", None)
    assert stats.level == -90.0
    stats.measure(np.full(RATE // 10, 0.5, dtype=np.float32))
    loud = stats.level
    assert loud == pytest.approx(-6.0, abs=0.1)
    stats.measure(silence(0.1))
    assert stats.level == pytest.approx(loud - 3.0, abs=0.1)


async def test_words_are_counted_once_and_live_ones_have_a_delay() -> None:
    metrics = Metrics()
    stats = SourceStats("main", metrics)
    began = asyncio.get_running_loop().time() - 4.0
    stats.count_caption(caption(1.0, 2.0), "whisper", began)
    stats.count_caption(caption(1.0, 2.0, 3.0, final=True), "whisper", None)
    written = metrics.render().decode()
    assert 'surtitle_words_total{channel="main"} 3.0' in written
    assert 'surtitle_word_delay_seconds_count{engine="whisper"} 2.0' in written
    assert 'surtitle_word_delay_seconds_sum{engine="whisper"} 5.' in written  # 3 s and 2 s, and what has passed since


async def test_the_pace_is_that_of_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    stats = SourceStats("main", None)
    monkeypatch.setattr(stats, "_now", lambda: now)
    monkeypatch.setattr(stats, "_created", now - 100)
    stats.count_caption(caption(1.0, 2.0, final=True), "whisper", None)
    now += 40.0
    stats.count_caption(replace(caption(3.0, final=True), id="c2"), "whisper", None)
    assert (stats.pace, stats.captions) == (3, 2)
    now += 40.0
    assert (stats.pace, stats.captions) == (1, 2)


async def test_the_pace_of_a_new_source_is_that_of_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    stats = SourceStats("main", None)
    monkeypatch.setattr(stats, "_now", lambda: now)
    monkeypatch.setattr(stats, "_created", now)
    stats.count_caption(caption(1.0, 2.0, final=True), "whisper", None)
    assert stats.pace == 12  # two words in ten seconds: the first moments say little
    now += 20.0
    assert stats.pace == 6


async def test_what_was_sent_is_counted_over_all_streams() -> None:
    metrics = Metrics()
    stats = SourceStats("main", metrics)
    stats.count_remote(None, "whisper")
    assert stats.describe_remote() is None
    use = RemoteUse("Deepgram (api.deepgram.com)")
    for sent, lost in ((1.0, 0.0), (3.0, 0.5)):
        use.sent, use.lost = sent, lost
        stats.count_remote(use, "deepgram")
    stats.count_remote(None, "whisper")
    stats.count_remote(RemoteUse("OpenAI (api.openai.com)", 2.0), "openai")
    assert stats.describe_remote() == {"recipient": "OpenAI (api.openai.com)", "sent": 5.0, "lost": 0.5}
    written = metrics.render().decode()
    assert 'surtitle_cloud_audio_seconds_total{channel="main",engine="deepgram"} 3.0' in written
    assert 'surtitle_cloud_audio_seconds_total{channel="main",engine="openai"} 2.0' in written
    assert 'surtitle_cloud_lost_audio_seconds_total{channel="main",engine="deepgram"} 0.5' in written
