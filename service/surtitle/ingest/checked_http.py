"""HTTP for FFmpeg that only reaches public addresses.

FFmpeg follows redirects and opens what a playlist names, and asks the DNS again each time. Here every connection, also
one after a redirect or for a segment of a playlist, is made to an address that was checked.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote, urljoin, urlsplit

from surtitle.core.errors import BadRequest
from surtitle.ingest.address import check_public

_MAX_REDIRECTS = 5
_MAX_PLAYLIST = 4_000_000  # bytes; FFmpeg keeps everything that a playlist names
_PLAYLIST_TIMEOUT = 15.0  # seconds to read a playlist, which may come byte by byte
_REDIRECTS = (301, 302, 303, 307, 308)


class HttpStatusError(OSError):
    """The server answered with another status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server answers with status {status}")
        self.status = status


class HttpBody:
    """The body of a response, as FFmpeg reads it. ``url`` is where it was found after redirects."""

    def __init__(self, connection: _Connection, response: http.client.HTTPResponse, url: str) -> None:
        self._connection = connection
        self._response = response
        self.name = url
        kind = response.headers.get_content_type()
        self.is_playlist = "mpegurl" in kind or urlsplit(url).path.endswith((".m3u8", ".m3u"))
        """Whether the server says that this is an HLS playlist, or its name does."""
        self._count = 0  # bytes read
        self._deadline = time.monotonic() + _PLAYLIST_TIMEOUT

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; empty at the end. Raises OSError, also for a playlist without an end."""
        data = self._response.read1(size)
        self._count += len(data)
        if self.is_playlist and (self._count > _MAX_PLAYLIST or time.monotonic() > self._deadline):
            raise OSError("the playlist does not end")
        return data

    def close(self) -> None:
        if self._connection.opened is not None:
            with suppress(OSError):
                self._connection.opened.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads
        with suppress(ValueError):  # which reads just now
            self._response.close()
        self._connection.close()


def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a host. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def resolve_public(host: str, port: int) -> list[str]:
    """The IP addresses of a host, all of them public. Raises `Forbidden`, OSError."""
    addresses = resolve(host, port)
    check_public(host, addresses)
    return addresses


def open_public(url: str, options: Mapping[str, str], timeout: float) -> HttpBody:
    """Request a URL, following redirects; ``options`` are FFmpeg's. Raises `SurtitleError`, OSError."""
    for _ in range(_MAX_REDIRECTS + 1):
        connection, response = _request(url, options, timeout)
        if response.status not in _REDIRECTS:
            break
        location = response.headers.get("location", "")
        HttpBody(connection, response, url).close()
        url = urljoin(url, location)
    else:
        raise OSError("too many redirects")
    if response.status not in (200, 206):
        HttpBody(connection, response, url).close()
        raise HttpStatusError(response.status)
    return HttpBody(connection, response, url)


def _request(url: str, options: Mapping[str, str], timeout: float) -> tuple[_Connection, http.client.HTTPResponse]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRequest("The stream leads to something that is not an http or https address, which is not allowed.")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = _Connection(parts.hostname, port, resolve_public(parts.hostname, port)[0], parts.scheme, timeout)
    headers = {"User-Agent": "Surtitle", "Accept": "*/*"}
    if parts.username:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
    start, end = int(options.get("offset", 0)), int(options.get("end_offset", 0))
    if start or end:
        headers["Range"] = f"bytes={start}-{end - 1 if end else ''}"
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", headers=headers)
        return connection, connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise error if isinstance(error, OSError) else OSError("the server does not speak HTTP") from error


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was checked, for the host name of the URL."""

    def __init__(self, host: str, port: int, address: str, scheme: str, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self._secure = scheme == "https"
        self.opened: socket.socket | None = None
        """The connection's socket; ``sock`` is None as soon as only the response needs it."""

    def connect(self) -> None:
        self.sock = self._open_socket((self._address, self.port), self.timeout)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        self.opened = self.sock

    def _open_socket(self, address: tuple[str, int], timeout: float | None) -> socket.socket:
        return socket.create_connection(address, timeout)
