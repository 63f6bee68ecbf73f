"""The script for OBS in Lua without OBS: in a LuaJIT of our own, with a stand-in for the module that OBS gives it.

Its sockets are real ones of this system, also on Windows. What needs OBS is in `test_script.py`.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import psutil
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.obs.bed import LUA_SCRIPT, wait
from tests.support import free_port, need

luajit = pytest.importorskip("lupa.luajit21", reason="lupa has no LuaJIT on macOS", exc_type=ImportError)

HEAD = "HTTP/1.1 200 OK\r\ncontent-type: {}\r\n"
LINES = HEAD.format("application/x-ndjson")
STATE = {
    "event": "state",
    "source": {"name": "OBS", "state": "live", "engine": "whisper", "seconds": 12, "lag": 0.4},
    "caption": "Küche “ok”",
    "closed_captions": "script",
    "refusal": "",
}


@pytest.fixture
def obs() -> MagicMock:
    """Stands for obslua: does nothing, and keeps what it was asked. Its clock stands still until it is moved."""
    return fake_obs()


def fake_obs() -> MagicMock:
    module = MagicMock()
    module.now = 100.0
    module.os_gettime_ns.side_effect = lambda: module.now * 1e9
    module.obs_frontend_streaming_active.return_value = False
    module.obs_frontend_recording_active.return_value = False
    module.obs_frontend_recording_paused.return_value = False
    module.obs_get_source_by_name.return_value = None
    module.obs_enum_sources.return_value = None
    module.obs_output_get_active_delay.return_value = 0
    module.obs_audio_info.return_value = SimpleNamespace(speakers=2, samples_per_sec=48000)
    module.obs_video_info.return_value = SimpleNamespace(base_width=2560, base_height=1440, fps_num=30000, fps_den=1001)
    module.vec2.return_value = SimpleNamespace()
    return module


# Lupa may mistake one Python object for another once Lua has collected a reference to it (scoder/lupa#294).
# So Lua keeps each function and constant of OBS after the first use, and all that functions return.
_KEPT = """
return function(look_up)
    local kept = {}
    local function keep(...)
        kept[#kept + 1] = {...}
        return ...
    end
    return setmetatable({}, {
        __index = function(names, name)
            local found = keep(look_up(name))
            names[name] = name:find("^%u") and found or function(...) return keep(found(...)) end
            return names[name]
        end,
    })
end
"""


def load(obs: MagicMock) -> Any:
    """The script's internals, in a LuaJIT of its own; its functions for OBS are in ``globals``."""
    lua = luajit.LuaRuntime(unpack_returned_tuples=True, register_builtins=False)
    lua.globals().obslua = lua.execute(_KEPT)(lambda name: getattr(obs, name))
    internals = lua.execute(LUA_SCRIPT.read_text(encoding="utf-8"))
    internals.globals = lua.globals()
    internals.table_from = lua.table_from
    return internals


@pytest.fixture
def script(obs: MagicMock) -> Iterator[Any]:
    internals = load(obs)
    yield internals
    internals.globals.script_unload()
    assert warnings(obs) == []


def warnings(obs: MagicMock) -> list[str]:
    return [call.args[1] for call in obs.script_log.call_args_list if call.args[0] is obs.LOG_WARNING]


def told(setter: MagicMock) -> dict[str, Any]:
    """What OBS's data was given, by name."""
    return {call.args[1]: call.args[2] for call in setter.call_args_list}


def options(script: Any, **changed: Any) -> Any:
    """Settings as the script has them."""
    return script.table_from({**dict(script.surtitle.chosen), **changed})


class Server:
    """A service on a socket that answers each request with ``parts``, one after the other, and keeps the requests."""

    def __init__(self, *parts: str | bytes, closes: bool = True) -> None:
        self.requests: list[bytes] = []
        self._parts = [part.encode() if isinstance(part, str) else part for part in parts]
        self._closes = closes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.05)  # closing it does not wake `accept` everywhere
        self._open: list[socket.socket] = []
        self.port = int(self._listening.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._open.append(connection)
            connection.settimeout(10)
            with suppress(OSError):  # the script may close it at any time
                self.requests.append(connection.recv(65536))
                for part in self._parts:
                    connection.sendall(part)
                    time.sleep(0.02)  # so that they do not arrive together
            if self._closes:
                connection.close()

    def close(self) -> None:
        for connection in [self._listening, *self._open]:
            connection.close()
        self._thread.join(10)


@contextmanager
def serving(*parts: str | bytes, closes: bool = True) -> Iterator[Server]:
    server = Server(*parts, closes=closes)
    try:
        yield server
    finally:
        server.close()


def ask(script: Any, server: str, path: str = "/healthz", token: str = "", body: str | None = None) -> Any:
    """One request, until it is done or has lines."""
    chosen = script.table_from({"server": server, "token": token})
    request = script.Request.new(chosen, path, None, body)
    step(request, lambda: request.done or len(request.lines) > 0)
    return request


def step(request: Any, true: Callable[[], bool]) -> None:
    def look() -> bool:
        request.step(request)
        return true()

    wait(look, 20)


json_values = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def as_python(value: Any) -> Any:
    """Lua knows no difference between a list and an object that are empty."""
    if luajit.lua_type(value) == "table":
        items = dict(value.items())
        if set(items) == set(range(1, len(items) + 1)):
            return [as_python(items[number]) for number in range(1, len(items) + 1)]
        return {key: as_python(item) for key, item in items.items()}
    return value


def as_lua(value: Any) -> Any:
    """What Lua makes of a value: its numbers are floats, and an empty object is an empty list."""
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, dict):
        return {key: as_lua(item) for key, item in value.items()} or []
    return [as_lua(item) for item in value] if isinstance(value, list) else value


