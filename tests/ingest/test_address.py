"""Which addresses of streams are accepted, how they are shown, and which computers they may lead to."""

from __future__ import annotations

import pytest

from surtitle.core.errors import BadRequest, Forbidden
from surtitle.ingest.address import check_not_listening, check_public, is_public, mask, parse_address


@pytest.mark.parametrize(
    ("url", "host", "port", "listens"),
    [
        ("rtmp://live.example.org/app/key", "live.example.org", 1935, False),
        ("rtmp://127.0.0.1:1936/live/key?listen", "127.0.0.1", 1936, True),
        ("rtsp://camera:pass@10.0.0.2:8554/stage", "10.0.0.2", 8554, False),
        ("https://[2001:db8::1]/live.m3u8", "2001:db8::1", 443, False),
        ("udp://@:5004", "", 5004, True),
        ("rtp://239.1.2.3:5004", "239.1.2.3", 5004, True),
        ("srt://example.org:9000", "example.org", 9000, False),
        ("srt://0.0.0.0:9000?mode=listener", "0.0.0.0", 9000, True),
    ],
)
def test_an_address_is_parsed(url: str, host: str, port: int, listens: bool) -> None:
    address = parse_address(url)
    assert (address.host, address.port, address.listens) == (host, port, listens)


def test_listening_is_asked_for() -> None:
    assert parse_address("rtmp://127.0.0.1/live/key", listen=True).listens
    assert parse_address("srt://127.0.0.1:9000", listen=True).url.endswith("?mode=listener")
    with pytest.raises(BadRequest, match="Only an rtmp or srt address"):
        parse_address("https://example.org/live.m3u8", listen=True)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "concat:/etc/passwd",
        "subfile,,start,0,end,99,,:/etc/passwd",
        "crypto+http://example.org/live",
        "tcp://example.org:25",
        "gopher://example.org",
        "http://",
        "http://exa mple.org/",
        "http://example.org\r\nHost: other/",
        "http://good.example@evil@127.0.0.1/",
        "http://example.org\\@127.0.0.1/",
        "http://example.org:99999/",
        "udp://127.0.0.1",
        "https://" + "a" * 3000,
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(BadRequest):
        parse_address(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://me:secret@camera.example.org/stage", "rtsp://camera.example.org/stage"),
        ("rtmp://live.example.org/app/secret", "rtmp://live.example.org/app/…"),
        ("https://example.org/live.m3u8?token=secret", "https://example.org/live.m3u8?…"),
        ("srt://example.org:9000?passphrase=secret", "srt://example.org:9000?…"),
    ],
)
def test_secrets_are_not_shown(url: str, shown: str) -> None:
    address = parse_address(url)
    assert mask(url) == address.label == shown
    assert "secret" not in repr(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "not an address",
    ],
)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(Forbidden, match="--allow-private-ingest"):
        check_public("example.org", ["93.184.215.14", address])


def test_public_addresses() -> None:
    check_public("example.org", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
    with pytest.raises(Forbidden):
        check_public("example.org", [])
    with pytest.raises(Forbidden):
        check_not_listening(parse_address("udp://93.184.215.14:5004"))
