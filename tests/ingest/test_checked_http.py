"""HTTP that reaches public addresses only: also after a redirect, for a playlist's segments, and by another name."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from surtitle.core.errors import BadRequest, Forbidden
from surtitle.ingest import checked_http
from surtitle.ingest.address import parse_address
from surtitle.ingest.checked_http import HttpStatusError, open_public
from surtitle.ingest.media_input import IngestError, open_stream


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\nhttp://127.0.0.1/one.ts\n#EXT-X-ENDLIST\n"
        answers = {
            "/private": (302, {"Location": "http://127.0.0.1/secret"}, b""),
            "/file": (302, {"Location": "file:///etc/passwd"}, b""),
            "/moved": (301, {"Location": "/here"}, b""),
            "/here": (200, {"Content-Type": "text/plain"}, b"found"),
            "/live": (200, {"Content-Type": "application/vnd.apple.mpegurl"}, playlist.encode()),
        }
        status, headers, body = answers.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A site of the Internet, as far as the code can see; it is a server on this computer."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def open_socket(self: object, address: tuple[str, int], timeout: float) -> socket.socket:
            assert address == ("93.184.215.14", 80)
            return socket.create_connection(("127.0.0.1", server.server_port), timeout)

        monkeypatch.setattr(checked_http._Connection, "_open_socket", open_socket)
        found = {"example.org": ["93.184.215.14"], "rebound.example.org": ["93.184.215.14", "192.168.0.1"]}
        monkeypatch.setattr(checked_http, "resolve", lambda host, port: found.get(host, [host]))
        yield "http://example.org"
        server.shutdown()


def test_a_redirect_is_followed_to_public_addresses_only(site: str) -> None:
    body = open_public(f"{site}/moved", {}, 5)
    assert (body.name, body.read(100)) == (f"{site}/here", b"found")
    body.close()
    with pytest.raises(Forbidden):
        open_public(f"{site}/private", {}, 5)
    with pytest.raises(BadRequest):
        open_public(f"{site}/file", {}, 5)
    with pytest.raises(HttpStatusError):
        open_public(f"{site}/nothing", {}, 5)


def test_a_playlist_without_an_end_is_not_read(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(checked_http, "_MAX_PLAYLIST", 20)
        with pytest.raises(IngestError, match="cannot be read"):
            _open_live(site)
    monkeypatch.setattr(checked_http, "_PLAYLIST_TIMEOUT", 0.0)
    with pytest.raises(IngestError, match="cannot be read"):
        _open_live(site)


def _open_live(site: str) -> None:
    with open_stream(parse_address(f"{site}/live"), False, lambda close: None):
        pass


def test_a_name_with_a_private_address_too_is_refused(site: str) -> None:
    with pytest.raises(Forbidden):
        open_public("http://rebound.example.org/here", {}, 5)


def test_a_playlist_leads_to_public_addresses_only(site: str) -> None:
    with pytest.raises(IngestError), open_stream(parse_address(f"{site}/live"), False, lambda close: None):
        pass


@pytest.mark.parametrize(
    ("path", "state", "message"),
    [
        ("nothing?key=secret", "refused", "check the address"),
        ("here", "failed", "finds no audio"),
        ("private", "refused", "leads"),
    ],
)
def test_what_is_wrong_is_one_sentence(site: str, path: str, state: str, message: str) -> None:
    address = parse_address(f"{site}/{path}")
    with pytest.raises(IngestError, match=message) as caught, open_stream(address, False, lambda close: None):
        pass
    assert caught.value.state == state
    assert "secret" not in str(caught.value)
