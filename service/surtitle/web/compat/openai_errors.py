"""Errors in the shape of OpenAI's interface."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import JSONResponse, Response

from surtitle.core.errors import SurtitleError

_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
_PARAM = re.compile(r"([a-z_]+(?:\.[a-z_]+)*): ")


def describe_error(error: SurtitleError) -> dict[str, Any]:
    """The error object. A message that begins with the name of a field is about that."""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    code = _CODES.get(error.status, error.code)
    param = _PARAM.match(error.message)
    return {"type": kind, "code": code, "message": error.message, "param": param[1] if param else None}


def error_response(error: SurtitleError) -> Response:
    """The answer to a refused request."""
    return JSONResponse({"error": describe_error(error)}, error.status)
