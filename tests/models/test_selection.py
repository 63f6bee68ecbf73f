"""The model that `auto` selects."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from surtitle.models.selection import candidates, choose, obtainable, preferred_size
from surtitle.speech.speed import Speed

FAST, SLOW = Speed(0.1, 0.002), Speed(3.0, 0.05)


def names(size: str, language: str, *, present: Collection[str] = (), hub: bool = True, **measured: Speed) -> list[str]:
    ratings = {name.replace("_", "."): speed for name, speed in measured.items()}
    return list(choose(size, language, "2 processors", ratings.get, present, lambda: hub).names)


@pytest.mark.parametrize(
    ("cores", "gpu", "size"),
    [(2, False, "base"), (8, False, "small"), (4, True, "small"), (16, True, "large-v3-turbo")],
)
def test_the_size_fits_the_machine(cores: int, gpu: bool, size: str) -> None:
    assert preferred_size(cores, gpu) == size


def test_candidates_know_the_language() -> None:
    assert candidates("base", "de") == ["base", "tiny"]
    assert candidates("base", "auto") == ["base", "tiny"]
    assert candidates("small", "en") == ["small.en", "small", "base.en", "base", "tiny.en", "tiny"]
    assert candidates("large-v3-turbo", "en")[:2] == ["large-v3-turbo", "small.en"]


def test_with_the_hub_the_best_is_tried_first_and_the_index_next() -> None:
    assert names("base", "en") == ["base.en", "base", "tiny.en"]
    assert names("base", "auto") == ["base"]
    assert names("small", "auto") == ["small", "base"]


def test_without_the_hub_the_package_index_has_base() -> None:
    assert names("base", "en", hub=False) == ["base", "tiny.en"]
    assert names("base", "fr", hub=False) == ["base"]
    assert names("small", "auto", hub=False) == ["base"]


def test_a_suitable_model_on_this_computer_is_used_without_asking_the_hub() -> None:
    def ask() -> bool:
        pytest.fail("the hub was asked")

    def first(size: str, language: str, *present: str) -> str:
        return choose(size, language, "", lambda name: None, present, ask).names[0]

    assert first("base", "en", "base") == "base"
    assert first("base", "en", "base", "base.en") == "base.en"
    assert first("small", "auto", "base") == "base"


def test_a_model_of_another_language_or_a_small_one_is_not_enough() -> None:
    assert names("base", "auto", present={"base.en", "tiny.en"}) == ["base"]
    assert names("base", "en", present={"tiny.en"}) == ["base.en", "base", "tiny.en"]
    assert names("base", "en", present={"tiny.en"}, hub=False) == ["base", "tiny.en"]


def test_a_model_that_is_too_slow_is_not_tried_first() -> None:
    assert names("base", "en", present={"base"}, base=SLOW)[0] == "tiny.en"
    assert names("base", "en", present={"base", "tiny"}, base=SLOW) == ["tiny"]
    assert names("small", "auto", present={"small", "base"}, small=SLOW) == ["base"]
    assert names("base", "auto", present={"base"}, base=SLOW) == ["tiny", "base"]


def test_a_slow_model_is_better_than_none() -> None:
    assert names("base", "auto", present={"base"}, hub=False, base=SLOW) == ["base"]
    assert names("base", "auto", present={"tiny"}, hub=False, tiny=SLOW, base=SLOW) == ["tiny"]


def test_the_reason_and_a_proposal() -> None:
    selection = choose("base", "en", "2 processors", {"base": FAST}.get, {"base"}, lambda: True)
    assert selection.reason == f"2 processors; {FAST}"
    assert selection.proposal == "small.en"
    slow = choose("base", "en", "2 processors", {"base": SLOW}.get, {"base", "tiny.en"}, lambda: True)
    assert slow.names == ("tiny.en",)
    assert slow.reason.startswith("base is too slow for this computer: decoding 10 s takes 4.0 s")
    assert slow.proposal == ""


def test_obtainable_without_anything() -> None:
    assert obtainable(["small", "tiny"], (), lambda: False) == []
