"""Surtitle for OBS: the stream's sound goes to the Surtitle service, and its captions come back.

Add this file under Tools, Scripts. It needs nothing but OBS and the Python installation that is configured in OBS.

OBS sends the sound itself, by its `ffmpeg_output` over HTTP: no Python runs on OBS's audio thread.
Only threads of this script wait for the service. OBS's threads look at what those have found.
"""

from __future__ import annotations  # types are not evaluated, so that Python 3.7 reads them

import collections
import contextlib
import http.client
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import obspython as obs

TICK = 100  # milliseconds between two looks at everything, which happen on OBS's graphics thread
SLOW = 10  # looks between two at what costs more
TIMEOUT = 5.0  # seconds in which the service has to say something
CONNECT = 8.0  # seconds in which OBS's output has to be connected
LINGER, LONG_LINGER = 1.0, 10.0  # seconds until an output that has ended is released; if the service may hang
HEARTBEAT = 2.0  # seconds in which the service sends something
BACKOFF = (1.0, 15.0)  # seconds until the next try, at first and at most
RECORD = 2.0  # seconds between two reports about OBS's recording in which nothing changes
SETTLE = 0.7  # seconds without a change after which new settings count
ALIGN_BOTTOM = 8  # as in obs.h; obspython does not have it
BROWSER, TEXT = "Surtitle overlay", "Surtitle captions"  # sources that this script adds
FIELDS = (  # name, kind, label, default, explanation
    ("server", "text", "Server", "http://127.0.0.1:8000", "Where the Surtitle service is."),
    ("token", "password", "Token", "", "Only if the service asks for one."),
    ("channel", "text", "Channel", "main", "Where the captions appear."),
    ("name", "text", "Name", "OBS", "The name of the speaker that viewers see."),
    ("track", "track", "Audio track", 1, "As in OBS's Advanced Audio Properties."),
    ("language", "text", "Language", "", "A code like en; empty: the service's default."),
    ("when", "list", "Send", "streaming", "When the sound goes to the service."),
    ("mute", "list", "Follow mute of", "", "Nothing is sent while this is muted."),
    ("captions", "check", "Closed captions", False, "Into the stream, unless the service sends them by obs-websocket."),
    ("caption_language", "text", "… in language", "", "A code like en; empty: the spoken language."),
    ("delay", "seconds", "… later by", 0.0, "Seconds in addition to OBS's stream delay, which is always applied."),
)
WHEN = (("While streaming", "streaming"), ("While streaming or recording", "recording"), ("Always", "always"))


class Call(threading.Thread):
    """One request to the service, a POST if it has a ``body``. When it is `done` there is an `answer`, or one sentence
    in `error`.

    An answer that has no end goes into `lines`, of which the newest are kept.
    """

    def __init__(self, chosen: Settings, path: str, resume: str = "", body: dict[str, Any] | None = None) -> None:
        super().__init__(name="surtitle", daemon=True)
        self.answer: Any = None
        self.error, self.done = "", False
        self.lines: collections.deque[Any] = collections.deque(maxlen=200)
        self._server, self._path = chosen.server, path
        self._body = None if body is None else json.dumps(body)
        self._headers = {"X-Surtitle-Resume": resume} if resume else {}
        if chosen.token:
            self._headers["Authorization"] = f"Bearer {chosen.token}"
        self._connection: http.client.HTTPConnection | None = None
        self._cancelled = False
        self.start()

    def run(self) -> None:
        try:
            self._talk()
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__  # the whole of it could have the token
            self.error = f"The service at {self._server} does not answer ({reason}): start it"
        finally:
            if self._connection is not None:
                self._connection.close()
            self.done = True

    def cancel(self) -> None:
        """What it waits for is cut off."""
        self._cancelled = True
        connected = self._connection and self._connection.sock
        if connected:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def _talk(self) -> None:
        address = urlsplit(self._server)
        if address.scheme not in ("http", "https") or not address.hostname:
            self.error = "The server's address is not right: write it like http://127.0.0.1:8000"
            return
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(address.hostname, address.port, timeout=TIMEOUT)
        self._connection.connect()
        if self._cancelled:
            return
        self._connection.request(
            "GET" if self._body is None else "POST", address.path + self._path, self._body, self._headers
        )
        answer = self._connection.getresponse()
        if answer.getheader("Content-Type", "").startswith("application/x-ndjson"):
            while not self._cancelled:
                line = answer.readline()
                if not line:
                    return
                self.lines.append(json.loads(line))
        said = json.loads(answer.read(1000000))
        if answer.status == 200:
            self.answer = said
        else:
            self.error = said.get("message", f"The service answers with {answer.status}.")


