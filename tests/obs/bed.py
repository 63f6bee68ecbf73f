"""A real OBS without a screen: Xvfb, OBS, and an RTMP server that records what viewers get."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import obsws_python
import psutil
import pytest

from tests.support import free_port, need

LUA_SCRIPT = Path(__file__).parents[2] / "obs_overlay" / "surtitle.lua"
PYTHON_SCRIPT = LUA_SCRIPT.with_name("surtitle_obs.py")
PASSWORD = "correct-horse"
FPS = 15
_VERSION = 29
_RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
_SYSTEM = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

_GLOBAL = """[General]
Pre19Defaults=false
Pre21Defaults=false
Pre23Defaults=false
Pre24.1Defaults=false
FirstRun=true
LastVersion=486539266
EnableAutoUpdates=false
ConfirmOnExit=false
Language=en-US
[Basic]
Profile=Bed
ProfileDir=Bed
SceneCollection=Bed
SceneCollectionFile=Bed
[BasicWindow]
SysTrayEnabled=false
WarnBeforeStartingStream=false
WarnBeforeStoppingStream=false
[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort={port}
AlertsEnabled=false
AuthRequired=true
ServerPassword={password}
"""

_PROFILE = """[General]
Name=Bed
[Output]
Mode=Simple
Reconnect=true
RetryDelay=2
DelayEnable={delayed}
DelaySec={delay}
[SimpleOutput]
FilePath={folder}
RecFormat=mkv
VBitrate=400
ABitrate=96
UseAdvanced=true
Preset=ultrafast
StreamEncoder=x264
x264Settings=keyint=30
RecQuality=Stream
[Video]
BaseCX=320
BaseCY=180
OutputCX=320
OutputCY=180
FPSType=1
FPSInt={fps}
[Audio]
SampleRate=48000
ChannelSetup=Stereo
"""

_NGINX = """load_module {module};
daemon off; master_process off; worker_processes 1;
error_log {folder}/nginx.log info; pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; chunk_size 4096;
  application live {{ live on; record all; record_path {folder}; record_suffix -%s.flv; }} }} }}
"""


@dataclass
class Obs:
    """A running OBS; ``request`` asks it through obs-websocket."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    display: str
    _client: list[Any] = field(default_factory=list)

    @property
    def log(self) -> str:
        return (self.folder / "obs.log").read_text(errors="replace")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def memory(self) -> float:
        """Megabytes."""
        return float(psutil.Process(self.process.pid).memory_info().rss / 1e6)

    @property
    def cpu(self) -> float:
        """Seconds of processor time used so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def threads(self) -> int:
        return int(psutil.Process(self.process.pid).num_threads())

    @property
    def recording(self) -> Path:
        """The newest stream as its viewers got it."""
        return max(self.folder.glob("bed-*.flv"), key=lambda path: path.stat().st_mtime)

    def request(self, name: str, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        if not self._client:
            self._client.append(obsws_python.ReqClient(host="127.0.0.1", port=self.port, password=PASSWORD, timeout=30))
        return dict(self._client[0].send(name, dict(data) if data else None, raw=True) or {})

    def stream(self) -> None:
        self.request("StartStream")
        wait(lambda: self.request("GetStreamStatus")["outputTimecode"] > "00:00:00.500", 30)

    def stop_stream(self) -> Path:
        """End the stream; the recording of it."""
        self.request("StopStream")
        wait(lambda: not self.request("GetStreamStatus")["outputActive"], 30)
        time.sleep(0.5)  # the server closes its file
        return self.recording

    def quit(self, timeout: float = 30) -> None:
        """By its menu, as a person does it. (OBS 29 has a handler for SIGINT, which can deadlock it.)"""
        if self._client:
            self._client.pop().disconnect()
        deadline = time.monotonic() + timeout
        while self.alive and time.monotonic() < deadline:
            self.xdotool("search", "--onlyvisible", "--name", "Profile: Bed", "windowfocus")
            self.xdotool("key", "Escape", "alt+f")
            time.sleep(0.3)
            self.xdotool("key", "x")
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        assert not self.alive, "OBS does not end"

    def xdotool(self, *arguments: str) -> str:
        """Use mouse and keyboard; what xdotool prints."""
        environment = {"DISPLAY": self.display, "PATH": _SYSTEM}
        done = subprocess.run(
            ["xdotool", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=20
        )
        return done.stdout


def wait(true: Callable[[], Any], timeout: float = 20) -> None:
    """Look until it is true."""
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.1)


@contextmanager
def obs(
    folder: Path,
    *,
    media: Path | None = None,
    script: Mapping[str, Any] | None = None,
    file: Path = LUA_SCRIPT,
    delay: int = 0,
    fps: int = FPS,
) -> Iterator[Obs]:
    """OBS with one scene: a color, and ``media`` in a loop; ``script`` holds the settings of our script in ``file``."""
    for tool in ("obs", "Xvfb", "nginx", "xdotool"):
        need(tool)
    if not _RTMP_MODULE.exists():
        pytest.fail("libnginx-mod-rtmp is missing") if os.environ.get("CI") else pytest.skip("no libnginx-mod-rtmp")
    version = subprocess.run(["obs", "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    if not re.search(rf"\b{_VERSION}\.", version):
        pytest.skip(f"these tests know the files and the windows of OBS {_VERSION}, and this is {version.strip()}")
    port, rtmp = free_port(), free_port()
    scripts = [] if script is None else [{"path": str(file), "settings": dict(script)}]
    _configure(folder, port, rtmp, media, scripts, delay, fps)
    with ExitStack() as stack:
        display = stack.enter_context(_display(folder))
        nginx = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        if os.getuid() == 0:
            nginx += ["-g", "user root;"]
        stack.enter_context(_process(folder, "nginx", nginx, {"PATH": _SYSTEM}))
        environment = {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "DISPLAY": display,
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "QT_QPA_PLATFORM": "xcb",
            "LC_ALL": "C.UTF-8",
            "PATH": _SYSTEM,
            "http_proxy": "http://127.0.0.1:9",  # OBS asks its makers for news at every start
            "https_proxy": "http://127.0.0.1:9",
            "no_proxy": "127.0.0.1,localhost",
        }
        command = [
            *("obs", "--multi", "--disable-updater", "--disable-missing-files-check", "--unfiltered_log", "--verbose"),
            *("--websocket_ipv4_only", "--collection", "Bed", "--profile", "Bed"),
        ]
        process = stack.enter_context(_process(folder, "obs", command, environment))
        running = Obs(process, folder, port, display)
        wait(lambda: _ready(running), 60)
        yield running
        if running.alive:
            running.quit()


def _ready(running: Obs) -> bool:
    assert running.alive, running.log[-3000:]
    try:
        running.request("GetVersion")
    except (OSError, ValueError, obsws_python.error.OBSSDKError):
        return False
    return True


@contextmanager
def _process(
    folder: Path, name: str, command: list[str], environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


@contextmanager
def _display(folder: Path) -> Iterator[str]:
    """A screen that nobody sees; its number is Xvfb's choice."""
    reading, writing = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writing),
        "-screen",
        "0",
        "1280x720x24",
        "-nolisten",
        "tcp",
        "+extension",
        "GLX",
    ]
    process = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
    finally:
        process.terminate()
        process.wait(5)


