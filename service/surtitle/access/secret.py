"""The secret that tokens are signed with: from the environment, a file or the data folder, never the command line."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from surtitle.core.errors import SurtitleError
from surtitle.core.files import create_private_folder, describe_unusable

VARIABLE = "SURTITLE_SERVE_SECRET"
MIN_LENGTH = 32  # bytes: HS256 requires a key no shorter than its hash (RFC 7518, 3.2)
_FILE = "secret"


class SecretError(SurtitleError):
    """The secret is missing, too short or unreadable, or cannot be written."""

    code = "no_secret"


def find(folder: Path | None, file: Path | None = None) -> str | None:
    """The secret in the environment, in ``file`` or in the data ``folder``, in this order; None if there is none.

    Raises `SecretError`.
    """
    if (given := os.environ.get(VARIABLE)) is not None:
        return _check_length(given, f"The secret in {VARIABLE}")
    if file is not None:
        return _read(file)
    stored = None if folder is None else folder / _FILE
    return _read(stored) if stored is not None and stored.exists() else None


def create(folder: Path) -> Path:
    """Write a new secret to the data folder, which invalidates all existing tokens. Raises `SecretError`."""
    path = folder / _FILE
    temporary = path.with_name(f"{_FILE}.new")
    try:
        create_private_folder(folder)
    except OSError as error:
        raise SecretError(describe_unusable(folder, error)) from error
    try:
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        temporary.replace(path)
    except OSError as error:
        raise SecretError(f"The secret cannot be written to {path}: {error.strerror or error}.") from error
    return path


def _read(path: Path) -> str:
    try:
        if sys.platform != "win32" and path.stat().st_mode & 0o007:
            raise SecretError(f"Every user of this computer can read {path}: run `chmod o= {path}`.")
        return _check_length(path.read_text(encoding="utf-8").strip(), f"The secret in {path}")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SecretError(f"The secret in {path} cannot be read: {reason}.") from error


def _check_length(secret: str, where: str) -> str:
    if len(secret.encode()) < MIN_LENGTH:
        raise SecretError(
            f"{where} is too short: use at least {MIN_LENGTH} characters, for example from `openssl rand -base64 48`."
        )
    return secret
