"""Errors in the shape of OpenAI's interface."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import JSONResponse, Response

from surtitle.core.errors import BadRequest, SurtitleError
from surtitle.web.compat.endpoint import RETRY_DELAY
from surtitle.web.responses import retry_headers

_CODES = {401: "invalid_api_key", 413: "file_too_large", 429: "rate_limit_exceeded"}
_PARAM = re.compile(r"([a-z_]+(?:\.[a-z_]+)*): ")


class ParameterError(BadRequest):
    """A field of the form is missing, or has a wrong value."""

    def __init__(self, message: str, param: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.reason = code


class NoSuchModel(ParameterError):
    """The model is not on this computer."""

    status = 404


def describe_error(error: SurtitleError) -> dict[str, Any]:
    """The error object. A message that begins with the name of a field is about that."""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    if isinstance(error, ParameterError):
        return {"message": error.message, "type": kind, "param": error.param, "code": error.reason}
    param = _PARAM.match(error.message)
    code = _CODES.get(error.status, error.code)
    return {"message": error.message, "type": kind, "param": param[1] if param else None, "code": code}


def error_response(error: SurtitleError) -> Response:
    """The answer to a refused request, which SDKs repeat if there were too many."""
    return JSONResponse({"error": describe_error(error)}, error.status, retry_headers(error, RETRY_DELAY))
