"""Where a cloud is, and the key for it, both from the environment. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from surtitle.core.errors import ModelError

_SCHEMES = {"https": "wss", "wss": "wss", "http": "ws", "ws": "ws"}
_LOCAL_KEY = "local"  # what a service on this computer that needs no key is sent


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """The variables of one kind of cloud. ``default`` is its address, ``path`` where its protocol is found there."""

    title: str
    key_variable: str
    url_variable: str
    default: str
    path: str

    def problem(self, environment: Mapping[str, str]) -> str:
        """What has to be set before the cloud can be used, in one sentence; "" if nothing has."""
        try:
            self.read(environment)
        except ModelError as error:
            return error.message
        return ""

    def read(self, environment: Mapping[str, str]) -> CloudAccess:
        """Raises `ModelError`, without quoting the values: an address may contain a secret."""
        given = environment.get(self.url_variable, "").strip()
        key = environment.get(self.key_variable, "").strip()
        access = CloudAccess(self._complete(given or self.default), key or _LOCAL_KEY)
        if not key and not access.local:
            raise ModelError(
                f"There is no key for {self.title}: set {self.key_variable} in the environment of the service, and "
                "start it again."
            )
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ModelError(f"The key in {self.key_variable} is not one: copy it again.")
        return access

    def _complete(self, given: str) -> str:
        """The WebSocket address with the protocol's path, however much of that a person has given."""
        try:
            parts = urlsplit(given)
            usable = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0 and given.isascii()
        except ValueError:
            usable = False
        if not usable or not given.isprintable() or " " in given or "@" in parts.netloc or parts.fragment:
            raise ModelError(
                f"{self.url_variable} is not a complete address: set one like {self.default}, without a name or a key."
            )
        scheme = _SCHEMES[parts.scheme]
        if scheme == "ws" and not is_loopback(parts.hostname or ""):
            raise ModelError(f"{self.url_variable} is not encrypted: set an address that begins with https.")
        version, _, last = self.path.strip("/").partition("/")
        path = parts.path.rstrip("/")
        if not path.endswith(f"/{last}"):
            path += f"/{last}" if path.endswith(f"/{version}") else f"/{version}/{last}"
        return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


@dataclass(frozen=True, slots=True)
class CloudAccess:
    """A WebSocket address, which may have a query, and the key for it."""

    url: str
    key: str = field(repr=False)

    @property
    def host(self) -> str:
        """The host for people, with its port if that is not the usual one."""
        return urlsplit(self.url).netloc

    def is_at(self, address: str) -> bool:
        """Whether this is the same host as another address."""
        return urlsplit(self.url).netloc == urlsplit(address).netloc

    @property
    def local(self) -> bool:
        """Whether the service is on this computer."""
        return is_loopback(urlsplit(self.url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host is this computer, by its name or address alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
