"""Surtitle for OBS: the stream's sound goes to the Surtitle service, its captions come back.

Add this file under Tools, Scripts. It needs nothing but OBS and the Python that OBS was told of.

OBS itself sends the sound (its `ffmpeg_output`, over HTTP): no Python runs on OBS's audio thread.
The service is only ever waited for in threads of our own; OBS's threads see what they left behind.
"""

import collections
import http.client
import json
import socket
import threading
import time
import urllib.parse
import uuid

import obspython as obs

TICK = 100  # milliseconds between two looks at everything; they run on OBS's graphics thread, so they are short
SLOW = 10  # looks between two that cost more
TIMEOUT = 5.0  # seconds for the service to say something
CONNECT = 8.0  # seconds for OBS's output to connect
BACKOFF = (1.0, 15.0)  # seconds until the next try, at first and at most
BROWSER = "Surtitle overlay"
TEXT = "Surtitle captions"
WHEN = (("streaming", "While streaming"), ("recording", "While streaming or recording"), ("always", "Always"))
MIX = "(the whole track)"


class Call(threading.Thread):
    """One request in a thread of its own. `done` when it is over: `answer`, or one sentence in `error`.

    A call that streams puts each line into `lines`, which keeps the newest.
    """

    def __init__(self, method, path, body=None, resume=None):
        super().__init__(name="surtitle", daemon=True)
        self.answer = None
        self.error = ""
        self.done = False
        self.lines = collections.deque(maxlen=200)
        self._request = (method, path, None if body is None else json.dumps(body))
        self._headers = {"Content-Type": "application/json"}
        if resume:
            self._headers["X-Surtitle-Resume"] = resume
        if settings.token:
            self._headers["Authorization"] = "Bearer " + settings.token
        self._server = settings.server
        self._connection = None
        self._cancelled = False
        self.start()

    def run(self):
        try:
            self._talk()
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.error = self.error or "The service at %s does not answer (%s)." % (self._server, error or "lost")
        finally:
            if self._connection is not None:
                self._connection.close()
            self.done = True

    def cancel(self):
        """Let go of it: what it waits for is cut off."""
        self._cancelled = True
        connected = self._connection and self._connection.sock
        if connected:
            try:
                connected.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _talk(self):
        address = urllib.parse.urlsplit(self._server)
        if address.scheme not in ("http", "https") or not address.hostname:
            self.error = "The server's address must look like http://127.0.0.1:8000."
            return
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(address.hostname, address.port, timeout=TIMEOUT)
        self._connection.connect()
        if self._cancelled:
            return
        method, path, body = self._request
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        if answer.status != 200:
            said = answer.read(10000).decode("utf-8", "replace")
            self.error = "The service at %s answers with %d." % (self._server, answer.status)
            if said.startswith("{"):
                self.error = str(json.loads(said).get("message", self.error))
        elif answer.getheader("Content-Type", "").startswith("application/x-ndjson"):
            while not self._cancelled:
                line = answer.readline()
                if not line:
                    return
                self.lines.append(json.loads(line))
        else:
            self.answer = json.loads(answer.read(1000000))


class Settings:
    """What the person chose."""

    def __init__(self, data=None):
        text = (lambda name: obs.obs_data_get_string(data, name).strip()) if data else (lambda name: "")
        self.server = text("server").rstrip("/")
        self.token = text("token")
        self.channel = text("channel") or "main"
        self.name = text("name") or "OBS"
        self.language = text("language")
        self.when = text("when")
        self.mute = text("mute")
        self.track = obs.obs_data_get_int(data, "track") if data else 1
        self.captions = obs.obs_data_get_bool(data, "captions") if data else False
        self.caption_language = text("caption_language")
        self.delay = obs.obs_data_get_double(data, "delay") if data else 0.0

    def path(self, last):
        return "/api/channels/%s/%s" % (urllib.parse.quote(self.channel, safe=""), last)