def _configure(
    folder: Path, port: int, rtmp: int, media: Path | None, scripts: list[dict[str, Any]], delay: int, fps: int
) -> None:
    config = folder / "config" / "obs-studio"
    profile = config / "basic" / "profiles" / "Bed"
    scenes = config / "basic" / "scenes"
    for directory in (profile, scenes):
        directory.mkdir(parents=True, exist_ok=True)
    (folder / "run").mkdir(mode=0o700, exist_ok=True)
    (config / "global.ini").write_text(_GLOBAL.format(port=port, password=PASSWORD))
    delayed = str(delay > 0).lower()
    (profile / "basic.ini").write_text(_PROFILE.format(folder=folder, fps=fps, delay=delay, delayed=delayed))
    target = {"server": f"rtmp://127.0.0.1:{rtmp}/live", "key": "bed", "use_auth": False, "bwtest": False}
    (profile / "service.json").write_text(json.dumps({"type": "rtmp_custom", "settings": target}))
    (scenes / "Bed.json").write_text(json.dumps(collection("Bed", media, scripts)))
    (scenes / "Other.json").write_text(json.dumps(collection("Other", None, [])))
    (folder / "nginx.conf").write_text(_NGINX.format(module=_RTMP_MODULE, folder=folder, port=rtmp))


def collection(name: str, media: Path | None, scripts: list[dict[str, Any]]) -> dict[str, Any]:
    """A scene collection as OBS keeps it."""
    sources: list[dict[str, Any]] = [
        {"id": "color_source_v3", "name": "Backdrop", "settings": {"color": 4283782485, "width": 320, "height": 180}}
    ]
    if media is not None:
        playing = {"local_file": str(media), "is_local_file": True, "looping": True, "restart_on_activate": False}
        sources.append({"id": "ffmpeg_source", "name": "Speech", "mixers": 255, "volume": 1.0, "settings": playing})
    items = [
        {"name": source["name"], "id": number, "visible": True, "align": 5}
        for number, source in enumerate(sources, start=1)
    ]
    scene = {"id": "scene", "name": "Main", "settings": {"id_counter": len(items), "items": items}}
    return {
        "name": name,
        "current_scene": "Main",
        "current_program_scene": "Main",
        "scene_order": [{"name": "Main"}],
        "modules": {"scripts-tool": scripts},
        "sources": [scene, *sources],
    }
