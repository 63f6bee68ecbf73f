"""Diart as a kind of diarizer: which two networks a model consists of."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from surtitle.core.errors import ModelError
from surtitle.core.kinds import describe_missing

if TYPE_CHECKING:
    from surtitle.speakers.diart import Diart

VERSION = "0.9.2"
_PARTS = ("segmentation", "embedding")
_FORMS = ("{}.onnx", "{}.bin", "{}.ckpt", "{}")  # of the files or folders of a part
_SETTINGS = "diart.json"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Diart's own settings, which depend on the networks; in ``diart.json`` beside them."""

    tau_active: float = 0.6
    """The probability from which a voice is active."""
    rho_update: float = 0.3
    """The share of five seconds that a voice must speak to be learned."""
    delta_new: float = 1.0
    """The cosine distance from which a voice is a new one."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Where the two networks are: files, folders, or names on the hub."""

    segmentation: str
    embedding: str
    settings: Settings = field(default_factory=Settings)


class DiartKind:
    """Diart's pipeline, with networks for pyannote.audio or in ONNX."""

    name = "diart"
    title = "Diart"
    default = "pyannote/segmentation-3.0+pyannote/wespeaker-voxceleb-resnet34-LM"

    def problem(self) -> str:
        # diart itself is not part of the extra, because it says that it needs NumPy 1; it works with NumPy 2
        return describe_missing(self.title, "diart", "diart", f" && pip install --no-deps diart=={VERSION}")

    def check_model(self, model: str) -> None:
        find_networks(model)

    def load(self, model: str) -> Diart:
        from surtitle.speakers.diart import Diart

        return Diart(find_networks(model), threads=max(1, (os.cpu_count() or 1) // 2))


def find_networks(model: str) -> Networks:
    """The networks of a folder, or those of the names "SEGMENTATION+EMBEDDING". Raises `ModelError`."""
    folder = Path(model)
    if folder.is_dir():
        segmentation, embedding = (_find_part(folder, part) for part in _PARTS)
        return Networks(segmentation, embedding, _read_settings(folder))
    segmentation, plus, embedding = model.partition("+")
    if not plus or not segmentation or not embedding:
        raise ModelError(
            f"“{model}” is not a model for Diart: give a folder with segmentation.onnx and embedding.onnx, or two "
            "names on the hub, as diart:SEGMENTATION+EMBEDDING."
        )
    return Networks(segmentation, embedding)


def _find_part(folder: Path, part: str) -> str:
    for form in _FORMS:
        if (found := folder / form.format(part)).exists():
            return str(found)
    raise ModelError(f"{folder} has no network for {part}: add {part}.onnx, or a model of pyannote.audio, {part}.bin.")


def _read_settings(folder: Path) -> Settings:
    file = folder / _SETTINGS
    try:
        return msgspec.json.decode(file.read_bytes(), type=Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, msgspec.DecodeError) as error:
        names = ", ".join(Settings.__struct_fields__)
        raise ModelError(f"Cannot read {file} ({error}): it may have the numbers {names}.") from error


KIND = DiartKind()
