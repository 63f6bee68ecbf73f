"""Deepgram's route for recorded audio: the real client reads the answer, and errors are in Deepgram's shape."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from starlette.datastructures import QueryParams

from surtitle.audio.mediafile import RawFormat
from surtitle.core.errors import BadRequest
from surtitle.core.words import Word
from surtitle.web.compat.deepgram_files import (
    describe_paragraphs,
    number_speakers,
    parse_query,
    split_utterances,
)
from tests.support import Running
from tests.web.compat.files import serving_files

pytestmark = [
    pytest.mark.filterwarnings("ignore:websockets.exceptions.InvalidStatusCode:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:websockets.legacy:DeprecationWarning"),
]

TALK = b"words Please close the door. Thank you."


@pytest_asyncio.fixture(scope="module")
async def service() -> AsyncIterator[Running]:
    async with serving_files() as service:
        yield service


async def transcribe(service: Running, content: bytes = TALK, **query: Any) -> Any:
    url, socket_url = service.url, service.sockets
    environment = DeepgramClientEnvironment(base=url, production=socket_url, agent=socket_url, agent_rest=url)
    async with httpx.AsyncClient(timeout=30) as http:
        client = AsyncDeepgramClient(api_key="x", environment=environment, httpx_client=http)
        return await client.listen.v1.media.transcribe_file(
            request=content, request_options={"max_retries": 0}, **{"model": "nova-3", **query}
        )


async def test_the_client_reads_the_answer(service: Running) -> None:
    answer = await transcribe(
        service, smart_format=True, utterances=True, utt_split=0.5, detect_language=True, keyterm=["Surtitle"]
    )
    assert (answer.metadata.duration, answer.metadata.channels) == (6.0, 1)
    assert answer.metadata.sha256 == hashlib.sha256(TALK).hexdigest()
    (channel,) = answer.results.channels
    assert channel.detected_language == "en"
    (alternative,) = channel.alternatives
    assert alternative.transcript == "Please close the door. Thank you."
    assert alternative.confidence == pytest.approx(0.9)
    assert [(word.word, word.punctuated_word) for word in alternative.words][3] == ("door", "door.")
    assert [one.text for one in alternative.paragraphs.paragraphs[0].sentences] == [
        "Please close the door.",
        "Thank you.",
    ]
    assert [one.transcript for one in answer.results.utterances] == [alternative.transcript]


async def test_only_what_is_asked(service: Running) -> None:
    results = (await transcribe(service)).results
    alternative = results.channels[0].alternatives[0]
    assert results.utterances is None
    assert alternative.paragraphs is None
    assert "punctuated_word" not in alternative.words[0].model_dump()
    empty = (await transcribe(service, b"words", utterances=True, paragraphs=True)).results
    assert empty.channels[0].alternatives[0].transcript == ""
    assert empty.utterances == []


@pytest.mark.parametrize(
    ("content", "query", "message"),
    [
        (b"bad_audio No sound.", {}, "No sound"),
        (b"", {}, "empty"),
        (TALK, {"model": "/etc/passwd"}, "not on this computer"),
        (TALK, {"callback": "http://127.0.0.1:9/"}, "callback"),
        (TALK, {"redact": "pci"}, "redact"),
        (TALK, {"multichannel": True}, "multichannel"),
        (TALK, {"diarize": True}, "diarize"),
        (TALK, {"encoding": "linear16"}, "sample_rate"),
        (TALK, {"language": "??"}, "language"),
    ],
)
async def test_errors_have_the_shape_of_deepgram(
    service: Running, content: bytes, query: dict[str, Any], message: str
) -> None:
    with pytest.raises(ApiError) as refused:
        await transcribe(service, content, **query)
    assert refused.value.status_code == 400
    body: Any = refused.value.body
    assert message in body["err_msg"]
    assert {"err_code", "err_msg", "request_id"} == set(body)


async def test_an_address_is_not_opened(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        answer = await client.post("/v1/listen", json={"url": "http://127.0.0.1:9/talk.wav"})
        assert answer.status_code == 400
        assert "not opened" in answer.json()["err_msg"]
        large = await client.post("/v1/listen", content=b"x" * 200_000)
        assert (large.status_code, large.json()["err_code"]) == (413, "PAYLOAD_TOO_LARGE")


def parse(query: str) -> Any:
    return parse_query(QueryParams(query))


def test_what_a_client_may_ask() -> None:
    query = parse("model=nova-3&language=multi&keyterm=A&keyterm=B%20c&keywords=D:2&replace=one:two&replace=gone:")
    assert query.options.language == "auto"
    assert query.options.vocabulary.hotwords == ("A", "B c", "D")
    assert query.options.vocabulary.replacements == {"one": "two", "gone": ""}
    assert parse("encoding=mulaw&sample_rate=8000").raw == RawFormat("mulaw", 8000)
    assert parse("encoding=linear16&sample_rate=44100&channels=2").raw == RawFormat("s16le", 44_100, 2)
    assert parse("encoding=flac").raw is None
    assert parse("detect_language=en&detect_language=de").candidates == ("en", "de")
    assert parse("callback=&redact=false&multichannel=false&summarize=v2&filler_words=true").options.language is None
    for wrong in ("encoding=linear16&sample_rate=x", "encoding=linear16&sample_rate=9e99",
                  "encoding=xy&sample_rate=8000",
                  "encoding=linear16&sample_rate=16000&channels=3", "utt_split=-1", "punctuate=perhaps",
                  "encoding=linear16&sample_rate=nan"):  # fmt: skip
        with pytest.raises(BadRequest):
            parse(wrong)


def test_speakers_divide_utterances_and_paragraphs() -> None:
    words = [
        Word(text, at, at + 0.9, speaker=speaker)
        for at, (text, speaker) in enumerate([("Hello.", "B"), ("Hi", "A"), ("there.", "A, B"), ("Bye.", "B")])
    ]
    numbers = number_speakers(words)
    assert numbers == {"B": 0, "A": 1}
    assert [[word.text for word in part] for part in split_utterances(words, 0.8)] == [
        ["Hello."],
        ["Hi", "there."],
        ["Bye."],
    ]
    paragraphs = describe_paragraphs(words, "en", numbers)["paragraphs"]
    assert [(one["speaker"], one["num_words"]) for one in paragraphs] == [(0, 1), (1, 2), (0, 1)]
