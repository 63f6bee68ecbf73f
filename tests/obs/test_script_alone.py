"""What of the OBS script cannot be run in Debian's OBS, with a stand-in for the module that OBS gives it.

The browser source, and sound in more than two channels: everything else is in `test_script.py`.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType
from unittest.mock import MagicMock

import pytest

from tests.obs.bed import PYTHON_SCRIPT


@pytest.fixture
def obs(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """Stands for obspython: does nothing, and keeps what it was asked."""
    module = MagicMock()
    module.obs_frontend_streaming_active.return_value = False
    module.obs_frontend_recording_active.return_value = False
    module.obs_get_source_by_name.return_value = None
    module.obs_audio_info.return_value = MagicMock(speakers=2, samples_per_sec=48000)
    module.obs_video_info.return_value = MagicMock(base_width=2560, base_height=1440)
    monkeypatch.setitem(sys.modules, "obspython", module)
    return module


@pytest.fixture
def script(obs: MagicMock) -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("surtitle_obs", PYTHON_SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module.script_unload()


def test_the_recording_is_reported_when_it_changes_and_now_and_then(
    script: ModuleType, obs: MagicMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    reports: list[dict[str, object]] = []

    def report(chosen: object, path: str, *, body: dict[str, object]) -> MagicMock:
        reports.append({"path": path, **body})
        return MagicMock(done=True, error="")

    monkeypatch.setattr(script, "Call", report)
    monkeypatch.setattr(script.time, "monotonic", lambda: now)
    obs.obs_frontend_recording_paused.return_value = False
    obs.obs_video_info.return_value.configure_mock(fps_num=30000, fps_den=1001)
    obs.obs_data_get_string.return_value = "/videos/talk.mkv"
    surtitle = script.Surtitle()
    surtitle._watch_recording()
    assert reports == []
    obs.obs_frontend_recording_active.return_value = True
    obs.obs_output_get_total_frames.return_value = 300
    for seconds in (101.0, 102.0, 104.0):
        now = seconds
        surtitle._watch_recording()
    told = {"path": "/api/channels/main/obs/recording", "active": True, "paused": False, "file": "/videos/talk.mkv"}
    assert reports == [{**told, "position": 10.01}] * 2
    obs.obs_frontend_recording_paused.return_value = True
    surtitle._watch_recording()
    obs.obs_frontend_recording_active.return_value = False
    surtitle._watch_recording()
    surtitle._watch_recording()
    assert [(one["active"], one["paused"], one["file"]) for one in reports[2:]] == [
        (True, True, "/videos/talk.mkv"),
        (False, False, "/videos/talk.mkv"),
    ]


def test_older_pythons_read_it() -> None:
    ast.parse(PYTHON_SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(PYTHON_SCRIPT.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) == {"obspython"}


def test_the_overlay_is_a_browser_source_as_large_as_the_picture(script: ModuleType, obs: MagicMock) -> None:
    obs.obs_get_source_output_flags.return_value = 1
    obs.obs_scene_find_source.return_value = None
    script.surtitle.chosen.channel = "Küche 2"
    script.add_overlay(None, None)
    told = {call.args[1]: call.args[2] for call in obs.obs_data_set_string.call_args_list}
    assert told["url"] == "http://127.0.0.1:8000/overlay/K%C3%BCche%202"
    sizes = {call.args[1]: call.args[2] for call in obs.obs_data_set_int.call_args_list}
    assert sizes == {"width": 2560, "height": 1440}
    assert obs.obs_source_create.call_args.args[:2] == ("browser_source", "Surtitle overlay")
    obs.obs_scene_add.assert_called_once()


def test_the_overlay_has_a_token_where_the_service_wants_one(script: ModuleType, obs: MagicMock) -> None:
    """One that can only view, which the service tells: the one in the settings may do more, and stays there."""
    obs.obs_get_source_output_flags.return_value = 1
    script.surtitle.chosen.server, script.surtitle.chosen.token = "https://captions.example", "publishes"
    script.surtitle._state = {"event": "state", "page": "http://10.0.0.1:8000/overlay/main?token=views"}
    script.add_overlay(None, None)
    told = {call.args[1]: call.args[2] for call in obs.obs_data_set_string.call_args_list}
    assert told["url"] == "https://captions.example/overlay/main?token=views"


def test_surround_sound_is_told(script: ModuleType, obs: MagicMock) -> None:
    obs.obs_audio_info.return_value.speakers = 6
    script.surtitle.tick()
    assert "choose Stereo" in script.surtitle.status()
    obs.obs_output_create.assert_not_called()


def test_settings_count_when_nobody_types_any_more(
    script: ModuleType, obs: MagicMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OBS tells of each key that is pressed. New settings make a new source; those of captions leave it alone."""
    now = 100.0
    monkeypatch.setattr(script.time, "monotonic", lambda: now)
    surtitle = script.surtitle
    surtitle.tick()
    first = surtitle._resume
    for server in ("http://127.0.0.1:1", "http://127.0.0.1:12"):
        settings = script.Settings()
        settings.server = server
        surtitle.choose(settings)
        surtitle.tick()
    assert surtitle.chosen.server == "http://127.0.0.1:8000"
    now += 1
    surtitle.tick()
    assert surtitle.chosen.server == "http://127.0.0.1:12"
    second = surtitle._resume
    assert second != first
    settings = script.Settings()
    settings.server, settings.captions = "http://127.0.0.1:12", True
    surtitle.choose(settings)
    now += 1
    surtitle.tick()
    assert surtitle.chosen.captions
    assert surtitle._resume == second


