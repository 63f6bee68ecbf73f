"""Monitoring endpoints: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from surtitle import __version__
from surtitle.core.errors import BadRequest
from surtitle.web.services import services, services_in

_EXCLUDABLE = ("engine", "store")


async def health(request: Request) -> Response:
    """`/healthz`: that the service is up, and its version and engine; only the former where tokens are required."""
    service = services(request)
    if service.authority.guarded:
        return JSONResponse({"status": "ok"})
    return JSONResponse({"status": "ok", "version": __version__, **service.engines.description})


async def ready(request: Request) -> Response:
    """`/readyz`: 200 if a source that starts now is captioned and its captions are stored, otherwise 503.

    With ``exclude=store``, only the former: a proxy must not take services away because their database is down.
    Raises `BadRequest`.
    """
    service = services(request)
    excluded = request.query_params.getlist("exclude")
    if unknown := next((name for name in excluded if name not in _EXCLUDABLE), None):
        raise BadRequest(f"exclude: {unknown[:20]!r} is not a check: send one of {', '.join(_EXCLUDABLE)}.")
    problems = []
    if not service.engines.ready and "engine" not in excluded:
        problems.append("recognition is being loaded")
    if service.store_problem and "store" not in excluded:
        problems.append("the store cannot be written")
    if service.hub.stopping:
        problems.append("the service is stopping")
    return JSONResponse({"ready": not problems, "missing": problems}, 503 if problems else 200)


async def metrics(request: Request) -> Response:
    """`/metrics`: the metrics in Prometheus's text format."""
    return Response(services(request).metrics.render(), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4})


class RefusalMetrics:
    """Counts refused requests and sockets, whichever part of the service refuses them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_counted(message: Message) -> None:
            if message["type"].endswith("http.response.start") and message["status"] >= 400:
                counts.count_refusal(message["status"])
            elif message["type"] == "websocket.close" and message.get("code", 1000) >= 4400:
                counts.count_refusal(message["code"] - 4000)
            await send(message)

        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        counts = services_in(scope).metrics
        await self._app(scope, receive, send_counted)