_shared = load(fake_obs())


@given(json_values, st.booleans())
def test_json_is_read_as_python_reads_it(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert as_python(_shared.json.decode(text)) == as_lua(value)


@given(st.text(st.sampled_from('{}[]",:\\u0e1-.tfn ') | st.characters(max_codepoint=0x17F), max_size=30))
def test_what_is_not_json_is_refused(text: str) -> None:
    """It is never misread, and an error is the only other thing that happens."""
    assume("\\ud" not in text.lower())  # half a character has no UTF-8
    try:
        expected = json.loads(text)
    except ValueError:
        with suppress(luajit.LuaError):  # it may be more tolerant of numbers
            _shared.json.decode(text)
        return
    assume(not {"null", "NaN", "Infinity"} & set(re.findall("[A-Za-z]+", text)))  # which Lua cannot compare
    assert as_python(_shared.json.decode(text)) == as_lua(expected)


@given(st.text(st.characters(codec="utf-8")), st.floats(0, 1e6), st.booleans())
def test_json_is_written(file: str, position: float, active: bool) -> None:
    told = {"file": file, "position": position, "active": active}
    read = json.loads(_shared.json.encode(_shared.table_from(told)))
    assert read == {**told, "position": pytest.approx(position)}


@pytest.mark.parametrize("deep", ["[" * 100000, '{"a":' * 100000])
def test_deep_json_is_refused(script: Any, deep: str) -> None:
    with pytest.raises(luajit.LuaError, match="not JSON"):
        script.json.decode(deep)


def test_an_answer_comes_whole_whatever_its_pieces(script: Any, obs: MagicMock) -> None:
    body = json.dumps({"status": "ok"})
    head = HEAD.format("application/json")
    chunks = "".join(f"{len(part):x}\r\n{part}\r\n" for part in (body[:5], body[5:])) + "0\r\n\r\n"
    pieces = [
        (f"{head}content-length: {len(body)}\r\n\r\n{body}",),
        (head[:10], head[10:], f"content-length: {len(body)}\r\n\r\n", body[:3], body[3:]),
        (f"{head}\r\n", body),
        (f"{head}Transfer-Encoding: chunked\r\n\r\n", *(chunks[at : at + 4] for at in range(0, len(chunks), 4))),
    ]
    for parts in pieces:
        with serving(*parts) as server:
            request = ask(script, server.url)
            assert (request.error, request.answer["status"]) == (None, "ok")


def test_requests_have_what_the_service_asks_for(script: Any, obs: MagicMock) -> None:
    with serving(HEAD.format("application/json") + '\r\n{"status":"noted"}') as server:
        assert ask(script, server.url + "/below", "/api?x=1", token="sEcReT", body='{"active":true}').answer is not None
        (request,) = server.requests
    head, _, body = request.decode().partition("\r\n\r\n")
    assert head.splitlines()[0] == "POST /below/api?x=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in head
    assert "Authorization: Bearer sEcReT" in head
    assert "Content-Length: 15" in head
    assert body == '{"active":true}'


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("SSH-2.0-OpenSSH\r\n\r\n", "What answers at {} is not Surtitle: check the address"),
        ("", "The service at {} does not answer (connection closed): start it"),
        ("HTTP/1.1 500 No\r\n\r\nwhat", "The service answers with 500."),
        ('HTTP/1.1 401 No\r\n\r\n{"message":"A valid token is required."}', "A valid token is required."),
        (f"{LINES}\r\nwhat\n", "The service at {} does not answer (its answer cannot be read): start it"),
        (f"{LINES}\r\n" + "x" * 100000, "The service at {} does not answer (its answer is too long): start it"),
        ("x" * 100000, "The service at {} does not answer (its answer is too long): start it"),
        (
            f"{LINES}transfer-encoding: chunked\r\n\r\nfffffff0\r\n" + "x" * 100000,
            "The service at {} does not answer (its answer is too long): start it",
        ),
        (
            f"{LINES}transfer-encoding: chunked\r\n\r\n" + "f" * 100000,
            "The service at {} does not answer (its answer is too long): start it",
        ),
    ],
)
def test_a_bad_answer_is_one_sentence(script: Any, answer: str, sentence: str) -> None:
    with serving(answer) as server:
        request = ask(script, server.url)
        assert request.error == sentence.format(server.url)