def test_sound_that_worked_is_sent_again_at_once(
    script: ModuleType, obs: MagicMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that lets a source last for a while only ends its connection in a pause."""
    now = 100.0
    monkeypatch.setattr(script.time, "monotonic", lambda: now)
    surtitle = script.surtitle
    surtitle.chosen.when = "always"
    surtitle._muted = False
    monkeypatch.setattr(surtitle, "_watch_feed", lambda: None)
    monkeypatch.setattr(script, "muted", lambda chosen: False)
    obs.obs_output_start.return_value = obs.obs_output_active.return_value = True
    surtitle._ticket = "first"
    surtitle.tick()
    now += 60.0
    surtitle.tick()
    assert surtitle._sound.connected
    obs.obs_output_active.return_value = False
    surtitle._ticket = "second"  # which the feed brings when the source is without a client
    surtitle.tick()
    assert surtitle._sound.output is None
    now += 0.1
    surtitle.tick()
    urls = [call.args[2] for call in obs.obs_data_set_string.call_args_list if call.args[1] == "url"]
    assert [url.partition("=")[2] for url in urls] == ["first", "second"]
    now += 10.0  # and from then on with the usual pause
    surtitle._ticket = "third"
    surtitle.tick()
    assert surtitle._sound.output is None
    now += 0.1
    surtitle.tick()
    assert surtitle._sound.output is None


@pytest.mark.parametrize(
    ("typed", "server"),
    [
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("https://example.org/a/café live/", "https://example.org/a/caf%C3%A9%20live"),
        ("https://example.org/caf%C3%A9", "https://example.org/caf%C3%A9"),
        ("example.org/captions", "example.org/captions"),
    ],
)
def test_the_path_of_the_server_is_encoded(script: ModuleType, obs: MagicMock, typed: str, server: str) -> None:
    obs.obs_data_get_string.return_value = typed
    assert script.Settings(MagicMock()).server == server


def test_the_server_may_be_below_a_path(script: ModuleType) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ok"}')

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        script.surtitle.chosen.server = f"http://127.0.0.1:{server.server_port}/captions"
        call = script.Call(script.surtitle.chosen, script.surtitle.chosen.path("obs"))
        call.join(10)
        thread.join(10)
    assert asked == ["/captions/api/channels/main/obs"]
    assert call.answer == {"status": "ok"}
    assert script.surtitle.overlay_page == f"{script.surtitle.chosen.server}/overlay/main"
