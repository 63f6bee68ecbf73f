"""`surtitle listen` and `surtitle ingest` on the command line; PulseAudio is the sound system."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support import Running, as_wav, free_port, missing, need, settled, sources, speech, transcript, until

TEXT = "The old clock on the wall has not worked for many years."
COMMAND = [sys.executable, "-m", "surtitle"]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    path.write_bytes(as_wav(speech(TEXT)))
    return path


@contextmanager
def pulseaudio(folder: Path) -> Iterator[dict[str, str]]:
    """A sound system with one output, which nobody hears; the environment in which programs find it."""
    folder.chmod(0o700)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    modules = ["module-null-sink sink_name=hall sink_properties=device.description=Hall", "module-native-protocol-unix"]
    command = [need("pulseaudio"), "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=1"]
    server = subprocess.Popen(
        [*command, *(f"--load={module}" for module in modules)], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        yield environment
    finally:
        server.terminate()
        server.wait(20)


async def start(*arguments: str, environment: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*COMMAND, *arguments, env=environment, stdout=pipe, stderr=pipe)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no outputs that nobody hears")
async def test_what_the_computer_plays_is_captioned(service: Running, talk: Path, tmp_path: Path) -> None:
    need("paplay")
    if find_spec("soundcard") is None:
        missing("soundcard is not installed: `make install` does it")
    with pulseaudio(tmp_path) as environment:
        await until((tmp_path / "pulse" / "native").exists)
        listing = await start("listen", "--list", environment=environment)
        out, _ = await asyncio.wait_for(listing.communicate(), 60)
        assert out.decode().split() == ["playback", "*", "Monitor", "of", "Hall"]
        port = service.url.rpartition(":")[2]
        options = ["--playback", "--language", "en", "--channel", "hall", "--port", port]
        listening = await start("listen", *options, environment=environment)
        await until(lambda: sources(service, "hall") == ["Computer"])
        player = await asyncio.create_subprocess_exec("paplay", str(talk), env=environment)
        assert await asyncio.wait_for(player.wait(), 60) == 0
        assert "clock" in (await settled(service, "hall")).lower()
        listening.send_signal(signal.SIGINT)
        _, shown = await asyncio.wait_for(listening.communicate(), 60)
        assert listening.returncode == 0
        assert b"clock" in shown.lower()
        assert not sources(service, "hall")


async def test_a_file_is_captioned_until_its_end(service: Running, talk: Path) -> None:
    process = await start("ingest", str(talk), "--channel", "file", "--language", "en", "--url", service.url)
    _, shown = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert shown.lower().count(b"clock") == 1
    assert (await transcript(service, "file")).lower().count("clock") == 1


async def test_standard_input_may_be_raw_samples(service: Running, talk: Path) -> None:
    options = ["--raw", "16000", "--channel", "pipe", "--language", "en", "--url", service.url]
    with talk.open("rb") as file:
        file.seek(44)
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "ingest", "-", *options, stdin=file, stderr=asyncio.subprocess.PIPE
        )
    _, shown = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, shown.lower().count(b"clock")) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ingest", "nothing.wav"], "There is no file"),
        (["ingest", "gopher://example.org"], "begins with one of"),
        (["ingest", "talk", "--raw", "16000"], "--raw is for standard input"),
    ],
)
async def test_what_cannot_be_read_is_one_sentence(arguments: list[str], message: str) -> None:
    process = await start(*arguments, "--url", f"http://127.0.0.1:{free_port()}")
    _, shown = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert message in shown.decode()
