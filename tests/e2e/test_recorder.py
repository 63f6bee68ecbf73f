"""A browser's MediaRecorder as the publisher: WebM/Opus as it really comes, over the real socket."""

from __future__ import annotations

import base64

import httpx

from tests.e2e.chromium import launch_browser
from tests.support import Running, as_wav, error_rate, speech

TEXT = (
    "The farmer sold his horse and bought a new truck. She has worked in the same office for eleven years. "
    "Please close the door when you leave the room. The meeting will begin at nine in the morning."
)

RECORD = """async ([address, encoded]) => {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const context = new AudioContext();
  await context.resume();
  const playing = context.createBufferSource();
  playing.buffer = await context.decodeAudioData(bytes.buffer);
  const out = context.createMediaStreamDestination();
  playing.connect(out);
  const socket = new WebSocket(address);
  const messages = [];
  socket.onmessage = (message) => messages.push(JSON.parse(message.data));
  await new Promise((resolve) => { socket.onopen = resolve; });
  socket.send(JSON.stringify({ op: "start", format: "webm", source: "recorder" }));
  const recorder = new MediaRecorder(out.stream, { mimeType: "audio/webm;codecs=opus" });
  recorder.ondataavailable = (event) => socket.send(event.data);
  recorder.start(250);
  playing.start();
  await new Promise((resolve) => { playing.onended = resolve; });
  const early = messages.filter((message) => message.type === "partial").length;
  recorder.stop();
  await new Promise((resolve) => { recorder.onstop = resolve; });
  socket.send(JSON.stringify({ op: "end" }));
  const closed = await new Promise((resolve) => { socket.onclose = (event) => resolve(event.code); });
  return { closed, early, messages };
}"""


async def test_what_a_browser_records(service: Running) -> None:
    encoded = base64.b64encode(as_wav(speech(TEXT))).decode()
    async with launch_browser("--autoplay-policy=no-user-gesture-required") as browser:
        page = await browser.new_page()
        await page.goto(f"{service.url}/view/recorded")
        said = await page.evaluate(RECORD, [f"{service.sockets}/api/channels/recorded/audio", encoded])
    assert said["closed"] == 1000
    assert said["early"] > 3  # captions came while it was still recording
    finals = [message for message in said["messages"] if message["type"] == "final"]
    assert error_rate(TEXT, " ".join(message["text"] for message in finals)) < 0.25
    async with httpx.AsyncClient(base_url=service.url) as client:
        assert "recorder" in (await client.get("/api/channels/recorded/transcript.json")).text