class Settings:
    """What the person chose; an attribute for each of `FIELDS`."""

    server: str
    token: str
    channel: str
    name: str
    track: int
    language: str
    when: str
    mute: str
    captions: bool
    caption_language: str
    delay: float

    def __init__(self, data: obs.Data | None = None) -> None:
        read: dict[str, Callable[[obs.Data, str], Any]]
        read = {"check": obs.obs_data_get_bool, "track": obs.obs_data_get_int, "seconds": obs.obs_data_get_double}
        for name, kind, _, default, _ in FIELDS:
            value = read.get(kind, obs.obs_data_get_string)(data, name) if data else default
            setattr(self, name, value.strip() if isinstance(value, str) else value)
        path_at = self.server.find("/", self.server.find("://") + 3)
        if path_at > 0:  # a path may have letters such as "é"
            self.server = self.server[:path_at] + quote(self.server[path_at:], safe="/%?#:@!$&'()*+,;=")
        self.server = self.server.rstrip("/")

    @property
    def sound(self) -> tuple[str, str, str, str, int, str]:
        """What the source of sound is made of."""
        return self.server, self.token, self.channel, self.name, self.track, self.language

    @property
    def place(self) -> str:
        """The channel as a part of an address."""
        return quote(self.channel or "main", safe="")

    def path(self, last: str) -> str:
        return f"/api/channels/{self.place}/{last}"


class Leaving:
    """An output that was asked to end: until when it may still be connecting, and when it ended, or 0."""

    def __init__(self, output: obs.Output, connected_by: float, linger: float) -> None:
        self.output, self.connected_by, self.linger, self.ended = output, connected_by, linger, 0.0