def test_a_service_that_does_not_answer(script: Any, obs: MagicMock) -> None:
    """It is refused, or nothing comes in time."""
    url = f"http://127.0.0.1:{free_port()}"
    assert ask(script, url).error == f"The service at {url} does not answer (connection refused): start it"
    with serving(LINES, "\r\n", closes=False) as server:
        chosen = script.table_from({"server": server.url, "token": ""})
        request = script.Request.new(chosen, "/", None, None)
        step(request, lambda: len(server.requests) == 1)
        request.step(request)
        assert not request.done
        obs.now += 5.1
        step(request, lambda: bool(request.done))
        assert request.error == f"The service at {server.url} does not answer (no answer in time): start it"


def test_localhost_is_either_family(script: Any, obs: MagicMock) -> None:
    with serving(HEAD.format("application/json") + "\r\n{}") as server:
        assert ask(script, f"http://localhost:{server.port}").error is None
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6")
    with listening:
        port = listening.getsockname()[1]
        for name in ("localhost", "[::1]"):
            chosen = script.table_from({"server": f"http://{name}:{port}", "token": ""})
            request = script.Request.new(chosen, "/", None, None)
            listening.setblocking(False)
            accepted: list[socket.socket] = []

            def arrived(accepted: list[socket.socket] = accepted) -> bool:
                try:
                    accepted.append(listening.accept()[0])
                except BlockingIOError:
                    return False
                return True

            step(request, arrived)
            request.cancel(request)
            accepted[0].close()


