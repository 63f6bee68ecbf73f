"""WebVTT beside HLS in a real player: hls.js in Chromium."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from tests.e2e.site import Site, site
from tests.support import need, need_package, put, running

MASTER = """\
#EXTM3U
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",AUTOSELECT=YES,DEFAULT=YES,URI="{original}"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="Français",LANGUAGE="fr",AUTOSELECT=YES,URI="{french}"
#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.42c00a",SUBTITLES="subs"
video.m3u8
"""

PLAYER = """\
<!doctype html><html lang=en><meta charset=utf-8><title>player</title><link rel=icon href='data:,'>
<video id=video muted width=320></video><script src=/hls.js></script>
<script>
const video = document.querySelector("#video");
const hls = new Hls({ startPosition: 0 });
hls.loadSource("/master.m3u8");
hls.attachMedia(video);
const cues = (language) => {
  const track = [...video.textTracks].find((one) => one.language === language);
  return [...(track?.cues ?? [])].map((cue) => [Math.round(cue.startTime * 10) / 10, cue.text]);
};
</script>
"""

TIMESTAMP = 900_000
"""The video's first time stamp, in 90 kHz."""


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a player, and 24 s of a video."""
    folder = tmp_path_factory.mktemp("video")
    picture = ["-f", "lavfi", "-i", "color=size=64x48:rate=5", "-t", "24", "-c:v", "libx264", "-profile:v", "baseline"]
    clock = ["-g", "30", "-bf", "0", "-output_ts_offset", str(TIMESTAMP / 90_000), "-muxdelay", "0", "-muxpreload", "0"]
    segments = ["-hls_time", "6", "-hls_list_size", "0", str(folder / "video.m3u8")]
    command = [need("ffmpeg"), "-loglevel", "error", *picture, "-pix_fmt", "yuv420p", *clock, *segments]
    subprocess.run(command, check=True, timeout=60)
    with site() as web:
        for path in folder.iterdir():
            kind = "video/mp2t" if path.suffix == ".ts" else "application/vnd.apple.mpegurl"
            web.files[f"/{path.name}"] = (kind, path.read_bytes(), {})
        web.files["/hls.js"] = ("text/javascript", need_package("hls.js/dist/hls.min.js").read_bytes(), {})
        web.files["/player.html"] = ("text/html", PLAYER.encode(), {})
        yield web


async def test_a_player_lists_the_languages_and_shows_their_captions_in_time(player: Site, window: Any) -> None:
    async with running(allow_origin=(player.url,)) as service:
        channel = service.services.hub.channel("hls")
        channel.begin(ago=60)
        address = f"{service.url}/api/channels/hls/hls"
        playlists = {name: f"{address}/{name}/playlist.m3u8?mpegts={TIMESTAMP}" for name in ("original", "fr")}
        async with httpx.AsyncClient() as client:
            await client.get(playlists["fr"])  # which begins the translation
        words = (Word("Bonsoir", 1.0, 2.0),)
        channel.translation("fr").put(Caption("c1", 1, "Host", "fr", words, final=True))
        put(service, "hls", "c1", 1, "Good evening", start=1.0, final=True)
        put(service, "hls", "c2", 1, "and welcome", start=9.0, final=True)
        master = MASTER.format(original=playlists["original"], french=playlists["fr"])
        player.files["/master.m3u8"] = ("application/vnd.apple.mpegurl", master.encode(), {})
        page = await window(f"{player.url}/player.html")
        await page.until("hls.subtitleTracks.length === 2")
        names = await page.page.evaluate("hls.subtitleTracks.map((track) => track.name)")
        assert names == ["English", "Français"]
        await page.until("video.buffered.length > 0")
        await page.page.evaluate("video.play()")
        await page.until("cues('en').length === 2")
        assert await page.page.evaluate("cues('en')") == [[1.0, "Good evening"], [9.0, "and welcome"]]
        await page.page.evaluate("hls.subtitleTrack = 1")
        await page.until("cues('fr').length === 1")
        assert await page.page.evaluate("cues('fr')") == [[1.0, "Bonsoir"]]
