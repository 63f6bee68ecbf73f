"""The service below a path of a real nginx or Caddy, which passes the path on or removes it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.access import tokens
from surtitle.access.tokens import EVERY, Scope
from surtitle.core.settings import Access
from tests.e2e.extension import Extension, box, play
from tests.e2e.site import Site
from tests.support import (
    Running,
    error_rate,
    free_port,
    need,
    put,
    readers,
    running,
    settled,
    sources,
    speech,
    until,
)

SECRET = "a secret that nobody guesses, of this test"
PATH = "/captions"
CONF = """
daemon off; {user} pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}
http {{
    {temporary} access_log off;
    map $http_upgrade $connection_header {{ default upgrade; "" ""; }}
    server {{
        listen 127.0.0.1:{front};
        location /captions/ {{
            proxy_pass http://127.0.0.1:{port}{slash};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_header;
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
"""

CADDYFILE = """
{{
    admin off
    auto_https off
}}
http://:{front} {{
    bind 127.0.0.1
    redir /captions /captions/
    reverse_proxy /captions/* 127.0.0.1:{port}
}}
"""


@contextmanager
def caddy(folder: Path, front: int, port: int, _: str) -> Iterator[None]:
    (folder / "Caddyfile").write_text(CADDYFILE.format(front=front, port=port))
    environment = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    running = subprocess.Popen(
        [need("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(10)


@contextmanager
def nginx(folder: Path, front: int, port: int, slash: str) -> Iterator[None]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    text = CONF.format(user=user, folder=folder, temporary=temporary, front=front, port=port, slash=slash)
    (folder / "nginx.conf").write_text(text)
    running = subprocess.Popen(
        [need("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(10)


SENTENCE = "She has worked in the same office for eleven years."
PROXIES = {
    "nginx removes the path": (nginx, "/", "localhost"),
    "nginx passes the path on": (nginx, "", "localhost"),
    "Caddy passes the path on": (caddy, "", "localhost"),
}


@pytest_asyncio.fixture(params=PROXIES.values(), ids=PROXIES)
async def below(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Running, str]]:
    """A service, and its address behind a proxy."""
    proxy, variant, host = request.param
    front, port = free_port(), free_port()
    url = f"http://{host}:{front}{PATH}"
    access = Access(SECRET, public_url=f"{url}/", trust_proxy=("127.0.0.1",))
    async with running(port=port, access=access, data_dir=tmp_path / "data") as service:
        with proxy(tmp_path, front, port, variant):
            async with httpx.AsyncClient() as client, asyncio.timeout(10):
                while True:
                    try:
                        if (await client.get(f"{url}/healthz")).status_code == 200:
                            break
                    except httpx.HTTPError:
                        await asyncio.sleep(0.05)
            yield service, url


def token(scope: Scope = Scope.ADMIN) -> str:
    return str(tokens.issue(SECRET, scope, EVERY, 600).token)


async def test_pages_links_and_sockets_are_below_the_path(below: tuple[Running, str], window: Any) -> None:
    service, url = below
    dashboard = await window(f"{url}/?token={token()}")
    await dashboard.until("document.querySelector('#service').dataset.state === 'live'")
    assert dashboard.page.url == f"{url}/"
    (cookie,) = await dashboard.page.context.cookies(f"{url}/")
    assert cookie["path"] == PATH
    await dashboard.until("document.querySelectorAll('.links .address').length === 4")
    addresses = await dashboard.page.evaluate(
        "[...document.querySelectorAll('.links .address')].map(a => a.textContent)"
    )
    assert [address.partition("?")[0] for address in addresses] == [
        f"{url}/overlay/main",
        f"{url}/view/main",
        f"{url}/speak/main",
        f"{url.replace('http', 'ws')}/api/channels/main/audio",
    ]
    links = await dashboard.page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)")
    assert links
    assert all(link.startswith(f"{url}/") for link in links if "localhost" in link)

    viewer = await window(await dashboard.page.evaluate("document.querySelectorAll('.links a')[1].href"))
    overlay = await window(await dashboard.page.evaluate("document.querySelectorAll('.links a')[0].href"))
    await readers(service, "main", 2)
    put(service, "main", "c1", 1, "below a path", final=True)
    for page, place in ((overlay, "#captions"), (viewer, "#transcript")):
        await page.until("place => document.querySelector(place).textContent.includes('below')", place, seconds=10)
    assert viewer.page.url == f"{url}/view/main"  # the cookie has the token
    manifest = await viewer.page.evaluate(
        "fetch(document.querySelector('link[rel=manifest]').href).then(r => r.json())"
    )
    assert manifest["start_url"] == f"{PATH}/view/main"

    local = await window(f"{service.url}/view/main?token={token(Scope.VIEW)}")  # on the service's computer
    await local.until("!location.search")
    await local.page.reload()  # the cookie counts only below the path
    await local.until("document.querySelector('#transcript') !== null")

    sessions = await window(f"{url}/sessions")
    await sessions.until("document.querySelector('main') !== null")
    assert await sessions.page.evaluate("document.querySelector('header a, nav a, a').href") == f"{url}/"


async def test_a_source_is_published_and_read_below_the_path(below: tuple[Running, str]) -> None:
    service, url = below
    headers = {"authorization": f"Bearer {token()}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as client:
        answer = await client.post(f"{url}/api/channels/main/audio", content=bytes(32_000))
        assert (answer.status_code, answer.json()["seconds"]) == (200, 1.0)
        async with client.stream("GET", f"{url}/api/channels/main/captions") as events:
            put(service, "main", "c1", 1, "hello")
            async for line in events.aiter_lines():
                if "hello" in line:
                    break
        async with client.stream("GET", f"{url}/api/channels/main/obs") as feed:
            async for line in feed.aiter_lines():
                if (said := json.loads(line))["event"] == "state":
                    assert said["page"].startswith(f"{url}/overlay/main?token=")
                    break
        svg = await client.get(f"{url}/view/main/qr.svg")
        assert svg.status_code == 200
    async with httpx.AsyncClient() as client:
        refused = await client.get(f"{url}/", headers={"accept": "text/html"})
        assert refused.status_code == 401
        assert f"{PATH}/static/refused.css" in refused.text
        assert (await client.get(f"{url}/static/refused.css")).status_code == 200
        assert (await client.get(f"{url}/static/overlay/shared/api.js")).status_code == 200
    local = f"{service.url}/healthz"  # programs on this computer need no path
    async with httpx.AsyncClient() as client:
        assert (await client.get(local)).status_code == 200


@pytest.mark.parametrize("below", [(nginx, "", "127.0.0.1")], indirect=True, ids=["nginx"])
async def test_the_extension_captions_a_tab_below_the_path(
    below: tuple[Running, str], chrome: Extension, web: Site
) -> None:
    service, url = below
    await chrome.settle(server=url, channel="tab", token=token(Scope.PUBLISH))
    page = await chrome.open(web.speaks("Talk", speech(SENTENCE, "slt")))
    await chrome.start(page)
    await play(page)
    captions = await settled(service, "tab")
    assert error_rate(SENTENCE, captions) < 0.4
    assert error_rate(captions, await box(page) or "") == 0
    popup = await chrome.popup(page)
    await popup.until(f"document.querySelector('#viewer').href.startsWith('{url}/view/tab?token=')")
    assert popup.errors == []
    await page.close()
    await until(lambda: not sources(service, "tab"))
