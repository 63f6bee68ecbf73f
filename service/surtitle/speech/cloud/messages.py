"""What the protocols share: reading JSON that may be anything. Pure."""

from __future__ import annotations

import json
from typing import Any

from surtitle.speech.cloud.errors import CloudName


def parse_json(message: str | bytes, name: CloudName) -> dict[str, Any]:
    """A message, which must be an object. Raises `CloudRefused`: then it is another kind of service."""
    try:
        found = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise name.not_understood() from error
    if not isinstance(found, dict):
        raise name.not_understood()
    return found


def explain_body(body: bytes, *fields: str) -> str:
    """What the body of a refusal says in the first of these fields that it has; "" if it is anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        found = found["error"]
    if not isinstance(found, dict):
        return ""
    return next((said for field in fields if isinstance(said := found.get(field), str) and said), "")
