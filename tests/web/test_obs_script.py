"""The script for OBS as the service gives it, and the overlay that the service adds to OBS."""

from __future__ import annotations

import httpx

from surtitle.access.tokens import Scope
from surtitle.core.settings import Access
from tests.closed_captions.fake_obs import PASSWORD, fake_obs
from tests.obs.bed import LUA_SCRIPT
from tests.support import Running, free_port, running
from tests.web.test_guard import SECRET, token

NAME = "Surtitle overlay"


async def add_overlay(service: Running, **settings: object) -> tuple[int, dict[str, str]]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        await client.patch("/api/channels/main/settings", json={"closed_captions": settings})
        answer = await client.post("/api/channels/main/obs/overlay")
        return answer.status_code, answer.json()


async def test_the_script_has_the_address_of_the_service() -> None:
    async with running() as service, httpx.AsyncClient(base_url=service.url) as client:
        answer = await client.get("/obs/surtitle.lua")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == 'attachment; filename="surtitle.lua"'
        default = '"Server", "http://127.0.0.1:8000"'
        original = LUA_SCRIPT.read_text(encoding="utf-8")
        assert original.count(default) == 1
        assert answer.text == original.replace(default, f'"Server", "{service.url}"')


async def test_the_script_keeps_its_address_where_it_cannot_use_that_of_the_service() -> None:
    """It looks up no names, and nothing of an address may become a part of the script."""
    access = Access(secret=SECRET, public_url="https://captions.example")
    async with running(access=access) as service:
        headers = {"host": "captions.example", "authorization": f"Bearer {token(Scope.PUBLISH)}"}
        async with httpx.AsyncClient(base_url=service.url, headers=headers) as client:
            answer = await client.get("/obs/surtitle.lua")
            assert answer.status_code == 200
            assert answer.text == LUA_SCRIPT.read_text(encoding="utf-8")
            refused = await client.get("/obs/surtitle.lua", headers={"host": 'localhost"x'})
            assert refused.status_code in (400, 403)


async def test_the_overlay_is_added_once_to_the_scene_on_program() -> None:
    async with running() as service, fake_obs() as obs:
        settings = {"port": obs.port, "password": PASSWORD}
        assert await add_overlay(service, **settings) == (200, {"scene": "Talk"})
        url = f"{service.url}/overlay/main"
        assert obs.inputs == {NAME: {"url": url, "width": 2560, "height": 1440}}
        await add_overlay(service, **settings)
        assert obs.items == {("Talk", NAME)}
        obs.scene = "Break"
        assert await add_overlay(service, **settings) == (200, {"scene": "Break"})
        assert obs.items == {("Talk", NAME), ("Break", NAME)}


async def test_what_keeps_the_overlay_out_of_obs_is_explained() -> None:
    async with running() as service:
        port = free_port()
        status, said = await add_overlay(service, port=port, password=PASSWORD)
        assert (status, said["code"]) == (502, "obs_failed")
        assert f"OBS does not answer at 127.0.0.1:{port}: start OBS" in said["message"]
        async with fake_obs(kinds=("text_ft2_source_v2",)) as obs:
            assert "no browser source" in (await add_overlay(service, port=obs.port))[1]["message"]
            said = (await add_overlay(service, port=obs.port, password="wrong"))[1]
            assert "copy it from OBS" in said["message"]