class Sound:
    """The stream mix on its way to the service, by an output of OBS's own."""

    def __init__(self) -> None:
        self.output: obs.Output | None = None
        self.connected, self.began = False, 0.0
        self._leaving: list[Leaving] = []

    def start(self, url: str, track: int) -> bool:
        """Whether OBS took it."""
        data = obs.obs_data_create()
        obs.obs_data_set_string(data, "url", url)
        obs.obs_data_set_string(data, "format_name", "s16le")
        obs.obs_data_set_string(data, "audio_encoder", "pcm_s16le")
        # Without rw_timeout (microseconds) a service that hangs makes OBS grow, and freezes it when it stops.
        options = "flush_packets=1 rw_timeout=1500000 method=POST content_type=audio/x-raw http_proxy=none"
        obs.obs_data_set_string(data, "muxer_settings", options)
        self.output = obs.obs_output_create("ffmpeg_output", "Surtitle sound", data, None)
        obs.obs_data_release(data)
        self.connected, self.began = False, time.monotonic()
        if self.output is None:
            return False
        obs.obs_output_set_mixers(self.output, 1 << (track - 1))
        obs.obs_output_set_media(self.output, obs.obs_get_video(), obs.obs_get_audio())
        return obs.obs_output_start(self.output)

    def stop(self, healthy: bool) -> None:
        """Ask it to end, which may take as long as rw_timeout. ``healthy``: the service reads what it is sent."""
        if self.output is not None:
            connecting = not (self.connected or obs.obs_output_active(self.output))
            connected_by = self.began + CONNECT if connecting else 0.0
            self._leaving.append(Leaving(self.output, connected_by, LINGER if healthy else LONG_LINGER))
            self.output = None
            self.sweep()

    def sweep(self) -> None:
        """Release the outputs that ended a while ago.

        OBS says that an output has ended before the threads of its FFmpeg output have: a service that hangs keeps them
        for seconds, and OBS would crash if they lost their output.
        """
        now = time.monotonic()
        for leaving in self._leaving[:]:
            obs.obs_output_stop(leaving.output)  # again, because it may have been connecting before
            if obs.obs_output_active(leaving.output) or now < leaving.connected_by:
                leaving.ended = 0.0
            else:
                leaving.ended = leaving.ended or now
            if leaving.ended and now - leaving.ended > leaving.linger:
                obs.obs_output_release(leaving.output)
                self._leaving.remove(leaving)

    def close(self) -> None:
        """Release all outputs at the end of the script.

        One that may still be closing its connection to a service that hangs is left to OBS, which releases it when it
        exits.
        """
        self.stop_now()
        self._leaving = [leaving for leaving in self._leaving if leaving.linger == LINGER]
        deadline = time.monotonic() + LINGER
        while self._leaving and time.monotonic() < deadline:
            time.sleep(0.05)
            self.sweep()

    def stop_now(self) -> None:
        """Return when nothing runs any more. An output that has just ended is left to `sweep`."""
        if self.output is not None:
            self._leaving.append(Leaving(self.output, 0.0, LINGER))
            self.output = None
        for leaving in self._leaving[:]:
            if not leaving.ended:
                obs.obs_output_release(leaving.output)  # which stops it, and waits for its threads
                self._leaving.remove(leaving)

    def lost(self) -> bool:
        """Whether it ended by itself, or did not begin in time: OBS tries once, and tells nobody."""
        active = obs.obs_output_active(self.output)
        self.connected = self.connected or active
        return not active and (self.connected or time.monotonic() - self.began > CONNECT)


