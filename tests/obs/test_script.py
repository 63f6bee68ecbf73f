"""The script for OBS in Lua in real OBS, with a real service that comes, goes, hangs and comes back.

One OBS for all of them: what happens to it in one test must not matter in the next.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.obs.bed import Obs, obs, wait
from tests.obs.flv import running_text, screens
from tests.support import as_wav, free_port, silence, speech

SENTENCES = [
    "The farmer sold his horse and bought a new truck.",
    "Please close the door when you leave the room.",
    "The meeting will begin at nine in the morning.",
    "It was raining so hard that we could not see the road.",
]
TOKEN = "sEcReT-token"
SWITCHES = 3  # to another collection of scenes and back


class Service:
    """The real command, in a process that can be stopped, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "surtitle.core.logs"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "surtitle", "serve", "--engine", "pocketsphinx", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        wait(self.answers, 60)

    def answers(self) -> bool:
        with suppress(OSError):
            return bool(self.get("/healthz"))
        return False

    def get(self, path: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + path, timeout=10) as answer:
            return json.load(answer)

    @property
    def sources(self) -> list[dict[str, Any]]:
        return list(self.get("/api/channels/main")["sources"])

    def seconds(self) -> float:
        """Of the sound that the live source has sent; 0 if there is none."""
        return max((source["seconds"] for source in self.sources if source["state"] == "live"), default=0.0)

    def hang(self) -> None:
        """It still accepts connections, and reads nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech for a media source, with a pause between the rounds."""
    path = tmp_path_factory.mktemp("media") / "speech.wav"
    path.write_bytes(as_wav(np.concatenate([*map(speech, SENTENCES), silence(1.5)])))
    return path


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service"))
    yield service
    service.kill()


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory, speaking: Path, service: Service) -> Iterator[Obs]:
    settings = {"server": service.url, "token": TOKEN, "name": "Stream", "captions": True}
    with obs(tmp_path_factory.mktemp("obs"), media=speaking, script=settings) as running:
        yield running


@contextmanager
def responsive(bed: Obs, seconds: float) -> Iterator[None]:
    """OBS always answers, renders frames, and does not use more and more memory."""
    before = bed.request("GetStats")
    memory = bed.memory
    yield
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        bed.request("GetStats")
        assert time.monotonic() - began < 5
        time.sleep(0.2)
    after = bed.request("GetStats")
    assert after["renderTotalFrames"] > before["renderTotalFrames"] + 2 * seconds
    assert bed.memory < memory + 20


def live(service: Service) -> None:
    """Sound arrives, and more and more of it."""
    wait(lambda: service.seconds() > 0, 40)
    least = service.seconds()

    def more() -> bool:
        nonlocal least
        seconds = service.seconds()
        least = min(least, seconds)  # the first look may have seen the source before this one, which has ended since
        return seconds > least + 1

    wait(more, 40)


def test_from_speech_to_the_stream(bed: Obs, service: Service) -> None:
    """The service is not there at first. What it recognizes then is what viewers get, word for word."""
    bed.stream()
    wait(lambda: "does not answer" in bed.log, 20)
    assert bed.alive
    service.start()
    live(service)
    wait(lambda: len(service.get("/api/channels/main/transcript.json")["captions"]) >= 6, 90)
    bed.request("SetInputMute", {"inputName": "Speech", "inputMuted": True})  # nothing is sent while all is muted
    wait(lambda: not service.sources, 20)
    time.sleep(6)  # the last words come and are cleared
    assert not service.sources
    captions = service.get("/api/channels/main/transcript.json")["captions"]
    bed.request("SetInputMute", {"inputName": "Speech", "inputMuted": False})
    live(service)
    assert [source["name"] for source in service.sources] == ["Stream"]
    shown = screens(bed.stop_stream())
    said = " ".join(caption["text"] for caption in captions)
    until_muted = shown[: max(number for number, screen in enumerate(shown) if not screen.rows) + 1]
    assert " ".join(running_text(until_muted)) == said.replace("'", "’")
    spoken = set(" ".join(SENTENCES).lower().replace(".", "").split())
    heard = said.lower().replace(".", "").split()
    assert sum(word in spoken for word in heard) > len(heard) / 2
    assert TOKEN not in bed.log
    wait(lambda: not service.seconds(), 20)  # it ends with the stream


def test_a_service_that_is_killed_and_comes_back(bed: Obs, service: Service) -> None:
    bed.stream()
    live(service)
    with responsive(bed, 4):
        service.kill()
    service.start()
    live(service)
    bed.stop_stream()


def test_a_service_that_hangs(bed: Obs, service: Service) -> None:
    """The service accepts the connection and never reads: OBS drops it, and ends its stream normally."""
    bed.stream()
    live(service)
    before = len(bed.log)
    with responsive(bed, 8):
        service.hang()
    wait(lambda: "no longer accepts audio" in bed.log[before:], 60)  # buffers of the system are full by then
    began = time.monotonic()
    bed.stop_stream()
    assert time.monotonic() - began < 10
    bed.stream()
    time.sleep(2)
    service.go_on()
    live(service)
    bed.stop_stream()


