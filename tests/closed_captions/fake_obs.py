"""A server that speaks as much of obs-websocket as the service uses, and fails when a test wants it to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.support import free_port

PASSWORD = "correct-horse"
SALT, CHALLENGE = "salt", "challenge"


@dataclass
class FakeObs:
    """What it answers, and what it was asked."""

    port: int
    password: str | None = PASSWORD
    greets: bool = True
    close_code: int | None = None  # with which it closes instead of accepting a client
    streaming: bool = True
    delay: int = 0
    recording: tuple[bool, float] | None = None  # whether it is paused, and the length of the file in seconds
    answering: asyncio.Event = field(default_factory=asyncio.Event)  # responses wait for it
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)  # settings of sources
    kinds: tuple[str, ...] = ("browser_source", "text_ft2_source_v2")
    items: set[tuple[str, str]] = field(default_factory=set)  # which scenes have which sources
    scene: str = "Talk"  # on program
    subscriptions: int = 0  # of the newest client
    connections: set[ServerConnection] = field(default_factory=set)

    async def serve(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        try:
            await self._serve(connection)
        except ConnectionClosed:
            pass
        finally:
            self.connections.discard(connection)

    async def switch_scene(self, scene: str) -> None:
        """Put a scene on program, and tell those who want to know."""
        self.scene = scene
        event = {"eventType": "CurrentProgramSceneChanged", "eventIntent": 4, "eventData": {"sceneName": scene}}
        if self.subscriptions & 4:
            for connection in list(self.connections):
                await self._send(connection, 5, event)

    async def _serve(self, connection: ServerConnection) -> None:
        if not self.greets:
            await connection.wait_closed()
            return
        authentication = {"authentication": {"challenge": CHALLENGE, "salt": SALT}} if self.password else {}
        await self._send(connection, 0, {"obsWebSocketVersion": "5.0.1", "rpcVersion": 1, **authentication})
        identify = json.loads(await connection.recv())
        assert identify["op"] == 1
        self.subscriptions = identify["d"]["eventSubscriptions"]
        if self.close_code:
            await connection.close(self.close_code)
            return
        if self.password and identify["d"].get("authentication") != self._secret():
            await connection.close(4009, "Authentication failed.")
            return
        await self._send(connection, 2, {"negotiatedRpcVersion": 1})
        async for message in connection:
            asked = json.loads(message)["d"]
            self.requests.append((asked["requestType"], asked["requestData"]))
            await self.answering.wait()
            await self._send(connection, 7, self._answer(asked))

    def _secret(self) -> str:
        secret = base64.b64encode(hashlib.sha256(f"{self.password}{SALT}".encode()).digest())
        return base64.b64encode(hashlib.sha256(secret + CHALLENGE.encode()).digest()).decode()

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        name: str = asked["requestType"]
        data: dict[str, Any] | None = None
        status: dict[str, Any] = {"result": True, "code": 100}
        match name:
            case "GetCurrentProgramScene":
                data = {"currentProgramSceneName": self.scene}
            case "GetVersion":
                data = {"obsVersion": "29.0.2"}
            case "GetStreamStatus":
                data = {"outputActive": self.streaming}
            case "GetRecordStatus":
                paused, seconds = self.recording or (False, 0.0)
                data = {
                    "outputActive": self.recording is not None,
                    "outputPaused": paused,
                    "outputDuration": round(1000 * seconds),
                }
            case "GetProfileParameter":
                values = {"DelayEnable": str(self.delay > 0).lower(), "DelaySec": str(self.delay)}
                data = {"parameterValue": values[asked["requestData"]["parameterName"]], "defaultParameterValue": None}
            case "GetInputSettings" | "SetInputSettings" if asked["requestData"]["inputName"] in self.inputs:
                settings = self.inputs[asked["requestData"]["inputName"]]
                if name == "GetInputSettings":
                    data = {"inputSettings": settings, "inputKind": "text_ft2_source_v2"}
                else:
                    assert asked["requestData"]["overlay"]
                    settings.update(asked["requestData"]["inputSettings"])
            case "GetInputSettings" | "SetInputSettings":
                status = {"result": False, "code": 600, "comment": "No source was found by that name."}
            case "GetInputKindList":
                data = {"inputKinds": list(self.kinds)}
            case "GetVideoSettings":
                data = {"baseWidth": 2560, "baseHeight": 1440}
            case "CreateInput":
                source = asked["requestData"]
                assert source["inputName"] not in self.inputs
                self.inputs[source["inputName"]] = source["inputSettings"]
                self.items.add((source["sceneName"], source["inputName"]))
            case "GetSceneItemId" | "CreateSceneItem":
                item = (asked["requestData"]["sceneName"], asked["requestData"]["sourceName"])
                if name == "CreateSceneItem":
                    assert item not in self.items
                    self.items.add(item)
                elif item not in self.items:
                    status = {"result": False, "code": 600, "comment": "No scene items were found."}
            case "SendStreamCaption" if self.streaming:
                self.captions.append(asked["requestData"]["captionText"])
            case "SendStreamCaption":
                status = {"result": False, "code": 501}
            case _:
                status = {"result": False, "code": 204, "comment": "Your request type is not valid."}
        return {"requestType": name, "requestId": asked["requestId"], "requestStatus": status, "responseData": data}

    async def _send(self, connection: ServerConnection, opcode: int, data: dict[str, Any]) -> None:
        await connection.send(json.dumps({"op": opcode, "d": data}))


@asynccontextmanager
async def fake_obs(host: str = "127.0.0.1", **properties: Any) -> AsyncIterator[FakeObs]:
    obs = FakeObs(free_port(), **properties)
    obs.answering.set()
    async with serve(obs.serve, host, obs.port, close_timeout=1):
        try:
            yield obs
        finally:
            obs.answering.set()
