"""The query of Deepgram's interface: accepted, mapped or refused."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from surtitle.core.errors import BadRequest
from surtitle.web.compat.deepgram_query import ListenQuery, with_keyterms
from surtitle.web.compat.live_source import AudioFormat

RAW = "encoding=linear16&sample_rate=16000"


def parse(query: str) -> ListenQuery:
    return ListenQuery.parse(QueryParams(query))


@pytest.mark.parametrize(
    ("query", "audio"),
    [
        ("", AudioFormat("auto")),
        ("sample_rate=16000", AudioFormat("auto")),
        (RAW, AudioFormat("pcm16le", 16_000)),
        ("encoding=linear16&sample_rate=48000&channels=2", AudioFormat("pcm16le", 48_000, 2)),
        ("encoding=mulaw&sample_rate=8000", AudioFormat("mulaw", 8_000)),
        ("encoding=alaw&sample_rate=8000", AudioFormat("alaw", 8_000)),
        ("encoding=flac", AudioFormat("auto")),
        ("encoding=ogg-opus", AudioFormat("ogg")),
    ],
)
def test_audio(query: str, audio: AudioFormat) -> None:
    assert parse(query).audio == audio


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ("", None),
        ("language=en-US", "en-US"),
        ("language=multi", "auto"),
        ("language=multi&language_hint=fr", "fr"),
        ("language=multi&language_hint=fr&language_hint=de", "auto"),
    ],
)
def test_language(query: str, language: str | None) -> None:
    assert parse(query).options.language == language


def test_what_livekit_sends_is_accepted() -> None:
    query = parse(
        "model=nova-3&punctuate=true&smart_format=false&no_delay=true&interim_results=true&encoding=linear16"
        "&vad_events=true&sample_rate=16000&channels=1&endpointing=25&filler_words=true&profanity_filter=false"
        "&numerals=false&mip_opt_out=false&language=en-US&keywords=Ada:1.5&tag=x&search=y&dictation=True"
    )
    assert query.interim_results
    assert query.vad_events
    assert query.punctuate
    assert query.endpointing == 0.025
    assert query.options.vocabulary.hotwords == ("Ada",)


def test_words() -> None:
    vocabulary = parse(
        "keyterm=Ada+Lovelace&keyterm=Babbage&keywords=bad:-2&keywords=good&replace=mister:Mr.&replace=um:"
    )
    found = vocabulary.options.vocabulary
    assert found.hotwords == ("Ada Lovelace", "Babbage", "good")
    assert found.replacements == {"mister": "Mr.", "um": ""}
    changed = with_keyterms(vocabulary.options, ["Turing"])
    assert changed.vocabulary.hotwords == ("Turing",)
    assert changed.vocabulary.replacements == found.replacements


@pytest.mark.parametrize(("value", "seconds"), [("", 0.01), ("true", 0.01), ("false", None), ("0", None), ("300", 0.3)])
def test_endpointing(value: str, seconds: float | None) -> None:
    assert parse(f"endpointing={value}" if value else "").endpointing == seconds


def test_utterance_end() -> None:
    assert parse("interim_results=true&utterance_end_ms=1500").utterance_end == 1.5
    assert parse("").utterance_end is None


@pytest.mark.parametrize(
    "query",
    [
        "callback=http://127.0.0.1/",
        "redact=pci",
        "encoding=linear32&sample_rate=16000",
        "encoding=opus&sample_rate=48000",
        "encoding=linear16",
        "encoding=linear16&sample_rate=1000",
        "encoding=linear16&sample_rate=x",
        f"{RAW}&channels=2&multichannel=true",
        "multichannel=true",
        "endpointing=soon",
        "endpointing=-1",
        "utterance_end_ms=500&interim_results=true",
        "utterance_end_ms=1000",
        "interim_results=perhaps",
        "replace=nothing",
        "keyterm=%00",
    ],
)
def test_what_cannot_be_done_is_refused(query: str) -> None:
    with pytest.raises(BadRequest):
        parse(query)
