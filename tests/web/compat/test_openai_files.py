"""OpenAI's routes for files: the real client reads every format, and errors are in OpenAI's shape."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio

from surtitle.core.errors import BadRequest
from surtitle.web.compat.openai_files import FORMATS, parse_parameters
from surtitle.web.uploads import Form
from tests.support import Running, until
from tests.web.compat.files import serving_files

TALK = b"words Please close the door."


@pytest_asyncio.fixture(scope="module")
async def service() -> AsyncIterator[Running]:
    async with serving_files() as service:
        yield service


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def file(content: bytes = TALK) -> tuple[str, io.BytesIO]:
    return "talk.wav", io.BytesIO(content)


async def post(service: Running, content: bytes = TALK, path: str = "/v1/audio/transcriptions", **data: Any) -> Any:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        return await client.post(path, files={"file": ("talk.wav", content)}, data={"model": "whisper-1", **data})


async def test_each_format_is_read_by_the_client(client: openai.AsyncOpenAI) -> None:
    create: Any = client.audio.transcriptions.create
    answer = await create(file=file(), model="whisper-1")
    assert (answer.text, answer.usage.type, answer.usage.seconds) == ("Please close the door.", "duration", 4)
    assert await create(file=file(), model="gpt-4o-transcribe", response_format="text") == "Please close the door.\n"
    srt = await create(file=file(), model="whisper-1", response_format="srt")
    assert srt.startswith("1\n00:00:00,100 --> ")
    vtt = await create(file=file(), model="whisper-1", response_format="vtt")
    assert vtt.startswith("WEBVTT\n\n00:00:00.100 --> ")
    verbose = await create(
        file=file(), model="whisper-1", response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert (verbose.text, verbose.language, verbose.duration) == ("Please close the door.", "english", 4.0)
    assert next((word.word, word.start) for word in verbose.words) == ("Please", 0.1)
    assert [(segment.id, segment.text, segment.end) for segment in verbose.segments] == [
        (0, "Please close the door.", 3.9)
    ]


async def test_granularities_with_and_without_brackets(service: Running) -> None:
    for name in ("timestamp_granularities", "timestamp_granularities[]"):
        fields: dict[str, Any] = {"response_format": "verbose_json", name: "word"}
        answer = (await post(service, **fields)).json()
        assert [word["word"] for word in answer["words"]] == ["Please", "close", "the", "door."]
        assert "segments" not in answer
    answer = (await post(service, response_format="verbose_json")).json()
    assert "words" not in answer
    assert len(answer["segments"]) == 1


async def test_a_stream_of_deltas(client: openai.AsyncOpenAI) -> None:
    stream = await client.audio.transcriptions.create(file=file(), model="gpt-4o-mini-transcribe", stream=True)
    events = [event async for event in stream]
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert deltas == ["Please", " close", " the", " door."]
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == "".join(deltas)


async def test_nothing_said(client: openai.AsyncOpenAI, service: Running) -> None:
    assert (await client.audio.transcriptions.create(file=file(b"words"), model="whisper-1")).text == ""
    verbose = (await post(service, b"words", response_format="verbose_json")).json()
    assert (verbose["text"], verbose["segments"]) == ("", [])
    assert (await post(service, b"words", response_format="srt")).text == ""
    stream = await client.audio.transcriptions.create(file=file(b"words"), model="whisper-1", stream=True)
    assert [event.type async for event in stream] == ["transcript.text.done"]


async def test_errors_have_the_shape_of_openai(client: openai.AsyncOpenAI, service: Running) -> None:
    create: Any = client.audio.transcriptions.create
    with pytest.raises(openai.BadRequestError, match="No sound") as refused:
        await create(file=file(b"bad_audio No sound."), model="whisper-1")
    assert (refused.value.type, refused.value.code) == ("invalid_request_error", "bad_audio")
    with pytest.raises(openai.BadRequestError, match="No sound"):  # a real status, for a stream, too
        await create(file=file(b"bad_audio No sound."), model="whisper-1", stream=True)
    with pytest.raises(openai.NotFoundError) as unknown:
        await create(file=file(), model="/etc/passwd")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.InternalServerError):
        await create(file=file(b"crash"), model="whisper-1")
    with pytest.raises(openai.APIStatusError) as large:
        await create(file=file(b"x" * 2_000_000), model="whisper-1")
    assert (large.value.status_code, large.value.code) == (413, "file_too_large")
    with pytest.raises(openai.BadRequestError) as empty:
        await create(file=file(b""), model="whisper-1")
    assert empty.value.param == "file"
    async with httpx.AsyncClient(base_url=service.url) as plain:
        for request in ({}, {"content": b"x"}, {"files": {"model": (None, "whisper-1")}}, {"json": {"file": "x"}}):
            answer = await plain.post("/v1/audio/transcriptions", **request)
            assert answer.status_code == 400
            assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_failure_within_a_stream(client: openai.AsyncOpenAI, service: Running) -> None:
    stream = await client.audio.transcriptions.create(file=file(b"garbage One two"), model="whisper-1", stream=True)
    events: list[Any] = [await anext(stream), await anext(stream)]
    assert [event.delta for event in events] == ["One", " two"]
    with pytest.raises(openai.APIError, match="send the file again"):
        await anext(stream)


async def test_a_full_queue_is_a_429_that_clients_retry(service: Running, client: openai.AsyncOpenAI) -> None:
    files = service.services.file_transcriptions
    with files.reserve(), files.reserve():
        with pytest.raises(openai.RateLimitError) as refused:
            await client.audio.transcriptions.create(file=file(), model="whisper-1")
        assert refused.value.code == "rate_limit_exceeded"
        assert refused.value.response.headers["retry-after"]
        patient = client.with_options(max_retries=2)
        retrying = asyncio.create_task(patient.audio.transcriptions.create(file=file(), model="whisper-1"))
        await asyncio.wait({retrying}, timeout=0.1)
    assert (await retrying).text == "Please close the door."


@pytest.mark.parametrize("body", ["", "--x\r\nContent-Disposition: form-data; name=file\r\n\r\n"])
async def test_clients_that_stop_sending_do_not_hold_the_places_of_others(
    service: Running, client: openai.AsyncOpenAI, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, uploads = service.services.file_transcriptions, service.services.uploads
    head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n"
    stuck = [await asyncio.open_connection("127.0.0.1", httpx.URL(service.url).port) for _ in range(2)]
    for _, writer in stuck:
        writer.write(head + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + body.encode())
    await until(lambda: files.waiting == 2 and all(one.waiting_since is not None for one in uploads._open))
    monkeypatch.setattr("surtitle.web.uploads._STALLED", 3600.0)
    with pytest.raises(openai.RateLimitError):
        await client.audio.transcriptions.create(file=file(), model="whisper-1")
    monkeypatch.setattr("surtitle.web.uploads._STALLED", 0.0)
    heard = await client.audio.transcriptions.create(file=file(), model="whisper-1")
    assert heard.text == "Please close the door."
    assert files.waiting == 1
    answers = [asyncio.create_task(reader.readline()) for reader, _ in stuck]
    await asyncio.wait(answers, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    assert [answer.result()[:12] for answer in answers if answer.done()] == [b"HTTP/1.1 408"]
    for _, writer in stuck:
        writer.close()
    await asyncio.gather(*answers)
    await until(lambda: files.waiting == 0)


async def test_a_file_that_is_being_sent_while_the_service_stops(caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n"
    async with serving_files() as stopping:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(stopping.url).port)
        writer.write(head + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n")
        await until(lambda: stopping.services.file_transcriptions.waiting == 1)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'{"error":{"message":"The service is stopping' in answer
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("stream", ["false", "true"])
async def test_a_client_that_leaves_stops_the_work(service: Running, stream: str) -> None:
    files = service.services.file_transcriptions
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        asking = asyncio.create_task(
            client.post(
                "/v1/audio/transcriptions",
                files={"file": ("a", b"hang Hello")},
                data={"model": "whisper-1", "stream": stream},
            )
        )
        await until(lambda: files.running)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: not files.running and not files.waiting and not files.loaded)


async def test_models(client: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in await client.models.list()]
    assert names == ["whisper-1", "pocketsphinx"]
    for name in names:
        assert (await client.models.retrieve(name)).id == name
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("Systran/faster-whisper-base")


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
async def test_translations(client: openai.AsyncOpenAI, service: Running) -> None:
    answer = await client.audio.translations.create(file=file(), model="whisper-1")
    assert answer.text == "Please close the door."
    verbose: Any = await client.audio.translations.create(
        file=file(), model="whisper-1", response_format="verbose_json"
    )
    assert (verbose.language, verbose.segments[0].text) == ("english", "Please close the door.")
    refused = await post(service, path="/v1/audio/translations", response_format="diarized_json")
    assert refused.json()["error"]["param"] == "response_format"


async def test_a_channel_has_its_own_vocabulary(service: Running) -> None:
    service.services.hub.change("stage", {"vocabulary": {"replacements": {"the door": "our gate"}}})
    path = "/v1/audio/transcriptions"
    assert (await post(service)).json()["text"] == "Please close the door."
    answer = await post(service, path=f"/api/channels/stage{path}")
    assert answer.json()["text"] == "Please close our gate."
    assert (await post(service, path=f"/api/channels/st%20age{path}")).status_code == 404
    assert service.services.hub.find_channel("api") is None  # a file alone makes no channel


def parse(*fields: tuple[str, str], translate: bool = False) -> Any:
    return parse_parameters(Form((("model", "whisper-1"), *fields), True), translate=translate)


def test_what_a_client_may_ask() -> None:
    options = parse(("language", "en-US"), ("prompt", "About\n Surtitle"), ("keywords[]", "Kubernetes"),
                    ("hotwords", "Surtitle, OBS")).options  # fmt: skip
    assert (options.language, options.vocabulary.prompt) == ("en-us", "About Surtitle")
    assert options.vocabulary.hotwords == ("Kubernetes", "Surtitle", "OBS")
    assert parse(("language", "English")).options.language == "en"
    assert parse(("languages[]", "de"), ("languages[]", "fr")).candidates == ("de", "fr")
    assert parse(("languages[]", "de")).options.language == "de"
    assert parse(("chunking_strategy", "auto"), ("include[]", "logprobs"), ("temperature", "0.2"), ("x", "y"))
    assert parse(("stream", "true"), translate=True).stream is False
    assert len(parse(("prompt", "x" * 5000)).options.vocabulary.prompt) == 600
    assert [parse(("response_format", name)).response_format for name in FORMATS] == list(FORMATS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_format", "xml"),
        ("timestamp_granularities[]", "letter"),
        ("temperature", "hot"),
        ("temperature", "nan"),
        ("language", "??"),
        ("languages[]", "??"),
        ("stream", "perhaps"),
        ("keywords", ",".join(f"w{n}" for n in range(200))),
        ("known_speaker_names[]", "Ann"),
    ],
)
def test_what_is_not_valid_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadRequest):
        parse((name, value))
