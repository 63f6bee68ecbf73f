"""Finds the files of a streaming model among those of a folder or a repository, by their names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TOKENS = "tokens.txt"
BPE_VOCABULARY = "bpe.vocab"

_MODEL = re.compile(r"(encoder|decoder|joiner|ctc|model)([^/]*)\.onnx", re.ASCII | re.IGNORECASE)
_PRECISION = re.compile(r"[.-](int8|fp16)(?=$|[.-])", re.ASCII | re.IGNORECASE)
_PRECISIONS = ("int8", "", "fp16")  # by preference: 8 bits are fast on a processor, 16 bits are not
_COMPLETE = (("encoder", "decoder", "joiner"), ("encoder", "decoder"), ("ctc",), ("model",))


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The names of a model's files by their role: "encoder", "decoder" and "joiner", or "model"."""

    networks: Mapping[str, str]
    bpe_vocabulary: str = ""

    @property
    def is_transducer(self) -> bool:
        return "joiner" in self.networks

    @property
    def is_ctc(self) -> bool:
        return "model" in self.networks

    @property
    def names(self) -> list[str]:
        """All files, with the networks last: without them, a folder is not taken for a model."""
        others = [TOKENS, self.bpe_vocabulary] if self.bpe_vocabulary else [TOKENS]
        return [*others, *self.networks.values()]


def find_files(names: Iterable[str]) -> ModelFiles | None:
    """The files of a model among ``names``, or None if they do not make one.

    If there are several versions of the networks, those with the longest left context are taken, and of each network
    the one with 8 bits.
    """
    found = set(names)
    if TOKENS not in found:
        return None
    versions: dict[str, dict[str, dict[str, str]]] = {}  # name by version, role and precision
    for name in sorted(found):
        if match := _MODEL.fullmatch(name):
            precision = _PRECISION.search(match[2])
            version = _PRECISION.sub("", match[2])
            roles = versions.setdefault(version, {})
            roles.setdefault(match[1].lower(), {})[precision[1].lower() if precision else ""] = name
    for roles_needed in _COMPLETE:
        complete = [version for version, roles in versions.items() if set(roles_needed) <= roles.keys()]
        if complete:
            chosen = versions[max(complete, key=_numbers)]
            networks = {role: _prefer(chosen[role]) for role in roles_needed}
            if len(networks) == 1:
                networks = {"model": next(iter(networks.values()))}
            return ModelFiles(networks, BPE_VOCABULARY if BPE_VOCABULARY in found else "")
    return None


def select_files(names: Iterable[str]) -> list[str]:
    """The files to fetch from those of a repository, in this order."""
    files = find_files(names)
    return files.names if files else []


def missing_files(names: Iterable[str]) -> set[str]:
    """What keeps files from being a model; empty if they are one."""
    found = set(names)
    if find_files(found):
        return set()
    return {TOKENS} if TOKENS not in found else {"encoder*.onnx, decoder*.onnx and joiner*.onnx (or model*.onnx)"}


def _prefer(by_precision: Mapping[str, str]) -> str:
    return next(by_precision[precision] for precision in _PRECISIONS if precision in by_precision)


def _numbers(version: str) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", version)], version
