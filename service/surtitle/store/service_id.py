"""The id by which a service knows its own rows in a database that it shares with others."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from pathlib import Path

from surtitle.store.database import StoreError

FILE = "service-id"
_PATTERN = re.compile(r"[\w-]{1,40}", re.ASCII)


SHARED = "shared"
"""The owner of what services that share a bus have in common."""


def load_service_id(folder: Path) -> str:
    """The id in the data folder, which is created with it if necessary. Raises `StoreError`."""
    path = folder / FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
            file.write(secrets.token_hex(8))
        found = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"{path} cannot be used ({reason}): choose another folder with --data-dir.") from error
    if not _PATTERN.fullmatch(found):
        raise StoreError(
            f"{path} does not hold a service's id: write the owner into it that this service's rows have in the "
            "database, or delete it for a service that starts without channels."
        )
    return found
