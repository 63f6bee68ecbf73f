"""The path below which the service is, as proxies pass it on."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from starlette.types import Message, Receive, Scope, Send

from surtitle.cli.serve_options import _OWN_PATHS
from surtitle.core.settings import Access, Settings
from surtitle.web.app import create_app
from surtitle.web.base_path import BasePathMiddleware, get_base_path


async def seen(public_url: str | None, path: str) -> tuple[str, str]:
    """The path of an address, and what the application gets: its base, and the path below that."""
    found: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        raise AssertionError("nothing is sent")

    scope = {"type": "http", "path": unquote(path), "root_path": ""}
    await BasePathMiddleware(app, public_url)(scope, receive, send)
    return get_base_path(found[0]), found[0]["path"].removeprefix(found[0].get("root_path", ""))


@pytest.mark.parametrize(
    ("public_url", "base"),
    [
        ("https://example.org/captions", "/captions"),
        ("https://example.org/captions/", "/captions"),
        ("https://example.org/a/b.c/captions/", "/a/b.c/captions"),
        ("https://example.org/caf%C3%A9%20live", "/caf%C3%A9%20live"),
        ("https://example.org/café/", "/caf%C3%A9"),
    ],
)
async def test_every_proxy_leads_to_the_same_page(public_url: str, base: str) -> None:
    passed_on, removed, removed_without_slash = f"{base}/view/main", "/view/main", "//view/main"
    for path in (passed_on, removed, removed_without_slash):
        assert await seen(public_url, path) == (base, "/view/main")
    for path in (base, f"{base}/", "/", "//"):
        assert await seen(public_url, path) == (base, "/")


async def test_similar_paths_are_others() -> None:
    assert await seen("https://example.org/captions", "/captions2/view/main") == ("/captions", "/captions2/view/main")
    assert await seen(None, "//view/main") == ("", "//view/main")
    assert await seen("https://example.org", "/captions/view/main") == ("", "/captions/view/main")


def test_a_public_address_may_not_begin_with_any_path_of_the_service() -> None:
    """If the proxy removes the path, these would be taken for it."""
    paths = {str(getattr(route, "path", "")).split("/")[1] for route in create_app(Settings()).routes}
    assert {path for path in paths if path and "{" not in path} == set(_OWN_PATHS)


@pytest.mark.parametrize(
    ("public_url", "origin"),
    [
        (None, None),
        ("https://Example.org/Captions", "https://example.org"),
        ("https://example.org:443/", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("https://example.org:8443/captions", "https://example.org:8443"),
        ("http://[2001:db8::1]:8000", "http://[2001:db8::1]:8000"),
    ],
)
def test_the_origin_of_the_pages(public_url: str | None, origin: str | None) -> None:
    assert Access(public_url=public_url).public_origin == origin
