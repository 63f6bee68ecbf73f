"""The program that runs the service on a person's computer: `/api/program`."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.core.errors import BadRequest, NoSuchProgram
from surtitle.web.body import read_json
from surtitle.web.program_control import ProgramControl
from surtitle.web.services import services


class ProgramChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes of the program's settings; None leaves one as it is."""

    autostart: bool | None = None
    check_for_updates: bool | None = None


async def change_program(request: Request) -> Response:
    """`PATCH /api/program`: change its settings."""
    program = _program(request)
    changes = await read_json(request, ProgramChanges, "A change of the program", '{"autostart": true}')
    if changes.autostart is not None:
        await program.set_autostart(changes.autostart)
    if changes.check_for_updates is not None:
        await program.set_check_for_updates(changes.check_for_updates)
    return JSONResponse(program.describe())


async def run_action(request: Request) -> Response:
    """`POST /api/program/{action}`: look for a newer version, fetch it, restart, open the log, or quit."""
    program, action = _program(request), request.path_params["action"]
    actions = {
        "check": program.check_for_update,
        "fetch": program.fetch_update,
        "restart": program.restart_for_update,
        "logs": program.open_logs,
        "quit": program.quit,
    }
    if action not in actions:
        raise BadRequest(f"{action[:40]!r} is not a known action: use one of {', '.join(actions)}.")
    actions[action]()
    return JSONResponse(program.describe())


def _program(request: Request) -> ProgramControl:
    program = services(request).program
    if program is None:
        raise NoSuchProgram("The service was not started by the program, so this is not possible here.")
    return program
