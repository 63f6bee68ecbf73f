"""Where the pool is, and the secret that it shares with the service, both from the environment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from surtitle.core.errors import ModelError

KIND = "pool"
"""What the names of models that run on the pool begin with, before a colon."""
URL_VARIABLE = "SURTITLE_INFERENCE"
TOKEN_VARIABLE = "SURTITLE_INFERENCE_TOKEN"

_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class PoolAddress:
    """The address below which the pool has its models, without a slash at its end, and the secret or ""."""

    url: str
    token: str = field(default="", repr=False)


def read_address(environment: Mapping[str, str]) -> PoolAddress:
    """The pool of this environment. Raises `ModelError`, without quoting the secret."""
    url = environment.get(URL_VARIABLE, "").strip()
    if not url:
        raise ModelError(f"No inference pool is configured: give its address with --inference, or in {URL_VARIABLE}.")
    return PoolAddress(check_url(url), read_token(environment))


def read_token(environment: Mapping[str, str]) -> str:
    """The secret that the pool shares with its services, "" without one. Raises `ModelError`."""
    token = environment.get(TOKEN_VARIABLE, "").strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ModelError(f"{TOKEN_VARIABLE} may only have ASCII characters without spaces: set another secret.")
    return token


def check_url(url: str) -> str:
    """The address without a slash at its end. Raises `ModelError`."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if usable and parts.scheme == "ray":
        raise ModelError(
            f"The pool is reached by HTTP, not by Ray's own protocol: give the address of Ray Serve's proxy, such as "
            f"http://{parts.hostname}:8000."
        )
    plain = url.isascii() and url.isprintable() and " " not in url
    if not usable or not plain or parts.scheme not in _SCHEMES or "@" in parts.netloc or parts.query or parts.fragment:
        raise ModelError(
            "The address of the inference pool is not a complete one: give one like http://pool.example:8000, without "
            "a name or a password."
        )
    return url.rstrip("/")


def strip_kind(model: str) -> str:
    """The name of a model on the pool, of its full name."""
    return model.removeprefix(f"{KIND}:")