class Sound:
    """The stream mix on its way to the service, by an output of OBS's own."""

    def __init__(self):
        self.output = None
        self.began = 0.0
        self.connected = False
        self._leaving = []

    def start(self, url, track):
        data = obs.obs_data_create()
        obs.obs_data_set_string(data, "url", url)
        obs.obs_data_set_string(data, "format_name", "s16le")
        obs.obs_data_set_string(data, "audio_encoder", "pcm_s16le")
        # Without rw_timeout (microseconds) a service that hangs would make OBS grow, and freeze when it stops.
        options = "flush_packets=1 rw_timeout=1500000 method=POST content_type=audio/x-raw http_proxy=none"
        obs.obs_data_set_string(data, "muxer_settings", options)
        output = obs.obs_output_create("ffmpeg_output", "Surtitle sound", data, None)
        obs.obs_data_release(data)
        if output is None:
            return False
        obs.obs_output_set_mixers(output, 1 << (track - 1))
        obs.obs_output_set_media(output, obs.obs_get_video(), obs.obs_get_audio())
        self.output, self.began, self.connected = output, time.monotonic(), False
        return obs.obs_output_start(output)

    def stop(self):
        """Ask it to end; it is let go once it has, for that may take as long as rw_timeout."""
        if self.output is not None:
            obs.obs_output_stop(self.output)
            self._leaving.append(self.output)
            self.output = None

    def lost(self):
        """Whether it ended by itself, or never began. OBS tells nobody."""
        if self.output is None:
            return False
        if obs.obs_output_active(self.output):
            self.connected = True
            return False
        return self.connected or time.monotonic() - self.began > CONNECT

    def sweep(self, now=False):
        for output in self._leaving[:]:
            if now or not obs.obs_output_active(output):
                if now:
                    obs.obs_output_force_stop(output)
                obs.obs_output_release(output)
                self._leaving.remove(output)


class Surtitle:
    """Watches what OBS does and what the service says, and does what follows from it."""

    def __init__(self):
        self.paused = False
        self.suspended = False  # OBS is changing its scenes or profile, or is on its way out
        self.ending = set()  # "streaming", "recording": about to stop
        self.sound = Sound()
        self.resume = str(uuid.uuid4())
        self.state = {}
        self.problem = ""
        self.test = None
        self._ticket = None
        self._feed = None
        self._feed_path = ""
        self._ticks = 0
        self._muted = False
        self._delay = 0
        self._overlay = False
        self._told = ""
        self._retry = {"sound": 0.0, "feed": 0.0}
        self._pause = {"sound": BACKOFF[0], "feed": BACKOFF[0]}

    def close(self):
        """Nothing is left behind: no output, no thread that still waits."""
        self.sound.stop()
        self.sound.sweep(now=True)
        calls = [call for call in (self._ticket, self._feed, self.test) if call is not None]
        for call in calls:
            call.cancel()
        for call in calls:
            call.join(0.2)

    def restart(self):
        """The settings have changed: begin anew with them."""
        self.sound.stop()
        for call in (self._ticket, self._feed):
            if call is not None:
                call.cancel()
        self._ticket = self._feed = None
        self.resume = str(uuid.uuid4())
        self.state, self.problem = {}, ""
        self._retry = dict.fromkeys(self._retry, 0.0)
        self._pause = dict.fromkeys(self._pause, BACKOFF[0])

    def tick(self):
        self._ticks += 1
        self.sound.sweep()
        if self.suspended:
            return
        if self._ticks % SLOW == 1:
            self._muted = muted()
            self._delay = stream_delay()
            self._overlay = bool(text_source(lambda source: True))
        self._watch_sound()
        self._watch_feed()
        status = self.status()
        if status.split(",")[0] != self._told:
            self._told = status.split(",")[0]
            obs.script_log(obs.LOG_INFO, status)

    def wanted(self):
        """Whether sound is to be sent now."""
        streaming = obs.obs_frontend_streaming_active() and "streaming" not in self.ending
        recording = obs.obs_frontend_recording_active() and "recording" not in self.ending
        on = settings.when == "always" or streaming or (settings.when == "recording" and recording)
        return on and not (self.paused or self.suspended or self._muted)

    def status(self):
        """One line about how it goes."""
        source = self.state.get("source")
        if self.paused:
            return "Paused by the hotkey."
        if self._muted:
            return "Muted: nothing is sent."
        if not self.wanted():
            return self.problem or "Ready: starts when OBS does what “Send” says."
        if self.sound.connected and source:
            minutes, seconds = divmod(source["seconds"], 60)
            parts = [
                "Connected to %s" % source["engine"],
                "%d:%02d sent" % (minutes, seconds),
                "lag %.1f s" % source["lag"],
            ]
            if settings.captions:
                who = {"service": "the service sends closed captions", "script": "closed captions are sent"}
                parts.append(self.state.get("refusal") or who.get(self.state.get("closed_captions"), ""))
            if self.state.get("caption"):
                parts.append("last: “%s”" % self.state["caption"][-60:])
            return ", ".join(part for part in parts if part)
        return self.problem or "Connecting to %s" % settings.server

    def _watch_sound(self):
        now = time.monotonic()
        if self.sound.output is not None:
            if not self.wanted():
                self.sound.stop()
            elif self.sound.lost():
                self.sound.stop()
                self._fail("sound", "The service at %s took no sound." % settings.server)
            elif self.sound.connected and now - self.sound.began > BACKOFF[0]:
                self._pause["sound"], self.problem = BACKOFF[0], ""
        elif not self.wanted():
            self._ticket = None
        elif self._ticket is None:
            if now >= self._retry["sound"]:
                self._ask_ticket()
        elif self._ticket.done:
            ticket, self._ticket = self._ticket, None
            if ticket.error:
                self._fail("sound", ticket.error)
            elif not self.sound.start(
                settings.server + settings.path("audio") + "?ticket=" + ticket.answer["ticket"], settings.track
            ):
                self.sound.stop()
                self._fail("sound", "OBS cannot start its FFmpeg output: its log says why.")

    def _ask_ticket(self):
        """The address of the sound ends up in OBS's log. So it holds a ticket that is good once, and no secret."""
        info = obs.obs_audio_info()
        obs.obs_get_audio_info(info)
        if info.speakers not in (1, 2):
            self._fail("sound", "Set Settings, Audio, Channels to Stereo or Mono: surround sound is not understood.")
            return
        start = {
            "op": "start",
            "rate": info.samples_per_sec,
            "channels": info.speakers,
            "source": settings.name,
            "resume": self.resume,
        }
        if settings.language:
            start["lang"] = settings.language
        self._ticket = Call("POST", settings.path("tickets"), start)

    def _watch_feed(self):
        """One connection on which the service tells everything; it has to be there before the sound is."""
        path = self._wanted_feed()
        if self._feed is not None and (self._feed.done or path != self._feed_path):
            if self._feed.done:
                self._fail("feed", self._feed.error or "The service at %s has closed the connection." % settings.server)
                self.state = {}
            self._feed.cancel()
            self._feed = None
        if self._feed is None and time.monotonic() >= self._retry["feed"]:
            self._feed, self._feed_path = Call("GET", path, resume=self.resume), path
        while self._feed is not None and self._feed.lines:
            line = self._feed.lines.popleft()
            self._pause["feed"] = BACKOFF[0]
            if line["event"] == "state":
                self.state = line
            elif line["event"] == "screen":
                send_caption(line["text"])
            elif line["event"] == "overlay":
                write_text(line["text"])

    def _wanted_feed(self):
        query = {}
        if settings.captions and obs.obs_frontend_streaming_active():
            query.update(captions=1, delay=settings.delay, picture=self._delay)
            if settings.caption_language:
                query["lang"] = settings.caption_language
        if self._overlay:
            query["overlay"] = 1
        return settings.path("obs") + "?" + urllib.parse.urlencode(query)

    def _fail(self, what, problem):
        self.problem = problem
        self._retry[what] = time.monotonic() + self._pause[what]
        self._pause[what] = min(2 * self._pause[what], BACKOFF[1])


