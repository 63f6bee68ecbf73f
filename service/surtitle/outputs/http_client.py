"""HTTP requests to addresses that people enter.

An address may be a secret, and may be meant to reach what only this computer can reach. So addresses are never logged,
redirects are not followed, answers are read only up to a limit, and unless the service allows private addresses, it
connects to the very public address that it has checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from surtitle.outputs.state import TargetError, TargetRefused

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below that, they log the addresses of requests

_MAX_ANSWER = 4096  # bytes that are read of an answer
_MAX_RETRY_AFTER = 60.0  # seconds for which a target may ask to be left alone
_BODY_TIMEOUT = 1.0  # seconds to wait for the text of an answer, whose status is known by then
_KEEPALIVE = 4.0  # seconds that an idle connection is kept: many servers close it after 5, maybe during a request
_RESOLVE_TIMEOUT = 3.0  # seconds
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, the beginning of its text, and for how many seconds it asks to be left alone."""

    status: int
    text: str
    retry_after: float = 0.0

    def error(self, message: str) -> TargetError:
        """The error that this answer means, with the ``message`` for people."""
        outage = self.is_busy
        repeatable = outage or self.status in (408, 425) or self.status >= 500
        return TargetError(message, repeatable=repeatable, outage=outage, retry_after=self.retry_after)

    @property
    def is_busy(self) -> bool:
        """Whether the target takes nothing at present, whatever it is sent."""
        return self.status in (429, 503)


class Unanswered(TargetError):
    """There was no answer. ``sent``: the request may have arrived all the same, and is only then not ``repeatable``."""

    def __init__(self, message: str, *, sent: bool, repeatable: bool = False) -> None:
        super().__init__(message, repeatable=repeatable or not sent, outage=not sent)
        self.sent = sent


class HttpClient:
    """Sends requests to one address. ``known_host``: it belongs to a service that people trust, and may use http.

    ``allow_private``: any address may be used, also of this computer and its network, and http. ``timeout`` is in
    seconds, for connecting and for each part of an answer.
    """

    def __init__(self, url: str, *, known_host: bool, allow_private: bool, timeout: float) -> None:
        self._url = httpx.URL(url)
        self._known_host = known_host
        self._checks_address = not (known_host or allow_private)
        self._timeout = timeout
        self.in_flight = False
        """Whether a request was begun, or interrupted, of which nobody knows whether it arrived."""
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            timeout=timeout,
            trust_env=known_host,  # a proxy would resolve the name itself, which may then be another address
            headers={"user-agent": "Surtitle", "accept-encoding": "identity"},  # a packed answer may unpack to anything
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # a target could add to them without end
            limits=httpx.Limits(keepalive_expiry=_KEEPALIVE),
        )

    @property
    def host(self) -> str:
        """The host's name, for people."""
        return self._url.host

    @property
    def path(self) -> str:
        """The path of the address."""
        return self._url.path

    async def close(self) -> None:
        await self._client.aclose()

    async def request(
        self,
        method: str,
        *,
        path: str | None = None,
        query: Mapping[str, str | int] = {},
        body: bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> Answer:
        """Send a request with ``query`` added to the address's own, at most once. Raises `TargetError`."""
        url = self._url if path is None else self._url.copy_with(raw_path=path.encode() + b"?" + self._url.query)
        added = str(httpx.QueryParams(dict(query)))
        if added:  # appended as it is: a signature may depend on how the rest is written
            url = url.copy_with(query=b"&".join(filter(None, (url.query, added.encode()))))
        if not self._checks_address:
            return await self._send(method, url, body, dict(headers), {})
        if url.scheme != "https":
            raise TargetRefused(f"The address at {self.host} is not encrypted: use one that begins with https://.")
        addresses = await self._resolve(url)
        pinned = {**headers, "host": url.netloc.decode("ascii")}
        extensions = {"sni_hostname": url.host}
        for address in addresses[:-1]:
            try:
                return await self._send(method, url.copy_with(host=address), body, pinned, extensions)
            except Unanswered as error:
                if error.sent:
                    raise
        return await self._send(method, url.copy_with(host=addresses[-1]), body, pinned, extensions)

    async def _send(
        self, method: str, url: httpx.URL, body: bytes | None, headers: dict[str, str], extensions: dict[str, str]
    ) -> Answer:
        request = self._client.build_request(method, url, content=body, headers=headers, extensions=extensions)
        request.extensions["timeout"] = httpx.Timeout(self._timeout).as_dict()
        request.extensions["trace"] = self._trace
        self.in_flight = False
        try:
            async with asyncio.timeout(3 * self._timeout):  # an answer may come byte by byte
                answer = await self._exchange(request)
            self.in_flight = False
            return answer
        except _NOT_SENT as error:
            raise Unanswered(
                f"{self.host} cannot be reached: check the address and the network.", sent=False
            ) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Unanswered(
                f"{self.host} does not answer in time: check whether it works, and the network.", sent=True
            ) from error
        except httpx.NetworkError as error:
            raise Unanswered(self._explain_break(), sent=True) from error
        except httpx.RemoteProtocolError as error:
            nonsense = "disconnected" not in str(error)
            message = f"{self.host} does not answer in HTTP: check the address." if nonsense else self._explain_break()
            raise Unanswered(message, sent=True) from error
        except (httpx.InvalidURL, httpx.RequestError, UnicodeError) as error:
            raise TargetRefused(f"The address at {self.host} is not valid: copy it again.") from error

    async def _trace(self, event: str, _details: object) -> None:
        """Called for each step of a request."""
        if event.endswith("send_request_headers.started"):
            self.in_flight = True

    def _explain_break(self) -> str:
        return f"{self.host} broke the connection off: check whether it works, and the network."

    async def _exchange(self, request: httpx.Request) -> Answer:
        """Send a request; the text of an answer is empty or cut off if it does not come."""
        response = await self._client.send(request, stream=True)
        text = b""
        try:
            with suppress(httpx.RequestError, TimeoutError):
                async with asyncio.timeout(_BODY_TIMEOUT):
                    async for part in response.aiter_raw():
                        text += part
                        if len(text) >= _MAX_ANSWER:
                            break
        finally:
            await response.aclose()
        retry_after = _read_retry_after(response.headers.get("retry-after", ""))
        return Answer(response.status_code, text[:_MAX_ANSWER].decode(errors="replace"), retry_after)

    async def _resolve(self, url: httpx.URL) -> list[str]:
        """The addresses of the host, all of them public. Raises `TargetError`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_RESOLVE_TIMEOUT):
                found = await loop.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise Unanswered(f"There is no computer named {self.host}: check the address.", sent=False) from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not addresses or not all(map(is_public, addresses)):
            raise TargetRefused(
                f"{self.host} is not a public address: start the service with --private-outputs to allow it."
            )
        return addresses


def _read_retry_after(value: str) -> float:
    """The seconds in a header Retry-After, at most a minute; 0 if there are none, and for a date."""
    return min(float(value), _MAX_RETRY_AFTER) if value.isascii() and value.isdecimal() else 0.0


def is_public(address: str) -> bool:
    """Whether an IP address is one of the Internet, and not of this computer or its network."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None and not inner.is_global:
            return False
        if found in ipaddress.ip_network("64:ff9b::/96"):  # NAT64
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF).is_global
    return found.is_global and not found.is_multicast