class Surtitle:
    """Looks at what OBS does and what the service says, and does what follows from it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # looks, events and the end come from several threads of OBS
        self.chosen = Settings()
        self.test: Call | None = None
        self.paused = False
        self.suspended = False  # OBS is about to do what an output of ours would hinder
        self.ending = False  # OBS is about to end its stream
        self.problem = ""
        self.hotkey = 0  # OBS's number for it
        self._next: Settings | None = None
        self._change_at = 0.0
        self._sound = Sound()
        self._resume = str(uuid.uuid4())  # by this the service knows the sound when it comes again
        self._feed: Call | None = None
        self._feed_path = ""
        self._state: dict[str, Any] = {}
        self._ticket = ""  # what the service told last
        self._heard_at = 0.0  # when something came from it
        self._retry = {"sound": (0.0, BACKOFF[0]), "feed": (0.0, BACKOFF[0])}  # when, and the pause after that
        self._ticks, self._logged = 0, ""
        self._muted, self._delay = False, 0
        self._report: Call | None = None
        self._recorded: dict[str, Any] = {"active": False, "paused": False}  # as the service knows it
        self._report_at = 0.0

    def choose(self, settings: Settings) -> None:
        """Settings come with every key that is pressed; they count when no more come, but the first at once."""
        if self._ticks:
            self._next, self._change_at = settings, time.monotonic() + SETTLE
        else:
            self.chosen = settings

    def tick(self) -> None:
        self._ticks += 1
        self._sound.sweep()
        if self.suspended:
            self._stop_sound()
            return
        if self._next is not None and time.monotonic() >= self._change_at:
            self._change(self._next)
        if self._ticks % SLOW == 1:
            self._muted, self._delay = muted(self.chosen), stream_delay()
        self._watch_recording()
        self._watch_feed()
        self._watch_sound()
        status = self.status()
        if status.split(",")[0] != self._logged:
            self._logged = status.split(",")[0]
            obs.script_log(obs.LOG_INFO, status)

    def suspend(self) -> None:
        """Nothing of ours runs when this returns, until somebody sets `suspended` back."""
        self.suspended = True
        self._sound.stop_now()

    def close(self) -> None:
        """Nothing is left: no output, and no thread that waits for something."""
        self.suspend()
        self._sound.close()
        calls = [call for call in (self._feed, self.test, self._report) if call is not None]
        for call in calls:
            call.cancel()
        for call in calls:
            call.join(0.2)

    def wanted(self) -> bool:
        """Whether sound is to be sent now."""
        when = self.chosen.when
        recording = when == "recording" and obs.obs_frontend_recording_active()
        on = when == "always" or recording or (obs.obs_frontend_streaming_active() and not self.ending)
        return on and not (self.paused or self.suspended or self._muted)

    def status(self) -> str:
        """One line about how it goes."""
        source = self._state.get("source")
        if self.paused or self._muted:
            return "Paused by the hotkey" if self.paused else "Muted, so nothing is sent"
        if not self.wanted():
            return self.problem or "Ready, and begins when OBS does what is chosen under Send"
        if not self._sound.connected or source is None:
            return self.problem or f"Connecting to {self.chosen.server}"
        told = [f"Connected ({source['engine']})", f"{source['seconds']} s sent", f"lag {source['lag']} s"]
        if self.chosen.captions:
            told.append(self._state["refusal"] or f"closed captions: {self._state['closed_captions']}")
        if self._state["caption"]:
            told.append("last caption: " + f" {self._state['caption']}"[-60:].partition(" ")[2])
        return ", ".join(told)

    @property
    def overlay_page(self) -> str:
        """The address of the overlay: the service tells one that can only be viewed, where it wants tokens."""
        chosen = self.chosen
        told = urlsplit(self._state.get("page", ""))
        return f"{chosen.server}/overlay/{chosen.place}" + (f"?{told.query}" if told.query else "")

    def _change(self, chosen: Settings) -> None:
        before, self.chosen, self._next = self.chosen, chosen, None
        self._retry = dict.fromkeys(self._retry, (0.0, BACKOFF[0]))
        self._feed_path, self.problem = "", ""
        if before.sound != self.chosen.sound:
            self._stop_sound()
            self._resume, self._state = str(uuid.uuid4()), {}

    def _stop_sound(self) -> None:
        self._sound.stop(healthy=time.monotonic() - self._heard_at < HEARTBEAT + 1)

    def _watch_sound(self) -> None:
        now = time.monotonic()
        if self._sound.output is not None:
            if not self.wanted():
                self._stop_sound()
            elif self._sound.lost():
                worked = self._sound.connected and now - self._sound.began > 2 * BACKOFF[0]
                self._sound.stop(healthy=False)
                self._fail("sound", f"The service at {self.chosen.server} no longer accepts audio")
                if worked:  # try at once: the service may only want a new connection, where a source may not last
                    self._retry["sound"] = (now, BACKOFF[0])
            elif self._sound.connected and now - self._sound.began > 2 * BACKOFF[0]:
                self._retry["sound"], self.problem = (0.0, BACKOFF[0]), ""
        elif self.wanted() and self._ticket and now >= self._retry["sound"][0]:
            url = f"{self.chosen.server}{self.chosen.path('audio')}?ticket={self._ticket}"
            self._ticket = ""
            if not self._sound.start(url, self.chosen.track):
                self._sound.stop(healthy=False)
                self._fail("sound", "OBS cannot start its FFmpeg output: its log says why")

    def _watch_feed(self) -> None:
        """One connection on which the service tells everything."""
        path = self._wanted_feed()
        if self._feed is not None and (self._feed.done or path != self._feed_path):
            if self._feed.done:
                self._fail("feed", self._feed.error or f"The service at {self.chosen.server} has ended")
            self._feed.cancel()
            self._feed, self._state, self._ticket = None, {}, ""
        if self._feed is None and path and time.monotonic() >= self._retry["feed"][0]:
            self._feed_path, self._feed = path, Call(self.chosen, path, self._resume)
        while self._feed is not None and self._feed.lines:
            line = self._feed.lines.popleft()
            self._heard_at = time.monotonic()
            if line["event"] == "screen":
                send_caption(line["text"])
            elif line["event"] == "overlay":
                write_text(line["text"])
            elif line["event"] == "ticket":
                self._ticket = line["ticket"]
            else:
                self._state, self._retry["feed"] = line, (0.0, BACKOFF[0])

    def _watch_recording(self) -> None:
        """Report how long OBS's recording is, so that transcripts can be fitted to it."""
        now = time.monotonic()
        if self._report is not None:
            if not self._report.done:
                return
            if self._report.error:
                self._recorded, self._report_at = {}, now + BACKOFF[1]
            self._report = None
        active = obs.obs_frontend_recording_active()
        paused = active and obs.obs_frontend_recording_paused()
        changed = (active, paused) != (self._recorded.get("active"), self._recorded.get("paused"))
        if (changed and self._recorded) or ((active or changed) and now >= self._report_at):
            state = {"active": active, "paused": paused, **recording_length(active)}
            state["file"] = state["file"] or self._recorded.get("file", "")
            self._recorded, self._report_at = state, now + RECORD
            self._report = Call(self.chosen, self.chosen.path("obs/recording"), body=state)

    def _wanted_feed(self) -> str:
        """What to ask the service. The sound's address ends up in OBS's log: it gets a ticket for it, no secret."""
        info = obs.obs_audio_info()
        obs.obs_get_audio_info(info)
        if info.speakers > 2:
            self.problem = "Surround sound is not understood: choose Stereo under Settings, Audio, Channels"
            return ""
        query: dict[str, Any] = {"rate": info.samples_per_sec, "channels": info.speakers, "overlay": 1}
        query["source"] = self.chosen.name or "OBS"
        if self.chosen.language:
            query["lang"] = self.chosen.language
        if self.chosen.captions and obs.obs_frontend_streaming_active():
            query.update(captions=1, delay=self.chosen.delay, picture=self._delay)
            query["captions_lang"] = self.chosen.caption_language
        return f"{self.chosen.path('obs')}?{urlencode(query)}"

    def _fail(self, what: str, problem: str) -> None:
        self.problem = problem
        pause = self._retry[what][1]
        self._retry[what] = (time.monotonic() + pause, min(2 * pause, BACKOFF[1]))


