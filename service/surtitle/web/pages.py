"""The HTML pages: dashboard, sessions, overlay, viewer, microphone."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode

import segno
from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

import obs_overlay
from surtitle import __version__
from surtitle.channels.channel import check_name
from surtitle.channels.settings import number_limits
from surtitle.web import i18n
from surtitle.web.base_path import get_base_path
from surtitle.web.guard import ADMIN_ALL, ADMIN_ANY, PUBLIC, PUBLISH, VIEW, set_token_cookie
from surtitle.web.origin import MICROPHONE_POLICY, PAGE_POLICY
from surtitle.web.routing import AnyRoute, GuardedMount, GuardedRoute
from surtitle.web.services import services
from surtitle.web.tokens import build_link

_HERE = Path(__file__).parent
_OVERLAY = obs_overlay.DIRECTORY
_DEMO = _HERE.parent / "demo"
_INSTALLED = _HERE / "static" / "extension"
_EXTENSION = _INSTALLED if _INSTALLED.is_dir() else _HERE.parents[2] / "chrome-extension"
"""The modules of the extension that pages use, too: in the wheel, or in a checkout."""

_FORMS = {"txt": "Text", "md": "Markdown", "srt": "SRT", "vtt": "WebVTT", "json": "JSON"}  # those useful to readers
_QR_BORDER = 3  # white modules around the code (ISO/IEC 18004 requires 4; the page adds more)


async def dashboard(request: Request) -> Response:
    hub = services(request).hub
    hub.channel("main")  # created here so that the dashboard is never empty
    return _render(request, "dashboard.html", None, number_limits=number_limits)


async def overlay(request: Request) -> Response:
    page = _render(request, "overlay.html", check_name(request.path_params["channel"]))
    # OBS writes a source's "Custom CSS" into the page as a style element
    page.headers["content-security-policy"] = PAGE_POLICY.replace("style-src", "style-src 'unsafe-inline'")
    return page


async def view(request: Request) -> Response:
    channel = check_name(request.path_params["channel"])
    return _render(request, "view.html", channel, forms=_FORMS, link=await build_link(request, channel, "viewer"))


async def speak(request: Request) -> Response:
    channel = check_name(request.path_params["channel"])
    page = _render(request, "speak.html", channel, link=await build_link(request, channel, "speak"))
    page.headers["permissions-policy"] = MICROPHONE_POLICY
    return page


async def sessions(request: Request) -> Response:
    return _render(request, "sessions.html", None)


async def session(request: Request) -> Response:
    return _render(request, "session.html", None, session=request.path_params["id"])


async def manifest(request: Request) -> Response:
    """The Web App Manifest, which makes the viewer an installable app."""
    channel = check_name(request.path_params["channel"])
    base = get_base_path(request.scope)
    home = f"{base}/view/{quote(channel)}"
    app = {
        "name": f"{channel} · Surtitle",
        "short_name": channel,
        "id": home,
        "start_url": home,
        "scope": home,
        "display": "standalone",
        "background_color": "#121317",
        "theme_color": "#121317",
        "icons": [
            {"src": f"{base}/static/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"}
            for size in (192, 512)
        ],
    }
    return JSONResponse(app, media_type="application/manifest+json")


async def qr_code(request: Request) -> Response:
    """The viewer's address as a QR code, for a phone's camera."""
    address = await build_link(request, check_name(request.path_params["channel"]), "viewer")
    if language := request.query_params.get("lang"):
        address += f"{'&' if '?' in address else '?'}{urlencode({'lang': language[:40]})}"
    return _qr_code(address)


async def speak_qr_code(request: Request) -> Response:
    """The address of the page for the microphone, for a phone that is to be one."""
    return _qr_code(await build_link(request, check_name(request.path_params["channel"]), "speak"))


def _qr_code(address: str) -> Response:
    image = io.BytesIO()
    segno.make(address, micro=False).save(image, kind="svg", border=_QR_BORDER, xmldecl=False, omitsize=True)
    return Response(image.getvalue(), media_type="image/svg+xml", headers={"cache-control": "no-store"})


def routes() -> list[AnyRoute]:
    return [
        GuardedRoute("/", dashboard, needs=ADMIN_ANY),
        GuardedRoute("/sessions", sessions, needs=ADMIN_ALL),
        GuardedRoute("/sessions/{id}", session, needs=ADMIN_ALL),
        GuardedRoute("/overlay/{channel}", overlay, needs=VIEW),
        GuardedRoute("/view/{channel}", view, needs=VIEW),
        GuardedRoute("/view/{channel}/manifest.webmanifest", manifest, needs=VIEW),
        GuardedRoute("/view/{channel}/qr.svg", qr_code, needs=VIEW),
        GuardedRoute("/speak/{channel}", speak, needs=PUBLISH),
        GuardedRoute("/speak/{channel}/qr.svg", speak_qr_code, needs=PUBLISH),
        *(
            GuardedMount(f"/static/extension/{part}", StaticFiles(directory=_EXTENSION / part), needs=PUBLIC)
            for part in ("capture", "shared")
        ),
        GuardedMount("/static/overlay", StaticFiles(directory=_OVERLAY / "static"), needs=PUBLIC),
        GuardedMount("/static/demo", StaticFiles(directory=_DEMO / "sample"), needs=PUBLIC),
        GuardedMount("/static", StaticFiles(directory=_HERE / "static"), needs=PUBLIC),
    ]


def _render(request: Request, template: str, channel: str | None, **more: object) -> Response:
    language = i18n.choose_language(request)
    texts = i18n.messages(language)
    context = {"channel": channel, "version": __version__, "language": language, "messages": texts, **more}
    context["base"] = get_base_path(request.scope)
    response = _templates(language).TemplateResponse(request, template, context)
    response.headers["vary"] = "Accept-Language"
    set_token_cookie(request, response)
    return response


@cache
def _templates(language: str) -> Jinja2Templates:
    """The templates with their texts in ``language``."""
    env = Environment(loader=FileSystemLoader([_HERE / "templates", _OVERLAY / "templates"]), autoescape=True)
    texts = i18n.messages(language)
    env.globals["_"] = lambda text: texts.get(text, text)
    return Jinja2Templates(env=env)
