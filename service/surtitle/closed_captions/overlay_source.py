"""Adds the overlay to the scene on program in OBS, over obs-websocket."""

from __future__ import annotations

from surtitle.channels.settings import ClosedCaptions
from surtitle.closed_captions.obs_client import (
    ObsClient,
    ObsError,
    ObsRequestFailed,
    connect_to_obs,
)
from surtitle.core.errors import ObsFailed

_TIMEOUT = 3.0  # seconds to wait for OBS's answer
_NAME = "Surtitle overlay"  # as the script for OBS calls it
_KIND = "browser_source"


async def add_overlay(settings: ClosedCaptions, page: str) -> str:
    """Show the address ``page`` in the scene on program in OBS; the scene's name.

    It is a browser source as large as the picture. If OBS has it already, it gets the address. Raises `ObsFailed`.
    """
    try:
        async with connect_to_obs(settings.host, settings.port, settings.password, _TIMEOUT) as obs:
            return await _add(obs, page)
    except ObsRequestFailed as error:
        raise ObsFailed(f"OBS refuses to add the overlay: {error}.") from error
    except ObsError as error:
        raise ObsFailed(error.explain(settings.host, settings.port)) from error


async def _add(obs: ObsClient, page: str) -> str:
    kinds = (await obs.request("GetInputKindList")).get("inputKinds") or []
    if _KIND not in kinds:
        raise ObsFailed("This OBS has no browser source: add the overlay by the script for OBS, which adds a text.")
    video = await obs.request("GetVideoSettings")
    look = {"url": page, "width": video.get("baseWidth"), "height": video.get("baseHeight")}
    scene = str((await obs.request("GetCurrentProgramScene")).get("currentProgramSceneName") or "")
    try:
        await obs.request("SetInputSettings", {"inputName": _NAME, "inputSettings": look, "overlay": True})
    except ObsRequestFailed as error:
        if not error.not_found:
            raise
        source = {"sceneName": scene, "inputName": _NAME, "inputKind": _KIND, "inputSettings": look}
        await obs.request("CreateInput", source)
        return scene
    try:
        await obs.request("GetSceneItemId", {"sceneName": scene, "sourceName": _NAME})
    except ObsRequestFailed as error:
        if not error.not_found:
            raise
        await obs.request("CreateSceneItem", {"sceneName": scene, "sourceName": _NAME})
    return scene