def muted():
    """Whether the chosen source is muted, or with none chosen, all that can be heard on the track."""
    found = []
    sources = obs.obs_enum_sources() or []
    for source in sources:
        chosen = not settings.mute or obs.obs_source_get_name(source) == settings.mute
        sounds = obs.obs_source_get_output_flags(source) & obs.OBS_SOURCE_AUDIO and obs.obs_source_active(source)
        if (
            chosen
            and sounds
            and (settings.mute or obs.obs_source_get_audio_mixers(source) & (1 << (settings.track - 1)))
        ):
            found.append(obs.obs_source_muted(source))
    obs.source_list_release(sources)
    return bool(found) and all(found)


def stream_delay():
    """Seconds by which OBS holds back the stream that runs."""
    output = obs.obs_frontend_get_streaming_output() if obs.obs_frontend_streaming_active() else None
    seconds = obs.obs_output_get_active_delay(output) if output else 0
    obs.obs_output_release(output)
    return seconds


def send_caption(text):
    """Into the stream, until the next one; with a duration OBS would queue them."""
    output = obs.obs_frontend_get_streaming_output()
    if output:
        obs.obs_output_output_caption_text2(output, text, 0.0)
        obs.obs_output_release(output)


def text_source(use):
    """What ``use`` makes of the text source that stands for the overlay, if there is one."""
    source = obs.obs_get_source_by_name(TEXT)
    result = use(source) if source else None
    obs.obs_source_release(source)
    return result