def audible() -> list[tuple[str, int, bool]]:
    """The sources that make sound, as (name, tracks that can be heard now, muted)."""
    sources = obs.obs_enum_sources() or []
    sounding = [source for source in sources if obs.obs_source_get_output_flags(source) & obs.OBS_SOURCE_AUDIO]
    names = map(obs.obs_source_get_name, sounding)
    tracks = [obs.obs_source_active(source) * obs.obs_source_get_audio_mixers(source) for source in sounding]
    found = list(zip(names, tracks, map(obs.obs_source_muted, sounding)))
    obs.source_list_release(sources)
    return found


def muted(chosen: Settings) -> bool:
    """Whether the chosen source is muted; with none chosen, whether all on the track are."""
    track = 1 << (chosen.track - 1)
    heard = [mute for name, tracks, mute in audible() if (name == chosen.mute if chosen.mute else tracks & track)]
    return bool(heard) and all(heard)


def stream_delay() -> int:
    """Seconds by which OBS holds back the stream that runs."""
    output = obs.obs_frontend_get_streaming_output() if obs.obs_frontend_streaming_active() else None
    seconds = obs.obs_output_get_active_delay(output) if output else 0
    obs.obs_output_release(output)
    return seconds


def recording_length(active: bool) -> dict[str, Any]:
    """The file of OBS's recording, and as `position` its length in seconds; nothing of it if it is not ``active``."""
    length: dict[str, Any] = {"position": 0.0, "file": ""}
    output = obs.obs_frontend_get_recording_output() if active else None
    if output:
        video = obs.obs_video_info()
        obs.obs_get_video_info(video)
        length["position"] = obs.obs_output_get_total_frames(output) * video.fps_den / max(1, video.fps_num)
        settings = obs.obs_output_get_settings(output)
        length["file"] = obs.obs_data_get_string(settings, "path")
        obs.obs_data_release(settings)
        obs.obs_output_release(output)
    return length


