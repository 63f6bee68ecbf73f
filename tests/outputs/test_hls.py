"""WebVTT beside HLS: playlists and segments, and what ffmpeg reads of them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.outputs.hls import available_segments, write_playlist, write_segment
from tests.support import Running, need, put, until

VIDEO = """\
#EXTM3U
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",AUTOSELECT=YES,DEFAULT=YES,URI="{subtitles}"
#EXT-X-STREAM-INF:BANDWIDTH=100000,SUBTITLES="subs"
video.m3u8
"""


def caption(name: str, start: float, end: float, text: str = "Good evening.", *, final: bool = True) -> Caption:
    return Caption(name, 1, "Host", "en", (Word(text, start, end),), final=final)


def test_a_playlist_has_the_segments_whose_captions_are_final() -> None:
    assert available_segments(0) == range(0)
    assert available_segments(17.9) == range(0)
    assert available_segments(18) == range(1)
    assert available_segments(1000) == range(134, 164)
    assert write_playlist(range(134, 136), 1_000_000, "token=t").splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        "#EXT-X-TARGETDURATION:6",
        "#EXT-X-MEDIA-SEQUENCE:134",
        "#EXT-X-PROGRAM-DATE-TIME:1970-01-12T14:00:04.000+00:00",
        "#EXTINF:6.000,",
        "seg134.vtt?token=t",
        "#EXTINF:6.000,",
        "seg135.vtt?token=t",
    ]


def test_a_caption_is_in_each_segment_that_it_spans_and_a_segment_may_be_empty() -> None:
    captions = [caption("a", 4, 7), caption("b", 8, 9, "One & two <b>", final=False)]
    cues = [re.findall(r"\d\d:\d\d\.\d+ --> .*\n(.*)", write_segment(number, captions, 0)) for number in range(3)]
    assert cues == [["Good evening."], ["Good evening.", "One &amp; two &lt;b&gt;"], []]
    head = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:126000,LOCAL:00:00:00.000\n"
    assert write_segment(2, captions, 126_000) == f"{head}\n"
    assert write_segment(0, captions, 126_000) == f"{head}\n00:00:04.000 --> 00:00:07.000\nGood evening.\n\n"
    assert "MPEGTS:0," in write_segment(0, captions, 1 << 33)


async def test_ffmpeg_reads_the_captions_beside_a_video(service: Running, tmp_path: Path) -> None:
    ffmpeg = need("ffmpeg")
    channel = service.services.hub.channel("hls")
    channel.begin(ago=40)
    put(service, "hls", "c1", 1, "Good evening", start=1.0, final=True)
    put(service, "hls", "c2", 1, "and welcome", start=5.5, final=True)
    put(service, "hls", "c3", 1, "to everybody", start=13.0, final=True)
    address = f"{service.url}/api/channels/hls/hls/original"
    async with httpx.AsyncClient(base_url=f"{address}/", timeout=60) as client:
        playlist = await client.get("playlist.m3u8?mpegts=0")
        assert playlist.headers["content-type"] == "application/vnd.apple.mpegurl"
        assert (await client.get("seg0.vtt")).headers["content-type"] == "text/vtt; charset=utf-8"
        assert (await client.get("seg99.vtt")).json()["code"] == "no_such_segment"
        assert (await client.get("playlist.m3u8?mpegts=x")).status_code == 400
        assert (await client.get(f"{service.url}/api/channels/hls/hls/klingon/playlist.m3u8")).status_code == 400
        fresh = await client.get(f"{service.url}/api/channels/fresh/hls/original/playlist.m3u8")
        assert "EXTINF" not in fresh.text
    (tmp_path / "master.m3u8").write_text(VIDEO.format(subtitles="subtitles.m3u8"))
    subtitles = re.sub(r"(?m)^seg", f"{address}/seg", playlist.text)
    (tmp_path / "subtitles.m3u8").write_text(f"{subtitles}#EXT-X-ENDLIST\n")  # ffmpeg would wait for what follows
    picture = ["-f", "lavfi", "-i", "color=size=64x48:rate=5", "-t", "24", "-g", "30"]
    segments = ["-hls_time", "6", "-hls_list_size", "0", str(tmp_path / "video.m3u8")]
    await run(ffmpeg, *picture, *segments)
    protocols = ["-protocol_whitelist", "file,http,tcp", "-allowed_extensions", "ALL", "-strict", "experimental"]
    result = tmp_path / "out.srt"
    await run(ffmpeg, *protocols, "-i", str(tmp_path / "master.m3u8"), "-map", "0:s:0", str(result))
    cues = re.findall(r"(?m)^00:00:(\d+),\d+ --> .*\n(.*)\n\n", result.read_text())
    assert cues == [("00", "Good evening"), ("04", "and welcome"), ("12", "to everybody")]


async def run(program: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        program, "-loglevel", "error", "-y", *arguments, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def test_a_language_is_translated_while_its_playlist_is_asked_for(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        await client.get("/api/channels/polled/hls/fr/playlist.m3u8")
        running = (await client.get("/api/channels/polled")).json()["translation"]["languages"]
        assert [(one["language"], one["readers"]) for one in running] == [("fr", 1)]
        await client.get("/api/channels/polled/hls/fr/playlist.m3u8")
        running = (await client.get("/api/channels/polled")).json()["translation"]["languages"]
        assert [one["readers"] for one in running] == [1]
    readers = service.services.track_readers
    await readers.close()
    await until(lambda: not readers._reading)
