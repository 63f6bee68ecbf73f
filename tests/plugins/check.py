"""Runs the plugins of LiveKit and pipecat against a running service, and compares what they hear with the text.

    surtitle serve --engine whisper
    python3 -m venv /tmp/plugins
    /tmp/plugins/bin/pip install -r tests/plugins/requirements.txt
    ffmpeg -i talk.mp3 -ar 24000 -ac 1 talk.wav
    /tmp/plugins/bin/python tests/plugins/check.py http://127.0.0.1:8000 talk.wav "$(cat talk.txt)"

They need 800 MB, so no test installs them. The exit status is 1 if a plugin heard less than four words in five.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import re
import sys
import wave
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

_PACE = 4.0  # times real time
_BLOCK = 0.05  # seconds
_SILENCE = 2.0  # seconds after the speech
_TIMEOUT = 300.0
_PATIENCE = 90.0  # seconds for the last words, on a busy machine
_LOOK = 0.5
_MIN_SHARE = 0.8  # of the words


class Sound:
    """A WAV file with 16-bit samples in one channel."""

    def __init__(self, path: str) -> None:
        with wave.open(path) as file:
            if file.getnchannels() != 1 or file.getsampwidth() != 2:
                sys.exit(f"{path} has to have one channel with 16 bits.")
            self.rate = file.getframerate()
            self.data = file.readframes(file.getnframes()) + bytes(2 * round(_SILENCE * self.rate))

    def blocks(self) -> Iterator[bytes]:
        size = 2 * round(_BLOCK * self.rate)
        for at in range(0, len(self.data), size):
            yield self.data[at : at + size].ljust(size, b"\0")


class Heard:
    """What a plugin reported of ``text``."""

    def __init__(self, text: str) -> None:
        self.finals: list[str] = []
        self.kinds: Counter[str] = Counter()
        self._text = text

    @property
    def share(self) -> float:
        return share(self._text, " ".join(self.finals))

    async def wait(self, listening: asyncio.Task[None] | None = None) -> None:
        """Wait until enough is heard, or ``listening`` has ended: some protocols have no message for the end."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while self.share < _MIN_SHARE and not (listening and listening.done()):
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            pass


async def livekit(heard: Heard, recognizer: Any, sound: Sound) -> None:
    """Run one of LiveKit's plugins until it has ended."""
    from livekit import rtc
    from livekit.agents import stt

    async with recognizer.stream() as stream:

        async def listen() -> None:
            async for event in stream:
                heard.kinds[str(event.type)] += 1
                if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                    heard.finals.append(event.alternatives[0].text)

        listening = asyncio.create_task(listen())
        for block in sound.blocks():
            stream.push_frame(rtc.AudioFrame(block, sound.rate, 1, len(block) // 2))
            await asyncio.sleep(_BLOCK / _PACE)
        stream.flush()
        stream.end_input()
        await heard.wait(listening)
        listening.cancel()


async def livekit_deepgram(heard: Heard, url: str, sound: Sound) -> None:
    import aiohttp
    from livekit.plugins import deepgram

    async with aiohttp.ClientSession() as session:
        recognizer = deepgram.STT(
            base_url=f"{url}/v1/listen", api_key="x", http_session=session, language="en", sample_rate=sound.rate
        )
        await livekit(heard, recognizer, sound)


async def livekit_openai(heard: Heard, url: str, sound: Sound) -> None:
    import aiohttp
    from livekit.plugins import openai

    async with aiohttp.ClientSession() as session:
        recognizer = openai.STT(
            base_url=f"{url}/v1", api_key="x", model="gpt-4o-transcribe", use_realtime=True, language="en"
        )
        recognizer._session = session
        await livekit(heard, recognizer, sound)


async def pipecat(heard: Heard, service: Any, sound: Sound) -> None:
    """Run one of pipecat's services in a pipeline."""
    from pipecat.frames.frames import (
        EndFrame,
        InputAudioRawFrame,
        InterimTranscriptionFrame,
        TranscriptionFrame,
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
    )
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.worker import PipelineParams, PipelineWorker
    from pipecat.processors.frame_processor import FrameProcessor
    from pipecat.workers.runner import WorkerRunner

    class Listener(FrameProcessor):
        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, TranscriptionFrame | InterimTranscriptionFrame):
                heard.kinds[type(frame).__name__] += 1
            if isinstance(frame, TranscriptionFrame):
                heard.finals.append(frame.text)
            await self.push_frame(frame, direction)

    worker = PipelineWorker(
        Pipeline([service, Listener()]),
        params=PipelineParams(audio_in_sample_rate=sound.rate),
        cancel_on_idle_timeout=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    running = asyncio.create_task(_run(runner, worker))
    await asyncio.sleep(2)
    await worker.queue_frame(VADUserStartedSpeakingFrame())
    for block in sound.blocks():
        await worker.queue_frame(InputAudioRawFrame(block, sound.rate, 1))
        await asyncio.sleep(_BLOCK / _PACE)
    await worker.queue_frame(VADUserStoppedSpeakingFrame())
    await heard.wait()
    await worker.queue_frame(EndFrame())
    await running


async def _run(runner: Any, worker: Any) -> None:
    await runner.add_workers(worker)
    await runner.run()


async def pipecat_deepgram(heard: Heard, url: str, sound: Sound) -> None:
    from pipecat.services.deepgram.stt import DeepgramSTTService

    await pipecat(heard, DeepgramSTTService(api_key="x", base_url=url.replace("http", "ws", 1)), sound)


async def pipecat_openai(heard: Heard, url: str, sound: Sound) -> None:
    from pipecat.services.openai.stt import OpenAIRealtimeSTTService

    socket = url.replace("http", "ws", 1)
    await pipecat(heard, OpenAIRealtimeSTTService(api_key="x", base_url=f"{socket}/v1/realtime"), sound)


PLUGINS: dict[str, Callable[[Heard, str, Sound], Awaitable[None]]] = {
    "livekit-deepgram": livekit_deepgram,
    "livekit-openai": livekit_openai,
    "pipecat-deepgram": pipecat_deepgram,
    "pipecat-openai": pipecat_openai,
}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def share(truth: str, text: str) -> float:
    """The share of the words that were heard, less those that were not said."""
    said, found = words(truth), words(text)
    same = sum(block.size for block in difflib.SequenceMatcher(None, said, found, autojunk=False).get_matching_blocks())
    return (same - max(0, len(found) - len(said))) / max(1, len(said))


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("sound")
    parser.add_argument("text")
    parser.add_argument("--only", choices=PLUGINS, help="one plugin instead of all")
    options = parser.parse_args()
    sound, worst = Sound(options.sound), 1.0
    for name, check in PLUGINS.items():
        if options.only not in (None, name):
            continue
        heard = Heard(options.text)
        async with asyncio.timeout(_TIMEOUT):
            await check(heard, options.url, sound)
        worst = min(worst, heard.share)
        print(f"{name}: {heard.share:.0%} of the words, {dict(heard.kinds)}")
        print(f"    {heard.finals}")
    return int(worst < _MIN_SHARE)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
