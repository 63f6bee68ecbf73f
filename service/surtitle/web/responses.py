"""JSON responses of the types in `surtitle.core.wire`."""

from __future__ import annotations

import msgspec
from starlette.responses import JSONResponse


class StructResponse(JSONResponse):
    """A JSON response whose content may have msgspec's structs in it."""

    def render(self, content: object) -> bytes:
        return msgspec.json.encode(content)