def test_the_hotkey_pauses_and_goes_on(bed: Obs, service: Service) -> None:
    bed.stream()
    live(service)
    bed.request("TriggerHotkeyByName", {"hotkeyName": "surtitle.pause"})
    wait(lambda: not service.sources, 20)
    time.sleep(1)
    assert not service.sources
    bed.request("TriggerHotkeyByName", {"hotkeyName": "surtitle.pause"})
    live(service)
    bed.stop_stream()


def test_another_collection_of_scenes_and_back(bed: Obs, service: Service) -> None:
    """The script is unloaded and loaded with its scenes, also while it is connected."""
    wait(lambda: released(bed), 30)  # the script leaves the output of a service that hangs to OBS
    for _ in range(SWITCHES):
        for name in ("Other", "Bed"):
            bed.request("SetCurrentSceneCollection", {"sceneCollectionName": name})
            wait(lambda: bed.request("GetSceneCollectionList")["currentSceneCollectionName"] == name)  # noqa: B023
    bed.stream()
    live(service)
    bed.stop_stream()


def test_the_overlay_is_added_once_and_filled(bed: Obs, service: Service) -> None:
    """Debian's OBS has no browser source, so it is a text."""
    window = scripts_window(bed)
    for y in range(150, 290, 8):  # where the button is depends on the lines of the status
        click(bed, window, 600, y)
        time.sleep(0.1)
    items = bed.request("GetSceneItemList", {"sceneName": "Main"})["sceneItems"]
    assert [item["sourceName"] for item in items].count("Surtitle captions") == 1
    click(bed, window, 729, 463)  # close
    bed.stream()
    live(service)

    def text() -> str:
        return str(bed.request("GetInputSettings", {"inputName": "Surtitle captions"})["inputSettings"]["text"])

    wait(lambda: {"door", "room", "horse", "truck", "road"} & set(text().lower().rstrip(".").split()), 40)
    assert len(text().split("\n")) <= 2
    bed.stop_stream()
    wait(lambda: text() == "", 20)
    bed.request("RemoveInput", {"inputName": "Surtitle captions"})


def released(bed: Obs) -> bool:
    """Whether no output of the script is left."""
    return bed.log.count("'Surtitle sound' (ffmpeg_output) created") == bed.log.count("'Surtitle sound' destroyed")


def test_a_hundred_reloads(bed: Obs, service: Service) -> None:
    """By the button of OBS's own dialog, while the script is connected to the service."""
    window = scripts_window(bed)
    loaded = reload(bed, window, 1)
    threads, memory = bed.threads, bed.memory
    reload(bed, window, loaded + 100)
    time.sleep(1)
    assert bed.threads <= threads + 2
    assert bed.memory < memory + 30
    click(bed, window, 729, 463)  # close
    bed.stream()
    live(service)
    bed.stop_stream()


def reload(bed: Obs, window: str, times: int, script: str = "lua script: surtitle.lua") -> int:
    """Click until the script was loaded so often, for OBS takes two quick clicks for one; how often it was."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        loaded = bed.log.count(f"Loaded {script}")
        if loaded >= times:
            return loaded
        click(bed, window, 122, 410)
        time.sleep(0.05)
    raise AssertionError("the script is not loaded again")


def script_lines(bed: Obs) -> str:
    """What the log says about scripts."""
    return "\n".join(line for line in bed.log.splitlines() if "[Lua" in line or "[obs-scripting]" in line)


def scripts_window(bed: Obs) -> str:
    """Open Tools, Scripts; the window's number."""
    bed.xdotool("mousemove", "378", "13", "click", "1")
    time.sleep(0.5)
    bed.xdotool("mousemove", "388", "147", "click", "1")
    search = ("search", "--onlyvisible", "--name", "^Scripts$")
    wait(lambda: bed.xdotool(*search), 10)
    return bed.xdotool(*search).split()[0]


def click(bed: Obs, window: str, x: int, y: int) -> None:
    bed.xdotool("mousemove", "--window", window, str(x), str(y), "click", "1")


def test_obs_ends_as_always(bed: Obs) -> None:
    """After all that, and with as many leaks as it has by itself: one, and one for each change of scenes."""
    bed.quit()
    assert f"Number of memory leaks: {1 + 2 * SWITCHES}" in bed.log
    assert "had an error" not in bed.log
    assert "Failed to" not in script_lines(bed)


@pytest.mark.parametrize("hangs", [False, True])
def test_obs_ends_while_connected(tmp_path: Path, speaking: Path, service: Service, hangs: bool) -> None:
    with obs(tmp_path, media=speaking, script={"server": service.url, "when": "always"}) as bed:
        live(service)
        if hangs:
            service.hang()
            time.sleep(0.5)
        bed.quit()
        assert "Number of memory leaks: 1" in bed.log
    service.go_on()
