"""JSON responses of the types in `surtitle.core.wire`, and a header of refusals."""

from __future__ import annotations

import msgspec
from starlette.responses import JSONResponse

from surtitle.core.errors import SurtitleError


class StructResponse(JSONResponse):
    """A JSON response whose content may have msgspec's structs in it."""

    def render(self, content: object) -> bytes:
        return msgspec.json.encode(content)


def retry_headers(error: SurtitleError, seconds: int) -> dict[str, str]:
    """Says when a client may repeat a refused request, if a limit or the service's end is why it was refused."""
    return {"retry-after": str(seconds)} if error.status in (429, 503) else {}
