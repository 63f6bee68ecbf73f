"""Checks the files of a converted model before it is loaded, so that a damaged file is reported by name."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import IO

from surtitle.core.errors import ModelError

_WEIGHTS = "model.bin"
_VOCABULARIES = ("vocabulary.txt", "vocabulary.json")  # CTranslate2 needs one of them
_LAST_TOKEN = "<|notimestamps|>"  # the last token of a vocabulary that is not a timestamp
_FIRST_WITH_ALIASES = 3  # the first version of CTranslate2's format in which variables have aliases
_FIRST_WITH_SIZES = 4  # the first version in which variables have their size in bytes
_VERSIONS = range(2, 100)  # plausible versions
_MAX_STRING = 4096  # bytes; names in real files are far shorter
_MAX_VARIABLES = 1_000_000


def check_directory(directory: Path, model: str | None = None) -> None:
    """Check that a Whisper model's files exist and are complete. Takes 0.1 s: of the weights, it reads the table only.

    ``model`` is its name, if `surtitle models` knows it. The required files are those without which faster-whisper
    would ask a model hub, or CTranslate2 would fail. Raises `ModelError`, which names the file.
    """
    tokenizer: dict[str, object] = {}
    for name, key in (("config.json", None), ("tokenizer.json", "model")):
        found = _check_json(directory, name, model)
        if not isinstance(found, dict) or (key is not None and key not in found):
            raise ModelError(f"{directory / name} is damaged: {_remedy(model, name)}.")
        if name == "tokenizer.json":
            tokenizer = found
    _check_tokenizer(directory, tokenizer, _check_vocabulary(directory, model), model)
    _check_weights(directory, model)


def _check_tokenizer(directory: Path, tokenizer: dict[str, object], tokens: list[str], model: str | None) -> None:
    """Check that the tokenizer's special tokens have the numbers that they have in the vocabulary.

    With the tokenizer of another model, such as one for English only, Whisper writes nonsense without an end.
    """
    added = tokenizer.get("added_tokens")
    for token in added if isinstance(added, list) else []:
        if isinstance(token, dict) and token.get("content") == _LAST_TOKEN:
            number = token.get("id")
            if not isinstance(number, int) or tokens[number : number + 1] != [_LAST_TOKEN]:
                name = "tokenizer.json"
                raise ModelError(f"{directory / name} belongs to another model: {_remedy(model, name)}.")


def _check_vocabulary(directory: Path, model: str | None) -> list[str]:
    """The tokens of the vocabulary, which has to exist and to be complete. Raises `ModelError`."""
    name = next((name for name in _VOCABULARIES if (directory / name).is_file()), None)
    if name is None:
        raise ModelError(f"{directory} has no {' or '.join(_VOCABULARIES)}: {_remedy(model)}.")
    path = directory / name
    if name.endswith(".json"):
        found = _check_json(directory, name, model)
        tokens = [str(token) for token in found] if isinstance(found, list) else []
    else:
        try:
            tokens = path.read_bytes().decode(errors="replace").split("\n")
        except OSError as error:
            raise ModelError(f"Cannot read {path} ({error.strerror or error}): {_remedy(model)}.") from error
    if _LAST_TOKEN not in tokens:
        raise ModelError(f"{path} is damaged: {_remedy(model)}.")
    return tokens


def _check_weights(directory: Path, model: str | None) -> None:
    """Check that CTranslate2's weights have the length that follows from their own table."""
    path = directory / _WEIGHTS
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            expected = _expected_size(file, size)
    except (struct.error, ValueError) as error:
        raise ModelError(f"{path} is damaged, or not in CTranslate2's format: {_remedy(model)}.") from error
    except OSError as error:
        raise ModelError(f"Cannot read {path} ({error.strerror or error}): {_remedy(model)}.") from error
    if expected > size:
        raise ModelError(
            f"{path} is damaged (it has {size:,} bytes and should have at least {expected:,}): {_remedy(model)}."
        )


def _check_json(directory: Path, name: str, model: str | None) -> object:
    """What is in a file of JSON. Raises `ModelError`."""
    path = directory / name
    if not path.is_file():
        raise ModelError(f"{directory} has no {name}: {_remedy(model, name)}.")
    try:
        found: object = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelError(f"{path} is damaged: {_remedy(model, name)}.") from error
    except OSError as error:
        raise ModelError(f"Cannot read {path} ({error.strerror or error}): {_remedy(model, name)}.") from error
    return found


def _remedy(model: str | None, name: str = "") -> str:
    """How to get an intact file ``name`` of a model, for error messages."""
    if model is not None:
        return f"remove it with `surtitle models remove {model}` and download it again"
    if name == "tokenizer.json":
        return "copy it from the original model (ct2-transformers-converter has the option --copy_files for that)"
    return "convert or copy the model again"


def _expected_size(file: IO[bytes], size: int) -> int:
    """The minimum size of the file in bytes by its own table, as far as the table is complete.

    Raises `struct.error` and ValueError if the file is not in CTranslate2's format.
    """
    version = _read_number(file, "I")
    _skip_string(file)  # the type of model
    _read_number(file, "I")  # the revision of that type
    variables = _read_number(file, "I")
    if version not in _VERSIONS or variables > _MAX_VARIABLES:
        raise ValueError("not CTranslate2's format")
    if version < _FIRST_WITH_SIZES:
        return 0
    for _ in range(variables):
        _skip_string(file)
        rank = _read_number(file, "B")
        file.seek(4 * rank + 1, os.SEEK_CUR)  # the dimensions and the data type
        length = _read_number(file, "I")
        file.seek(length, os.SEEK_CUR)
        if file.tell() > size:
            return file.tell()
    if version >= _FIRST_WITH_ALIASES:
        for _ in range(min(_MAX_VARIABLES, _read_number(file, "I"))):
            _skip_string(file)
            _skip_string(file)
    return file.tell()


def _skip_string(file: IO[bytes]) -> None:
    length = _read_number(file, "H")
    if length > _MAX_STRING:
        raise ValueError("not CTranslate2's format")
    file.seek(length, os.SEEK_CUR)


def _read_number(file: IO[bytes], layout: str) -> int:
    """Read a little-endian number. Raises `struct.error` at the end of the file."""
    layout = "<" + layout
    number: int = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
    return number
