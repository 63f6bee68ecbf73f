"""Why a request is not answered, as an exception."""

from __future__ import annotations

from http import HTTPStatus

from surtitle.pool.messages import Problem, ProblemCode

_STATUS: dict[ProblemCode, HTTPStatus] = {
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "no_such_task": HTTPStatus.NOT_FOUND,
    "bad_request": HTTPStatus.BAD_REQUEST,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "late": HTTPStatus.GATEWAY_TIMEOUT,
    "superseded": HTTPStatus.CONFLICT,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "failed": HTTPStatus.INTERNAL_SERVER_ERROR,
}


class Refused(Exception):
    """A request is not answered."""

    def __init__(self, code: ProblemCode, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(code, message)

    @property
    def status(self) -> HTTPStatus:
        return _STATUS[self.problem.code]
