"""The secret that tokens are signed with: from the environment, a file, or the data folder; never the command line."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from surtitle.core.errors import SurtitleError

VARIABLE = "SURTITLE_SERVE_SECRET"
LEAST = 32  # characters: HS256 wants a key no shorter than its hash (RFC 7518, 3.2)
_FILE = "secret"


class SecretError(SurtitleError):
    """There is no secret that can be used."""

    code = "no_secret"


def find(folder: Path | None, file: Path | None = None) -> str | None:
    """The secret that was given, or else the one in the data folder; None if there is none. Raises `SecretError`."""
    if (given := os.environ.get(VARIABLE)) is not None:
        return _checked(given, f"The secret in {VARIABLE}")
    if file is not None:
        return _read(file)
    kept = None if folder is None else folder / _FILE
    return _read(kept) if kept is not None and kept.exists() else None


def create(folder: Path) -> Path:
    """Put a new secret into the data folder: tokens signed with the one before count no more. Raises `SecretError`."""
    path = folder / _FILE
    fresh = path.with_name(f"{_FILE}.new")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        fresh.replace(path)
    except OSError as error:
        raise SecretError(f"The secret cannot be written to {path}: {error.strerror or error}.") from error
    return path


def _read(path: Path) -> str:
    try:
        if sys.platform != "win32" and path.stat().st_mode & 0o007:
            raise SecretError(f"Everybody on this computer can read {path}: take that right away by `chmod o= {path}`.")
        return _checked(path.read_text(encoding="utf-8").strip(), f"The secret in {path}")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SecretError(f"The secret in {path} cannot be read: {reason}.") from error


def _checked(secret: str, where: str) -> str:
    if len(secret.encode()) < LEAST:
        raise SecretError(f"{where} is too short: it needs {LEAST} characters, which `openssl rand -base64 48` makes.")
    return secret