def write_text(text):
    def update(source):
        data = obs.obs_data_create()
        obs.obs_data_set_string(data, "text", text)
        obs.obs_source_update(source, data)
        obs.obs_data_release(data)

    text_source(update)


def add_overlay(properties, button):
    """Put the overlay page into the scene, as large as the picture; without a browser source, a text."""
    video = obs.obs_video_info()
    obs.obs_get_video_info(video)
    browser = obs.obs_get_source_output_flags("browser_source") != 0
    data = obs.obs_data_create()
    if browser:
        kind, name = "browser_source", BROWSER
        url = "%s/overlay/%s" % (settings.server, urllib.parse.quote(settings.channel, safe=""))
        obs.obs_data_set_string(data, "url", url)
        obs.obs_data_set_int(data, "width", video.base_width)
        obs.obs_data_set_int(data, "height", video.base_height)
    else:
        windows = obs.obs_get_source_output_flags("text_gdiplus") != 0
        kind, name = obs.obs_get_latest_input_type_id("text_gdiplus" if windows else "text_ft2_source"), TEXT
        obs.obs_data_set_string(data, "text", "Captions appear here.")
        obs.obs_data_set_bool(data, "outline", True)
        font = obs.obs_data_create()
        obs.obs_data_set_string(font, "face", "Arial" if windows else "DejaVu Sans")
        obs.obs_data_set_int(font, "size", max(16, video.base_height // 18))
        obs.obs_data_set_obj(data, "font", font)
        obs.obs_data_release(font)
    source = obs.obs_get_source_by_name(name)
    if source:
        obs.obs_source_update(source, data)
    else:
        source = obs.obs_source_create(kind, name, data, None)
    current = obs.obs_frontend_get_current_scene()
    scene = obs.obs_scene_from_source(current)
    if scene and source and not obs.obs_scene_find_source(scene, name):
        item = obs.obs_scene_add(scene, source)
        if not browser:
            place_text(item, video)
    obs.obs_source_release(current)
    obs.obs_source_release(source)
    obs.obs_data_release(data)
    return False


def place_text(item, video):
    """At the bottom, in the middle, never wider than the picture."""
    place = obs.vec2()
    place.x, place.y = video.base_width * 0.5, video.base_height * 0.95
    obs.obs_sceneitem_set_alignment(item, obs.OBS_ALIGN_BOTTOM)
    obs.obs_sceneitem_set_pos(item, place)
    room = obs.vec2()
    room.x, room.y = video.base_width * 0.9, video.base_height * 0.2
    obs.obs_sceneitem_set_bounds_type(item, obs.OBS_BOUNDS_MAX_ONLY)
    obs.obs_sceneitem_set_bounds_alignment(item, obs.OBS_ALIGN_BOTTOM)
    obs.obs_sceneitem_set_bounds(item, room)


def test_connection(properties, button):
    """Ask, and show the answer; a service that is slow is not waited for."""
    surtitle.test = Call("GET", "/healthz")
    surtitle.test.join(0.4)
    return refresh(properties, button)


def refresh(properties, button):
    obs.obs_property_set_description(obs.obs_properties_get(properties, "status"), "Status: " + surtitle.status())
    test = surtitle.test
    if test is not None:
        said = test.error or "The service answers: %(engine)s %(model)s." % (test.answer or {"engine": "", "model": ""})
        said = said if test.done else "No answer yet: press Refresh in a moment."
        obs.obs_property_set_description(obs.obs_properties_get(properties, "tested"), "Test: " + said)
        obs.obs_property_set_visible(obs.obs_properties_get(properties, "tested"), True)
    return True


def on_event(event):
    ending = {
        obs.OBS_FRONTEND_EVENT_STREAMING_STOPPING: "streaming",
        obs.OBS_FRONTEND_EVENT_RECORDING_STOPPING: "recording",
    }
    ended = {
        obs.OBS_FRONTEND_EVENT_STREAMING_STOPPED: "streaming",
        obs.OBS_FRONTEND_EVENT_RECORDING_STOPPED: "recording",
    }
    suspending = (
        obs.OBS_FRONTEND_EVENT_SCENE_COLLECTION_CLEANUP,
        obs.OBS_FRONTEND_EVENT_SCENE_COLLECTION_CHANGING,
        obs.OBS_FRONTEND_EVENT_PROFILE_CHANGING,
        obs.OBS_FRONTEND_EVENT_SCRIPTING_SHUTDOWN,
        obs.OBS_FRONTEND_EVENT_EXIT,
    )
    if event in ending:
        surtitle.ending.add(ending[event])
    elif event in ended:
        surtitle.ending.discard(ended[event])
    elif event in (obs.OBS_FRONTEND_EVENT_SCENE_COLLECTION_CHANGED, obs.OBS_FRONTEND_EVENT_PROFILE_CHANGED):
        surtitle.suspended = False
    elif event in suspending:
        surtitle.suspended = True
    if surtitle.sound.output is not None and not surtitle.wanted():
        surtitle.sound.stop()


def on_pause(pressed):
    if pressed:
        surtitle.paused = not surtitle.paused


def tick():
    surtitle.tick()


def script_description():
    return (
        "<b>Surtitle</b>: live captions for this stream.<p>Sends the stream's sound to the Surtitle service, and can put "
        "its captions into the scene and into the stream as closed captions.</p>"
    )


def script_defaults(data):
    defaults = {"server": "http://127.0.0.1:8000", "channel": "main", "name": "OBS", "when": "streaming"}
    for name, value in defaults.items():
        obs.obs_data_set_default_string(data, name, value)
    obs.obs_data_set_default_int(data, "track", 1)


def script_properties():
    properties = obs.obs_properties_create()
    add_text, add_list = obs.obs_properties_add_text, obs.obs_properties_add_list
    add_text(properties, "status", "Status: " + surtitle.status(), obs.OBS_TEXT_INFO)
    add_text(properties, "server", "Server", obs.OBS_TEXT_DEFAULT)
    add_text(properties, "token", "Token (if the service asks for one)", obs.OBS_TEXT_PASSWORD)
    add_text(properties, "channel", "Channel", obs.OBS_TEXT_DEFAULT)
    add_text(properties, "name", "Name that readers see", obs.OBS_TEXT_DEFAULT)
    obs.obs_properties_add_int(properties, "track", "Audio track", 1, 6, 1)
    add_text(properties, "language", "Language (empty: as the service was told)", obs.OBS_TEXT_DEFAULT)
    when = add_list(properties, "when", "Send", obs.OBS_COMBO_TYPE_LIST, obs.OBS_COMBO_FORMAT_STRING)
    for value, label in WHEN:
        obs.obs_property_list_add_string(when, label, value)
    mute = add_list(
        properties, "mute", "Pause while this is muted", obs.OBS_COMBO_TYPE_LIST, obs.OBS_COMBO_FORMAT_STRING
    )
    obs.obs_property_list_add_string(mute, MIX, "")
    sources = obs.obs_enum_sources() or []
    for source in sources:
        if obs.obs_source_get_output_flags(source) & obs.OBS_SOURCE_AUDIO:
            obs.obs_property_list_add_string(mute, obs.obs_source_get_name(source), obs.obs_source_get_name(source))
    obs.source_list_release(sources)
    obs.obs_properties_add_bool(properties, "captions", "Send closed captions, unless the service does")
    add_text(properties, "caption_language", "Their language (empty: as spoken)", obs.OBS_TEXT_DEFAULT)
    obs.obs_properties_add_float(properties, "delay", "Their delay in seconds", 0, 60, 0.1)
    obs.obs_properties_add_button(properties, "test", "Test connection", test_connection)
    tested = add_text(properties, "tested", "Test: ", obs.OBS_TEXT_INFO)
    obs.obs_property_set_visible(tested, False)
    obs.obs_properties_add_button(properties, "refresh", "Refresh the status", refresh)
    obs.obs_properties_add_button(properties, "overlay", "Add caption overlay to this scene", add_overlay)
    return properties


def script_update(data):
    global settings
    before, settings = settings, Settings(data)
    if vars(before) != vars(settings):
        surtitle.restart()


def script_load(data):
    global hotkey
    hotkey = obs.obs_hotkey_register_frontend("surtitle.pause", "Surtitle: pause captions", on_pause)
    keys = obs.obs_data_get_array(data, "hotkey")
    obs.obs_hotkey_load(hotkey, keys)
    obs.obs_data_array_release(keys)
    obs.obs_frontend_add_event_callback(on_event)
    obs.timer_add(tick, TICK)


def script_save(data):
    keys = obs.obs_hotkey_save(hotkey)
    obs.obs_data_set_array(data, "hotkey", keys)
    obs.obs_data_array_release(keys)


def script_unload():
    surtitle.close()


settings = Settings()
surtitle = Surtitle()
hotkey = None
