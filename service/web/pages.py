"""The pages: dashboard, overlay, viewer."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

import obs_overlay
from service import __version__
from service.channels.channel import check_name
from service.channels.hub import Hub
from service.web.security import PAGE_POLICY

_OURS = Path(__file__).parent
_OVERLAY = obs_overlay.DIRECTORY
_DEMO = _OURS.parent / "demo"

_templates = Jinja2Templates(
    env=Environment(loader=FileSystemLoader([_OURS / "templates", _OVERLAY / "templates"]), autoescape=True)
)


async def dashboard(request: Request) -> Response:
    hub: Hub = request.app.state.hub
    hub.channel("main")  # so that there is something to open from the first moment
    return _page(request, "dashboard.html", None)


async def overlay(request: Request) -> Response:
    page = _page(request, "overlay.html", check_name(request.path_params["channel"]))
    # OBS writes a source's "Custom CSS" into the page as a style element
    page.headers["content-security-policy"] = PAGE_POLICY.replace("style-src", "style-src 'unsafe-inline'")
    return page


async def view(request: Request) -> Response:
    return _page(request, "view.html", check_name(request.path_params["channel"]))


def routes() -> list[BaseRoute]:
    return [
        Route("/", dashboard),
        Route("/overlay/{channel}", overlay),
        Route("/view/{channel}", view),
        Mount("/static/overlay", StaticFiles(directory=_OVERLAY / "static")),
        Mount("/static/demo", StaticFiles(directory=_DEMO / "sample")),
        Mount("/static", StaticFiles(directory=_OURS / "static")),
    ]


def _page(request: Request, template: str, channel: str | None) -> Response:
    response = _templates.TemplateResponse(request, template, {"channel": channel, "version": __version__})
    response.headers["cache-control"] = "no-cache"
    return response
