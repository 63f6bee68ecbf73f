"""Selects the Whisper model for `auto`: it knows the language, is fast enough for this computer, and obtainable."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass

from surtitle.core.hardware import has_gpu
from surtitle.models.download import hub_answers
from surtitle.models.packaged import PACKAGED_MODELS
from surtitle.models.speed_store import SpeedStore
from surtitle.speech.speed import Speed
from surtitle.speech.whisper.kind import WHISPER
from surtitle.text.languages import primary

SIZES = ("large-v3-turbo", "small", "base", "tiny")
"""The sizes that `auto` may choose, largest first."""

_WITH_ENGLISH_VERSION = ("small", "base", "tiny")  # have a variant for English only, which is better at it
_GOOD_ENOUGH = ("large-v3-turbo", "small", "base")  # on this computer, preferred over downloading a better one
_RELATIVE_COSTS = {"large-v3-turbo": 9.0, "small": 3.0, "base": 1.0, "tiny": 0.45}  # of decoding, relative to base

Rating = Callable[[str], Speed | None]
"""Returns the measured speed of a model on this computer."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Names of models to try, best first; ``reason`` explains the choice in a phrase for people.

    ``proposal`` is a larger model that this computer could run, or "".
    """

    names: tuple[str, ...]
    reason: str
    proposal: str = ""


def select(model: str | None, language: str, speeds: SpeedStore, *, ask_hub: bool = True) -> Selection:
    """Select the models for this computer; ``model`` is the user's own choice, if there is one.

    Checks whether the model hub can be reached, unless a suitable model is on this computer or ``ask_hub`` is False.
    Takes seconds: call it in a thread.
    """
    if model is not None:
        return Selection((model,), "your choice")
    cores, gpu = os.cpu_count() or 1, has_gpu()
    machine = f"{cores} processors" + (" and a GPU" if gpu else "")
    return choose(
        preferred_size(cores, gpu), language, machine, speeds.get, local_models(), hub_answers if ask_hub else _always
    )


def smaller_models(model: str, language: str) -> list[str]:
    """Smaller models that `auto` may use instead of ``model``, best first. Takes seconds: call it in a thread."""
    sizes = SIZES[SIZES.index(base_size(model)) + 1 :] if base_size(model) in SIZES else ()
    if not sizes:
        return []
    return obtainable(candidates(sizes[0], language), local_models(), hub_answers)


def choose(
    size: str, language: str, machine: str, rating: Rating, present: Collection[str], hub: Callable[[], bool]
) -> Selection:
    """The pure part of `select`. ``size`` is the one that such a computer usually runs.

    ``present`` are the names of models on this computer, and ``hub`` tells whether others can be downloaded.
    """
    usual, reason = candidates(size, language), machine
    for name in candidates(size, language):
        speed = rating(name)
        if speed is not None and speed.too_slow and base_size(name) != SIZES[-1]:
            size = SIZES[SIZES.index(base_size(name)) + 1]
            reason = f"{name} is too slow for this computer: {speed}"
    names = candidates(size, language)
    good = [name for name in names if name in present and (base_size(name) in _GOOD_ENOUGH or base_size(name) == size)]
    if not good:
        slow = obtainable(usual, present, _never)  # better than none
        return Selection(tuple(dict.fromkeys(obtainable(names, present, hub) + slow)) or tuple(names[:1]), reason)
    speed = rating(good[0])
    measured = f"; {speed}" if speed is not None and not speed.too_slow else ""
    return Selection((good[0],), reason + measured, _proposal(good[0], language, rating))


def candidates(size: str, language: str) -> list[str]:
    """The models of this size and of smaller ones that know the language, best first."""
    names = []
    for candidate in SIZES[SIZES.index(size) :]:
        if primary(language) == "en" and candidate in _WITH_ENGLISH_VERSION:
            names.append(f"{candidate}.en")
        names.append(candidate)
    return names


def obtainable(names: list[str], present: Collection[str], hub: Callable[[], bool]) -> list[str]:
    """The ``names`` to try: the best one from the hub if it answers, those on the package index, and those present."""
    first = names[:1] if names[0] in present or hub() else []
    packaged = [name for name in names if WHISPER.repository(name) in PACKAGED_MODELS]
    return [name for name in names if name in {*first, *packaged, *present}]


def preferred_size(cores: int, gpu: bool) -> str:
    """The size that such a computer usually runs in real time, by the figures in docs/engines.md."""
    if gpu and cores >= 8:
        return "large-v3-turbo"
    return "small" if gpu or cores >= 8 else "base"


def base_size(name: str) -> str:
    """The size of a model by its name, without the suffix for English only."""
    return name.removesuffix(".en")


def local_models() -> set[str]:
    """The names of the models on this computer that `auto` may choose."""
    names = {name for size in SIZES for name in (size, f"{size}.en") if size in _WITH_ENGLISH_VERSION or name == size}
    return {name for name in names if WHISPER.find_cached(name) is not None}


def _proposal(name: str, language: str, rating: Rating) -> str:
    """The next larger model if it would be fast enough, judging by the measurement of ``name``; otherwise ""."""
    at, speed = SIZES.index(base_size(name)), rating(name)
    if at == 0 or speed is None:
        return ""
    larger = SIZES[at - 1]
    if not speed.allows(_RELATIVE_COSTS[larger] / _RELATIVE_COSTS[base_size(name)]):
        return ""
    return f"{larger}.en" if primary(language) == "en" and larger in _WITH_ENGLISH_VERSION else larger


def _never() -> bool:
    return False


def _always() -> bool:
    return True
