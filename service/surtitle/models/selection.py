"""Which Whisper model `auto` takes: right for the language, fast enough for this computer, and obtainable."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass

from surtitle.core.hardware import has_gpu
from surtitle.models import catalogue
from surtitle.models.download import hub_answers
from surtitle.models.packaged import PACKAGED_MODELS
from surtitle.models.speed_store import SpeedStore
from surtitle.speech.speed import Speed
from surtitle.text.languages import primary

SIZES = ("large-v3-turbo", "small", "base", "tiny")
"""Those that `auto` takes, largest first."""

_ENGLISH = ("small", "base", "tiny")  # there is a model for English only, which is better at it
_GOOD = ("large-v3-turbo", "small", "base")  # of these, one on this computer is used rather than a better one fetched
_COSTS = {"large-v3-turbo": 9.0, "small": 3.0, "base": 1.0, "tiny": 0.45}  # of decoding, compared with base

Rating = Callable[[str], Speed | None]
"""What was measured of a model on this computer."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Names of models, best first, to be tried in turn; ``reason`` says why, in a phrase for people.

    ``proposal`` is a larger model that this computer could run, or "".
    """

    names: tuple[str, ...]
    reason: str
    proposal: str = ""


def select(model: str | None, language: str, speeds: SpeedStore, *, ask: bool = True) -> Selection:
    """The models for this computer; ``model`` is the user's own choice, if there is one.

    Asks the model hub whether it is there, unless a suitable model is on this computer or ``ask`` is False.
    Takes seconds: call in a thread.
    """
    if model is not None:
        return Selection((model,), "your choice")
    cores, gpu = os.cpu_count() or 1, has_gpu()
    machine = f"{cores} processors" + (" and a GPU" if gpu else "")
    return choose(
        preferred_size(cores, gpu), language, machine, speeds.get, on_this_computer(), hub_answers if ask else _assume
    )


def smaller(model: str, language: str) -> list[str]:
    """Smaller models that `auto` may take instead of ``model``, best first. Takes seconds: call in a thread."""
    sizes = SIZES[SIZES.index(size_of(model)) + 1 :] if size_of(model) in SIZES else ()
    if not sizes:
        return []
    return obtainable(candidates(sizes[0], language), on_this_computer(), hub_answers)


def choose(
    size: str, language: str, machine: str, rating: Rating, present: Collection[str], hub: Callable[[], bool]
) -> Selection:
    """The same as `select`, of what is known. ``size`` is what a computer like this usually runs.

    ``present`` are the names of models on this computer, and ``hub`` says whether others can be fetched.
    """
    usual, reason = candidates(size, language), machine
    for name in candidates(size, language):
        speed = rating(name)
        if speed is not None and speed.too_slow and size_of(name) != SIZES[-1]:
            size = SIZES[SIZES.index(size_of(name)) + 1]
            reason = f"{name} is too slow for this computer: {speed}"
    names = candidates(size, language)
    good = [name for name in names if name in present and (size_of(name) in _GOOD or size_of(name) == size)]
    if not good:
        slow = obtainable(usual, present, _refuse)  # better than none
        return Selection(tuple(dict.fromkeys(obtainable(names, present, hub) + slow)) or tuple(names[:1]), reason)
    speed = rating(good[0])
    measured = f"; {speed}" if speed is not None and not speed.too_slow else ""
    return Selection((good[0],), reason + measured, _proposal(good[0], language, rating))


def candidates(size: str, language: str) -> list[str]:
    """Models of that size and of smaller ones that know the language, best first."""
    names = []
    for one in SIZES[SIZES.index(size) :]:
        if primary(language) == "en" and one in _ENGLISH:
            names.append(f"{one}.en")
        names.append(one)
    return names


def obtainable(names: list[str], present: Collection[str], hub: Callable[[], bool]) -> list[str]:
    """Those of ``names`` to try: the best from the hub if it answers, those in the package index, those present."""
    first = names[:1] if names[0] in present or hub() else []
    packaged = [name for name in names if catalogue.repository(name) in PACKAGED_MODELS]
    return [name for name in names if name in {*first, *packaged, *present}]


def preferred_size(cores: int, gpu: bool) -> str:
    """The size that such a computer usually runs live, by the figures in docs/engines.md."""
    if gpu and cores >= 8:
        return "large-v3-turbo"
    return "small" if gpu or cores >= 8 else "base"


def size_of(name: str) -> str:
    return name.removesuffix(".en")


def on_this_computer() -> set[str]:
    """The names of the models that are here and that `auto` may take."""
    names = {name for size in SIZES for name in (size, f"{size}.en") if size in _ENGLISH or name == size}
    return {name for name in names if catalogue.cached(name) is not None}


def _proposal(name: str, language: str, rating: Rating) -> str:
    """The next larger model, if by the measurement of ``name`` it would be fast enough."""
    at, speed = SIZES.index(size_of(name)), rating(name)
    if at == 0 or speed is None:
        return ""
    larger = SIZES[at - 1]
    if not speed.allows(_COSTS[larger] / _COSTS[size_of(name)]):
        return ""
    return f"{larger}.en" if primary(language) == "en" and larger in _ENGLISH else larger


def _refuse() -> bool:
    return False


def _assume() -> bool:
    return True
