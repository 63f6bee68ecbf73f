"""What sound arrives, and from where: the tab's, true to pitch and level; the microphone's, when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest_asyncio

from surtitle.audio import RATE, Samples
from tests.e2e.extension import Extension, extension, play, shown
from tests.e2e.site import Site
from tests.e2e.tap import tap
from tests.support import Running, as_wav, settled, silence, sources, speech, until

TONES = """async ([hertz, seconds]) => {
  const context = new AudioContext({ sampleRate: 48000 });
  const tone = new OscillatorNode(context, { frequency: hertz });
  tone.connect(new GainNode(context, { gain: 0.5 })).connect(context.destination);
  tone.start();
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  await context.close();
}"""
SAID = "She has worked in the same office for eleven years."
ANSWER = "The train was late because of the heavy snow."


@pytest_asyncio.fixture(scope="module")
async def talking(tmp_path_factory: object) -> AsyncIterator[Extension]:
    """A browser whose microphone says something, again and again."""
    folder = Path(tmp_path_factory.mktemp("microphone"))  # type: ignore[attr-defined]
    (folder / "microphone.wav").write_bytes(as_wav(np.concatenate((speech(ANSWER, "rms"), silence(2.0)))))
    async with extension(
        "--auto-accept-camera-and-microphone-capture",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}",
    ) as talking:
        yield talking


async def test_tones_keep_their_pitch_and_level_and_what_is_too_high_does_not_fold(
    chrome: Extension, web: Site
) -> None:
    async with tap() as service:
        await chrome.settle(server=service.url, channel="tones")
        page = await chrome.open(web.speaks("Tones", silence(1.0)))
        await chrome.start(page)
        sounds = {}
        for hertz in (1000, 10_000):
            await asyncio.sleep(0.5)
            at = len(service.heard("Tones"))
            await page.evaluate(TONES, [hertz, 3.0])
            await until(lambda at=at: len(service.heard("Tones")) - at > 2.5 * RATE)  # type: ignore[misc]
            sounds[hertz] = service.heard("Tones")[at:]
        await chrome.stop(page)
        (start,) = service.starts
        assert (start["rate"], start["channels"], start["source"]) == (RATE, 1, "Tones")
    _, level, pitch = loudest(sounds[1000])
    assert abs(pitch - 1000) < 5
    assert abs(level - -6.0) < 1.5  # half of full scale
    total, _, _ = loudest(sounds[10_000])
    assert total < -60  # at 6 kHz it would be, if it folded
    await page.close()


async def test_the_microphone_is_a_second_source(whisper: Running, talking: Extension, web: Site) -> None:
    await talking.settle(server=whisper.url, channel="call", microphone=False)
    page = await talking.open(web.speaks("Call", np.concatenate((silence(1.0), speech(SAID, "slt")))))
    popup = await talking.start(page)
    assert sources(whisper, "call") == ["Call"]
    await popup.run("document.querySelector('#microphone').click()")
    await until(lambda: sources(whisper, "call") == ["Call", "You"])
    await popup.until("!document.querySelector('#microphoneLevel').hidden")
    await play(page)
    await shown(page, "Call: ")
    await shown(page, "You: ")
    channel = whisper.services.hub.channel("call")

    def spoken(name: str) -> str:
        return " ".join(one.full_text for one in channel.original.captions if one.source == name)

    await until(lambda: alike(spoken("You"), ANSWER), timeout=40)
    await popup.run("document.querySelector('#microphone').click()")
    await until(lambda: sources(whisper, "call") == ["Call"])
    await until(lambda: alike(spoken("Call"), SAID))
    assert not alike(spoken("Call"), ANSWER)  # nothing of the microphone
    assert not alike(spoken("You"), SAID)
    await talking.stop(page)
    await page.close()


async def test_a_page_asks_for_the_microphone_once(whisper: Running, talking: Extension, web: Site) -> None:
    """Where nobody has allowed it a page opens, and the tab alone is captioned; where it is, the page says so."""
    permission = await talking.page("permission/permission.html")
    await permission.click("#ask")
    await permission.wait_for_selector("#answer[data-good=true]")
    await permission.close()
    async with extension("--use-fake-device-for-media-stream") as asking:
        await asking.settle(server=whisper.url, channel="asked", microphone=True)
        page = await asking.open(web.speaks("Asked", speech(SAID, "slt")))
        popup = await asking.popup(page)
        await popup.until("document.querySelector('#toggle').disabled === false")
        async with asking.context.expect_page() as asked:  # the popup closes when it opens
            await popup.run("document.querySelector('#toggle').click()")
        assert "/permission/" in (await asked.value).url
        await play(page)
        await shown(page, await settled(whisper, "asked"))
        assert sources(whisper, "asked") == ["Asked"]


def alike(heard: str, said: str) -> bool:
    """Whether some words of it were heard: the fake microphone begins anywhere in it, and a busy machine stutters."""
    return len({*heard.lower().split()} & {*said.lower().split()}) >= 3


def loudest(samples: Samples) -> tuple[float, float, float]:
    """Loudness, that of the loudest peak (both in dB of full scale), and the peak's pitch in Hz.

    Medians over quarters of a second: a busy machine drops a few samples now and then, which clicks.
    """
    size = RATE // 4
    window = np.hanning(size)
    found = []
    for block in np.split(samples[RATE // 2 : RATE // 2 + 8 * size].astype(np.float64), 8):
        spectrum = np.abs(np.fft.rfft(block * window)) / (window.sum() / 2)
        peak = int(spectrum.argmax())
        loudness = 10 * np.log10(2 * np.mean(block**2) + 1e-12)
        found.append((loudness, 20 * np.log10(spectrum[peak] + 1e-9), peak * RATE / size))
    loudness, level, pitch = np.median(found, axis=0)
    return float(loudness), float(level), float(pitch)
