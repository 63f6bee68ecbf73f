"""The client of obs-websocket, with a server that fails as a real OBS hardly does; tests/obs has the real one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from surtitle.closed_captions.obs_client import (
    ObsPasswordRefused,
    ObsRequestFailed,
    ObsUnreachable,
    ObsUnsupported,
    connect_to_obs,
)
from tests.closed_captions.fake_obs import PASSWORD, fake_obs
from tests.support import free_port, until

TIMEOUT = 5.0
SHORT = 0.3  # for what is known to time out


@pytest.mark.parametrize(("host", "required"), [("127.0.0.1", PASSWORD), ("127.0.0.1", None), ("::1", PASSWORD)])
async def test_it_logs_in_and_asks(host: str, required: str | None) -> None:
    async with (
        fake_obs(host, password=required) as server,
        connect_to_obs(host, server.port, PASSWORD, TIMEOUT) as obs,
    ):
        assert await obs.request("GetVersion") == {"obsVersion": "29.0.2"}
        assert await obs.request("SendStreamCaption", {"captionText": "hello"}) == {}
        assert server.captions == ["hello"]


async def test_a_failed_request_has_obs_code_and_leaves_the_connection_usable() -> None:
    async with fake_obs() as server, connect_to_obs("127.0.0.1", server.port, PASSWORD, TIMEOUT) as obs:
        with pytest.raises(ObsRequestFailed, match="MakeCoffee: 204 Your request type is not valid") as failure:
            await obs.request("MakeCoffee")
        assert failure.value.code == 204
        assert await obs.request("GetVersion")


@pytest.mark.parametrize(
    ("properties", "password", "error"),
    [
        ({}, "wrong", ObsPasswordRefused),
        ({}, "", ObsPasswordRefused),
        ({"greets": False}, PASSWORD, ObsUnsupported),  # obs-websocket 4 waits for its client to ask
        ({"close_code": 4010}, PASSWORD, ObsUnsupported),
        ({"close_code": 4011}, PASSWORD, ObsUnreachable),  # somebody disconnected the client in OBS
    ],
)
async def test_a_refusal_is_told_from_no_answer(
    properties: dict[str, Any], password: str, error: type[Exception]
) -> None:
    async with fake_obs(**properties) as server:
        with pytest.raises(error):
            async with connect_to_obs("127.0.0.1", server.port, password, TIMEOUT if server.greets else SHORT):
                pytest.fail("it should not have connected")
        await until(lambda: not server.connections)


async def test_nothing_answers() -> None:
    with pytest.raises(ObsUnreachable, match=r"^Connection refused$"):
        async with connect_to_obs("127.0.0.1", free_port(), PASSWORD, TIMEOUT):
            pass


async def test_a_name_that_no_computer_can_have() -> None:
    with pytest.raises(ObsUnreachable, match="localhost:4455"):
        async with connect_to_obs("localhost:4455", free_port(), PASSWORD, TIMEOUT):
            pass


async def test_another_server_answers() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ObsUnreachable, match="404"):
            async with connect_to_obs("127.0.0.1", port, PASSWORD, TIMEOUT):
                pass


async def test_a_request_without_an_answer_times_out() -> None:
    async with fake_obs() as server, connect_to_obs("127.0.0.1", server.port, PASSWORD, SHORT) as obs:
        server.answering.clear()
        with pytest.raises(ObsUnreachable):
            await obs.request("GetVersion")


async def test_a_lost_connection_ends_a_request_at_once() -> None:
    async with fake_obs() as server, connect_to_obs("127.0.0.1", server.port, PASSWORD, 60) as obs:
        server.answering.clear()
        request = asyncio.create_task(obs.request("GetVersion"))
        await until(lambda: bool(server.requests))
        for connection in set(server.connections):
            connection.transport.abort()
        with pytest.raises(ObsUnreachable):
            await asyncio.wait_for(request, 20)


async def test_the_late_answer_to_a_cancelled_request_is_skipped() -> None:
    async with fake_obs() as server, connect_to_obs("127.0.0.1", server.port, PASSWORD, TIMEOUT) as obs:
        server.answering.clear()
        request = asyncio.create_task(obs.request("GetVersion"))
        await until(lambda: bool(server.requests))
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        server.answering.set()
        assert await obs.request("GetStreamStatus") == {"outputActive": True}
