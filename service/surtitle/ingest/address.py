"""Addresses of media streams: which are accepted, how they are shown, and which computers they may lead to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from surtitle.core.errors import BadRequest, Forbidden

SCHEMES = ("rtmp", "rtmps", "rtsp", "http", "https", "udp", "rtp", "srt")
MAX_LENGTH = 2000
"""Characters of an address."""

_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", re.ASCII)
_DEFAULT_PORTS = {"rtmp": 1935, "rtmps": 443, "rtsp": 554, "http": 80, "https": 443}
_EMBEDDING = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Networks of IPv6 addresses that may lead to any IPv4 address."""

_NOT_PUBLIC = (
    "leads to this computer or a private network: start the service with --allow-private-ingest, or run "
    "`surtitle ingest` where the stream can be reached."
)


@dataclass(frozen=True, slots=True)
class MediaAddress:
    """The address of a stream. ``url`` may contain passwords and keys, so only ``label`` is shown and logged.

    ``listens`` is true if the stream is sent to this computer, which waits for it.
    """

    scheme: str
    host: str
    port: int
    url: str = field(repr=False)
    label: str
    listens: bool


def parse_address(text: str, *, listen: bool = False) -> MediaAddress:
    """Parse the URL of a stream. Raises `BadRequest`.

    ``listen``, or ``?listen`` at the end of an rtmp address, makes this computer the server to which an encoder sends.
    """
    text = text.strip()
    if len(text) > MAX_LENGTH or "\\" in text or not _PRINTABLE.fullmatch(text):
        raise BadRequest(f"A stream's address may have at most {MAX_LENGTH} characters, and no spaces or backslashes.")
    if text.endswith("?listen"):
        text, listen = text.removesuffix("?listen"), True
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadRequest("This is not the address of a stream: check its port.") from None
    if parts.scheme not in SCHEMES:
        raise BadRequest(f"A stream's address begins with one of {', '.join(f'{one}://' for one in SCHEMES)}.")
    authority = parts.netloc.rpartition("@")[2]
    host = authority if authority.endswith("]") else authority.rpartition(":")[0] if port else authority
    if parts.netloc.count("@") > 1 or not (_HOST.fullmatch(host) or (not host and parts.scheme in ("udp", "srt"))):
        raise BadRequest("The address has no valid name of a computer after ://.")
    if listen and parts.scheme not in ("rtmp", "srt"):
        raise BadRequest("Only an rtmp or srt address can wait for an encoder: leave out listen.")
    if parts.scheme in ("udp", "rtp", "srt") and not port:
        raise BadRequest(f"The address needs a port, such as {parts.scheme}://0.0.0.0:5004.")
    mode = dict(parse_qsl(parts.query)).get("mode")
    if parts.scheme == "srt" and listen and mode is None:
        text += ("&" if parts.query else "?") + "mode=listener"
        mode = "listener"
    return MediaAddress(
        scheme=parts.scheme,
        host=host.strip("[]"),
        port=port or _DEFAULT_PORTS[parts.scheme],
        url=text,
        label=mask(text),
        listens=(listen and parts.scheme == "rtmp")
        or parts.scheme in ("udp", "rtp")
        or mode in ("listener", "rendezvous"),
    )


def mask(url: str) -> str:
    """A URL without what may be secret: passwords, the query, and the last part of an rtmp address, a stream's key."""
    parts = urlsplit(url)
    path = parts.path
    if parts.scheme.startswith("rtmp") and path.strip("/").count("/"):
        path = f"{path.rstrip('/').rpartition('/')[0]}/…"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}{'?…' if parts.query else ''}"


def is_public(address: str) -> bool:
    """Whether an IP address is that of a computer on the Internet, and leads nowhere else."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in _EMBEDDING):
            return False
    return ip.is_global and not ip.is_multicast


def check_public(host: str, addresses: Iterable[str]) -> None:
    """Raise `Forbidden` unless all ``addresses`` of ``host``, of which there is at least one, are public."""
    found = list(addresses)
    if not found or not all(map(is_public, found)):
        raise Forbidden(f"{host[:80]} {_NOT_PUBLIC}")


def check_not_listening(address: MediaAddress) -> None:
    """Raise `Forbidden` if the stream would be sent to this computer."""
    if address.listens:
        raise Forbidden(f"{address.label} {_NOT_PUBLIC}")
