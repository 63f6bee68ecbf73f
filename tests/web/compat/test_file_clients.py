"""Programs that people have send files to the real service, with real weights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment

from surtitle.audio import RATE
from surtitle.demo import SAMPLE
from surtitle.recordings import file_transcriptions
from tests.support import Running, as_wav, error_rate, load, need, publish, running, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:websockets.exceptions.InvalidStatusCode:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:websockets.legacy:DeprecationWarning"),
]

SPOKEN = " ".join(line.partition(": ")[2] for line in SAMPLE.with_suffix(".txt").read_text().splitlines())
MAX_ERRORS = 0.15  # of a small model on clear speech
MAX_LAG = (
    8.0  # seconds, which live captions keep on a slow computer: the lag budget, after which audio is skipped, is 10
)


@pytest_asyncio.fixture(scope="module")
async def service(whisper_tiny: Path) -> AsyncIterator[Running]:
    async with running(engine="whisper", model=str(whisper_tiny)) as service:
        yield service


@pytest.fixture
def normal_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests that run at the same time do not go first."""
    monkeypatch.setattr(file_transcriptions, "PROMPT", 0)


@pytest.mark.usefixtures("normal_priority")
async def test_the_openai_client(service: Running) -> None:
    client = openai.OpenAI(base_url=f"{service.url}/v1", api_key="unused")

    def ask() -> tuple[Any, str]:
        with SAMPLE.open("rb") as file, client:
            verbose = client.audio.transcriptions.create(
                file=file,
                model="whisper-1",
                response_format="verbose_json",
                timestamp_granularities=["word", "segment"],
                language="en",
                prompt="A show with live captions.",
            )
            file.seek(0)
            events = client.audio.transcriptions.create(file=file, model="whisper-1", stream=True)
            return verbose, "".join(event.delta for event in events if event.type == "transcript.text.delta")

    verbose, streamed = await asyncio.to_thread(ask)
    assert error_rate(SPOKEN, verbose.text) < MAX_ERRORS
    assert error_rate(SPOKEN, streamed) < MAX_ERRORS
    assert error_rate(SPOKEN, " ".join(word.word for word in verbose.words)) < MAX_ERRORS
    assert error_rate(SPOKEN, " ".join(segment.text for segment in verbose.segments)) < MAX_ERRORS
    starts = [word.start for word in verbose.words]
    assert starts == sorted(starts)
    assert verbose.duration == pytest.approx(len(load(SAMPLE)) / RATE, abs=0.1)


@pytest.mark.usefixtures("normal_priority")
async def test_the_deepgram_client(service: Running) -> None:
    url, socket_url = service.url, service.sockets
    environment = DeepgramClientEnvironment(base=url, production=socket_url, agent=socket_url, agent_rest=url)

    def ask() -> Any:
        with httpx.Client(timeout=300) as http:
            client = DeepgramClient(api_key="x", environment=environment, httpx_client=http)
            return client.listen.v1.media.transcribe_file(
                request=SAMPLE.read_bytes(), model="nova-3", smart_format=True, utterances=True
            )

    answer = await asyncio.to_thread(ask)
    alternative = answer.results.channels[0].alternatives[0]
    assert error_rate(SPOKEN, alternative.transcript) < MAX_ERRORS
    assert error_rate(SPOKEN, " ".join(one.transcript for one in answer.results.utterances)) < MAX_ERRORS
    assert len(answer.results.utterances) > 2


@pytest.mark.usefixtures("normal_priority")
async def test_curl(service: Running) -> None:
    process = await asyncio.create_subprocess_exec(
        need("curl"), "-sS", "-F", f"file=@{SAMPLE}", "-F", "model=whisper-1", "-F", "response_format=srt",
        f"{service.url}/v1/audio/transcriptions", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 300)
    cues = [cue.splitlines() for cue in output.decode().split("\n\n") if cue.strip()]
    assert [int(cue[0]) for cue in cues] == list(range(1, len(cues) + 1))
    assert error_rate(SPOKEN, " ".join(line for cue in cues for line in cue[2:])) < MAX_ERRORS


async def test_live_captions_go_first(service: Running) -> None:
    """While a file is recognized, live captions do not fall behind, and another file waits."""
    files, hub = service.services.file_transcriptions, service.services.hub
    await files._end_process()  # it has the priority of the tests before
    talk = as_wav(load(SAMPLE)[: 9 * RATE])
    spoken = " ".join(SPOKEN.split()[:19])
    lags: list[float] = []
    async with httpx.AsyncClient(base_url=service.url, timeout=300) as client:
        asking = [
            asyncio.create_task(client.post("/v1/listen?model=nova-3", content=talk, headers={"x-number": str(number)}))
            for number in range(2)
        ]
        await until(lambda: files.running and files.waiting == 2)
        live = asyncio.create_task(publish(service, load(SAMPLE)[: 9 * RATE], pace=1.0))
        while not live.done():
            lags += [source.stats.lag for source in hub.sources.of(hub.channel("main"))]
            await asyncio.sleep(0.1)
        said = await live
        answers = await asyncio.gather(*asking)
    assert max(lags) < MAX_LAG
    assert error_rate(spoken, said.text) < 0.4
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [error_rate(spoken, answer.json()["results"]["channels"][0]["alternatives"][0]["transcript"]) < 0.25
            for answer in answers] == [True, True]  # fmt: skip