@pytest.mark.parametrize(
    ("server", "advice"),
    [
        ("https://captions.example", "cannot use https: write an http:// address, or use surtitle_obs.py"),
        ("http://captions.example:8000", "cannot look up the name captions.example: write its numeric address"),
        ("127.0.0.1:8000", "write it like http://127.0.0.1:8000"),
        ("http://127.0.0.1:99999", "write it like http://127.0.0.1:8000"),
        ("http://user@127.0.0.1", "write it like http://127.0.0.1:8000"),
        ("", "write it like http://127.0.0.1:8000"),
    ],
)
def test_a_server_out_of_reach_is_explained(script: Any, obs: MagicMock, server: str, advice: str) -> None:
    script.surtitle.chosen = options(script, server=server)
    script.surtitle.tick(script.surtitle)
    script.surtitle.tick(script.surtitle)
    assert advice in script.surtitle.status(script.surtitle)


def test_luacheck_finds_nothing() -> None:
    done = subprocess.run(
        [need("luacheck"), "--no-color", LUA_SCRIPT.name],
        cwd=LUA_SCRIPT.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout


def test_the_feed_is_followed(script: Any, obs: MagicMock) -> None:
    """What the service sends is what viewers see and what the status says."""
    surtitle = script.surtitle
    lines = [
        {"event": "screen", "text": "please close\nthe door"},
        {"event": "overlay", "text": "the door"},
        STATE,
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    with serving(f"{LINES}\r\n", text[:70], text[70:], closes=False) as server:
        surtitle.chosen = options(script, server=server.url, captions=True, when="always", name="Ada & Bob")
        obs.obs_frontend_streaming_active.return_value = True
        obs.obs_output_get_active_delay.return_value = 20

        def look() -> bool:
            surtitle.tick(surtitle)
            return bool(surtitle.is_answered(surtitle))

        wait(look, 20)
        path = server.requests[0].split()[1].decode()
    assert path.startswith("/api/channels/main/obs?rate=48000&channels=2&overlay=1&source=Ada%20%26%20Bob")
    assert path.endswith("&captions=1&delay=0&picture=20&captions_lang=")
    assert obs.obs_output_output_caption_text2.call_args.args[1:] == ("please close\nthe door", 0.0)
    surtitle._sound.connected = True
    status = "Connected (whisper), 12 s sent, lag 0.4 s, closed captions: script, last caption: Küche “ok”"
    assert surtitle.status(surtitle) == status


@pytest.mark.parametrize(
    ("typed", "server"),
    [
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://127.0.0.1/a/café/", "http://127.0.0.1/a/caf%C3%A9"),
        ("http://127.0.0.1/caf%C3%A9", "http://127.0.0.1/caf%C3%A9"),
    ],
)
def test_the_path_of_the_server_is_encoded(script: Any, obs: MagicMock, typed: str, server: str) -> None:
    obs.obs_data_get_string.side_effect = lambda data, name: typed if name == "server" else ""
    obs.obs_data_get_int.return_value, obs.obs_data_get_double.return_value = 1, 0.0
    script.globals.script_update(script.table_from({}))
    assert script.surtitle.chosen.server == server


def test_the_test_button_waits_for_nothing(script: Any, obs: MagicMock) -> None:
    """It says what is known, and tries again at once what would have to wait."""
    surtitle = script.surtitle
    url = f"http://127.0.0.1:{free_port()}"
    surtitle.chosen = options(script, server=url)

    def look() -> bool:
        surtitle.tick(surtitle)
        return "refused" in str(surtitle.problem)

    wait(look, 20)
    assert surtitle._retry.feed[1] > obs.now
    assert script.test_connection(None) is True
    shown = obs.obs_property_set_description.call_args.args[1]
    assert "connection refused" in shown
    assert "press once more" in shown
    assert surtitle._retry.feed[1] == 0
    surtitle._feed, surtitle._state = script.table_from({"cancel": lambda request: None}), script.table_from(STATE)
    script.test_connection(None)
    assert "the service answers" in obs.obs_property_set_description.call_args.args[1]


def test_an_error_in_the_script_is_logged_and_passes(obs: MagicMock) -> None:
    script = load(obs)
    surtitle = script.surtitle
    script.globals.script_load(None)
    tick = obs.timer_add.call_args.args[0]
    obs.obs_audio_info.side_effect = RuntimeError("no audio")
    tick()
    assert ["no audio" in text for text in warnings(obs)] == [True]
    tick()
    assert len(warnings(obs)) == 1  # it rests, and does not fill the log
    assert "script log" in surtitle.status(surtitle)
    obs.obs_audio_info.side_effect = None
    obs.now += 16
    tick()
    assert surtitle._feed is not None
    script.globals.script_unload()


def test_many_loads_leave_no_socket() -> None:
    with serving(LINES, "\r\n", closes=False) as server:
        for _ in range(20):
            obs = fake_obs()
            script = load(obs)
            script.surtitle.chosen = options(script, server=server.url)
            script.globals.script_load(None)
            obs.timer_add.call_args.args[0]()
            assert script.surtitle._feed is not None
            script.globals.script_unload()
        left = [one for one in psutil.Process().net_connections("tcp") if one.raddr and one.raddr.port == server.port]
        assert left == []


def test_the_recording_is_reported_when_it_changes_and_now_and_then(script: Any, obs: MagicMock) -> None:
    obs.obs_data_get_string.return_value = "C:\\videos\\talk.mkv"
    surtitle = script.surtitle
    obs.obs_frontend_recording_active.return_value = True
    obs.obs_output_get_total_frames.return_value = 300
    with serving(HEAD.format("application/json") + '\r\n{"status":"noted"}') as server:
        surtitle.chosen = options(script, server=server.url)

        def look(number: int) -> Callable[[], bool]:
            def reported() -> bool:
                surtitle._watch_recording(surtitle)
                return surtitle._report is None and len(server.requests) == number

            return reported

        wait(look(1), 20)
        obs.now += 1
        surtitle._watch_recording(surtitle)
        assert surtitle._report is None
        obs.now += 2
        wait(look(2), 20)
        obs.obs_frontend_recording_paused.return_value = True
        wait(look(3), 20)
        obs.obs_frontend_recording_active.return_value = False
        wait(look(4), 20)
        surtitle._watch_recording(surtitle)
        assert surtitle._report is None
        bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    first = {"active": True, "paused": False, "file": "C:\\videos\\talk.mkv", "position": pytest.approx(10.01)}
    assert bodies[:2] == [first, first]
    assert [(one["active"], one["paused"], one["file"]) for one in bodies[2:]] == [
        (True, True, "C:\\videos\\talk.mkv"),
        (False, False, "C:\\videos\\talk.mkv"),
    ]


def test_the_overlay_is_a_browser_source_as_large_as_the_picture(script: Any, obs: MagicMock) -> None:
    obs.obs_get_source_output_flags.return_value = 1
    obs.obs_scene_find_source.return_value = None
    script.surtitle.chosen = options(script, channel="Küche 2")
    script.add_overlay()
    assert told(obs.obs_data_set_string)["url"] == "http://127.0.0.1:8000/overlay/K%C3%BCche%202"
    assert told(obs.obs_data_set_int) == {"width": 2560, "height": 1440}
    assert obs.obs_source_create.call_args.args[:2] == ("browser_source", "Surtitle overlay")
    obs.obs_scene_add.assert_called_once()


def test_the_overlay_has_a_token_where_the_service_wants_one(script: Any, obs: MagicMock) -> None:
    """One that can only view, which the service sends: the one in the settings may do more, and stays there."""
    obs.obs_get_source_output_flags.return_value = 1
    script.surtitle.chosen = options(script, server="http://10.0.0.7:8000", token="publishes")
    script.surtitle._state = script.table_from({"page": "http://10.0.0.1:8000/overlay/main?token=views"})
    script.add_overlay()
    assert told(obs.obs_data_set_string)["url"] == "http://10.0.0.7:8000/overlay/main?token=views"


def test_surround_sound_is_explained(script: Any, obs: MagicMock) -> None:
    obs.obs_audio_info.return_value.speakers = 6
    script.surtitle.tick(script.surtitle)
    assert "choose Stereo" in script.surtitle.status(script.surtitle)
    obs.obs_output_create.assert_not_called()


def test_settings_are_used_when_nobody_types_any_more(script: Any, obs: MagicMock) -> None:
    """OBS reports each key that is pressed. New settings make a new source; those of captions leave it alone."""
    surtitle = script.surtitle
    surtitle.tick(surtitle)
    first = surtitle._resume
    for server in ("http://127.0.0.1:1", "http://127.0.0.1:12"):
        surtitle.choose(surtitle, options(script, server=server))
        surtitle.tick(surtitle)
    assert surtitle.chosen.server == "http://127.0.0.1:8000"
    obs.now += 1
    surtitle.tick(surtitle)
    assert surtitle.chosen.server == "http://127.0.0.1:12"
    second = surtitle._resume
    assert len(second) == 32
    assert second != first
    surtitle.choose(surtitle, options(script, captions=True))
    obs.now += 1
    surtitle.tick(surtitle)
    assert surtitle.chosen.captions
    assert surtitle._resume == second


def start_sound(script: Any, obs: MagicMock) -> Any:
    """The script while OBS's output sends audio with the ticket "first", after its first tick."""
    surtitle = script.surtitle
    surtitle.chosen = options(script, when="always")
    surtitle._watch_feed = lambda self: None
    obs.obs_output_start.return_value = obs.obs_output_active.return_value = True
    surtitle._ticket = "first"
    surtitle.tick(surtitle)
    return surtitle


def test_audio_that_worked_is_sent_again_at_once(script: Any, obs: MagicMock) -> None:
    """A service that lets a source last for a while only ends its connection in a pause."""
    surtitle = start_sound(script, obs)
    obs.now += 60
    surtitle.tick(surtitle)
    assert surtitle._sound.connected
    obs.obs_output_active.return_value = False
    surtitle._ticket = "second"  # which the feed brings when the source is without a client
    surtitle.tick(surtitle)
    assert surtitle._sound.output is None
    obs.now += 0.1
    surtitle.tick(surtitle)
    urls = [call.args[2] for call in obs.obs_data_set_string.call_args_list if call.args[1] == "url"]
    assert [url.partition("=")[2] for url in urls] == ["first", "second"]
    obs.now += 10  # and from then on with the usual pause
    surtitle._ticket = "third"
    surtitle.tick(surtitle)
    assert surtitle._sound.output is None
    obs.now += 0.1
    surtitle.tick(surtitle)
    assert surtitle._sound.output is None


def test_an_output_is_released_a_while_after_it_has_ended(script: Any, obs: MagicMock) -> None:
    """OBS's FFmpeg output is still closing its connection then, and OBS would crash."""
    surtitle = start_sound(script, obs)
    obs.now += 60
    surtitle.tick(surtitle)
    output = obs.obs_output_create.return_value
    obs.obs_output_active.return_value = False
    surtitle.tick(surtitle)

    def released() -> int:
        return [call.args for call in obs.obs_output_release.call_args_list].count((output,))

    surtitle.suspend(surtitle)  # not even then
    surtitle.suspended = False
    assert released() == 0
    obs.now += 9
    surtitle.tick(surtitle)
    assert released() == 0
    obs.now += 2
    surtitle.tick(surtitle)
    assert released() == 1


def test_an_output_that_runs_is_stopped_at_once_when_it_hinders(script: Any, obs: MagicMock) -> None:
    surtitle = start_sound(script, obs)
    surtitle.suspend(surtitle)
    assert obs.obs_output_release.call_args.args == (obs.obs_output_create.return_value,)
    obs.obs_output_stop.assert_not_called()  # which would end it by another thread, in the middle of the release