def send_caption(text: str) -> None:
    """Into the stream, where it stays until the next one; with a duration OBS would queue them."""
    output = obs.obs_frontend_get_streaming_output()
    if output:
        obs.obs_output_output_caption_text2(output, text, 0.0)
        obs.obs_output_release(output)


def write_text(text: str) -> None:
    """Into the text source that stands for the overlay, if there is one."""
    source = obs.obs_get_source_by_name(TEXT)
    if source:
        data = obs.obs_data_create()
        obs.obs_data_set_string(data, "text", text)
        obs.obs_source_update(source, data)
        obs.obs_data_release(data)
    obs.obs_source_release(source)


def add_overlay(_properties: obs.Properties, _button: obs.Property) -> None:
    """Put the overlay page into the scene, as large as the picture; where OBS has no browser source, a text."""
    video = obs.obs_video_info()
    obs.obs_get_video_info(video)
    data = obs.obs_data_create()
    if obs.obs_get_source_output_flags("browser_source"):
        kind, name = "browser_source", BROWSER
        obs.obs_data_set_string(data, "url", surtitle.overlay_page)
        obs.obs_data_set_int(data, "width", video.base_width)
        obs.obs_data_set_int(data, "height", video.base_height)
    else:
        windows = obs.obs_get_source_output_flags("text_gdiplus")
        kind, name = obs.obs_get_latest_input_type_id("text_gdiplus" if windows else "text_ft2_source"), TEXT
        font = obs.obs_data_create()
        obs.obs_data_set_string(font, "face", "Arial")
        obs.obs_data_set_int(font, "size", video.base_height // 18)
        obs.obs_data_set_obj(data, "font", font)
        obs.obs_data_release(font)
        obs.obs_data_set_bool(data, "outline", True)
        obs.obs_data_set_string(data, "text", "Captions appear here.")
    source = obs.obs_get_source_by_name(name)
    if source:
        obs.obs_source_update(source, data)
    else:
        source = obs.obs_source_create(kind, name, data, None)
    current = obs.obs_frontend_get_current_scene()
    scene = obs.obs_scene_from_source(current)
    if scene and source and not obs.obs_scene_find_source(scene, name):
        item = obs.obs_scene_add(scene, source)
        if name == TEXT:
            place = obs.vec2()  # at the bottom, in the middle
            place.x, place.y = video.base_width * 0.5, video.base_height * 0.95
            obs.obs_sceneitem_set_alignment(item, ALIGN_BOTTOM)
            obs.obs_sceneitem_set_pos(item, place)
    obs.obs_source_release(current)
    obs.obs_source_release(source)
    obs.obs_data_release(data)


def test_connection(properties: obs.Properties, _button: obs.Property) -> bool:
    """Ask, and show the answer if it comes at once; a service that is slow is not waited for."""
    if surtitle.test is None or surtitle.test.done:
        surtitle.test = Call(surtitle.chosen, "/healthz")
    test = surtitle.test
    test.join(0.4)
    said = test.error or (test.answer and "the service answers") or "no answer yet, press again in a moment"
    text = f"Test: {said}. Status: {surtitle.status()}."
    obs.obs_property_set_description(obs.obs_properties_get(properties, "status"), text)
    return True


def on_event(event: int) -> None:
    with surtitle.lock:
        if event in HINDERED:
            surtitle.suspend()
        elif event in PASSED:
            surtitle.suspended = False
        elif event in (obs.OBS_FRONTEND_EVENT_STREAMING_STOPPING, obs.OBS_FRONTEND_EVENT_STREAMING_STOPPED):
            surtitle.ending = event == obs.OBS_FRONTEND_EVENT_STREAMING_STOPPING


def on_pause(pressed: bool) -> None:
    surtitle.paused ^= pressed


def on_timer() -> None:
    if surtitle.lock.acquire(blocking=False):  # OBS's picture does not wait for an event
        try:
            surtitle.tick()
        finally:
            surtitle.lock.release()


def script_description() -> str:
    return (
        "<b>Surtitle</b>: live captions for this stream.<p>Sends the stream's sound to the Surtitle service. "
        "Its captions come into the scene, and into the stream as closed captions.</p>"
    )


def script_defaults(data: obs.Data) -> None:
    for name, kind, _, default, _ in FIELDS:
        if isinstance(default, int) and kind == "track":
            obs.obs_data_set_default_int(data, name, default)
        elif isinstance(default, str):
            obs.obs_data_set_default_string(data, name, default)


def script_properties() -> obs.Properties:
    made = obs.obs_properties_create()
    obs.obs_properties_add_text(made, "status", f"Status: {surtitle.status()}.", obs.OBS_TEXT_INFO)
    obs.obs_properties_add_button(made, "test", "Test connection", test_connection)
    obs.obs_properties_add_button(made, "overlay", "Add caption overlay to this scene", add_overlay)
    kinds = {"text": obs.OBS_TEXT_DEFAULT, "password": obs.OBS_TEXT_PASSWORD}
    for name, kind, label, _, explanation in FIELDS:
        if kind == "list":
            added = obs.obs_properties_add_list(made, name, label, obs.OBS_COMBO_TYPE_LIST, obs.OBS_COMBO_FORMAT_STRING)
            sources = [("(the whole track)", ""), *((source[0], source[0]) for source in audible())]
            for shown, value in WHEN if name == "when" else sources:
                obs.obs_property_list_add_string(added, shown, value)
        elif kind == "track":
            added = obs.obs_properties_add_int(made, name, label, 1, 6, 1)
        elif kind == "check":
            added = obs.obs_properties_add_bool(made, name, label)
        elif kind == "seconds":
            added = obs.obs_properties_add_float(made, name, label, 0, 60, 0.1)
        else:
            added = obs.obs_properties_add_text(made, name, label, kinds[kind])
        obs.obs_property_set_long_description(added, explanation)
    return made


def script_update(data: obs.Data) -> None:
    surtitle.choose(Settings(data))


def script_load(data: obs.Data) -> None:
    surtitle.hotkey = obs.obs_hotkey_register_frontend("surtitle.pause", "Surtitle: pause captions", on_pause)
    keys = obs.obs_data_get_array(data, "hotkey")
    obs.obs_hotkey_load(surtitle.hotkey, keys)
    obs.obs_data_array_release(keys)
    obs.obs_frontend_add_event_callback(on_event)
    obs.timer_add(on_timer, TICK)


def script_save(data: obs.Data) -> None:
    keys = obs.obs_hotkey_save(surtitle.hotkey)
    obs.obs_data_set_array(data, "hotkey", keys)
    obs.obs_data_array_release(keys)


def script_unload() -> None:
    with surtitle.lock:
        surtitle.close()


# An output that runs keeps OBS from changing its profile, its picture and its scenes, and from ending.
HINDERED = (
    obs.OBS_FRONTEND_EVENT_PROFILE_CHANGING,
    obs.OBS_FRONTEND_EVENT_SCENE_COLLECTION_CHANGING,
    obs.OBS_FRONTEND_EVENT_SCENE_COLLECTION_CLEANUP,
    obs.OBS_FRONTEND_EVENT_SCRIPTING_SHUTDOWN,
    obs.OBS_FRONTEND_EVENT_EXIT,
)
PASSED = (obs.OBS_FRONTEND_EVENT_PROFILE_CHANGED, obs.OBS_FRONTEND_EVENT_SCENE_COLLECTION_CHANGED)
surtitle = Surtitle()
