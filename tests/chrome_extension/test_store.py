"""What is published in the browsers' stores: within their limits, complete, and true to the manifest."""

from __future__ import annotations

import json
import struct
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scripts.extension_zip import EXTENSION, build_manifest

STORE = Path(__file__).parents[2] / "store"
LANGUAGES = ("de", "en", "es", "fr")
MAX_NAME, MAX_SUMMARY = 75, 132  # characters, of the Chrome Web Store
FIREFOX_NAME, FIREFOX_SUMMARY = 50, 250
DESCRIPTION = (250, 10_000)  # Edge's; the Chrome Web Store's maximum is larger
JUSTIFICATION = 1000
FEWEST_SCREENSHOTS, MOST_SCREENSHOTS = 4, 5
MAX_PICTURE = 600_000  # bytes


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((STORE / name).read_text(encoding="utf-8"))


def messages(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (EXTENSION / "_locales" / language / "messages.json").read_text(encoding="utf-8")
    )
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_listing_has_the_texts_of_the_package(language: str) -> None:
    listing, package = read(f"listing/{language}.toml"), messages(language)
    assert (listing["name"], listing["summary"]) == (package["name"]["message"], package["description"]["message"])
    assert len(listing["name"]) <= MAX_NAME
    assert len(listing["summary"]) <= MAX_SUMMARY
    assert len(package["nameFirefox"]["message"]) <= FIREFOX_NAME
    assert len(package["descriptionFirefox"]["message"]) <= MAX_SUMMARY <= FIREFOX_SUMMARY
    assert package["start"]["message"] in listing["description"]


def test_every_language_has_the_same_descriptions() -> None:
    assert {path.stem for path in (STORE / "listing").iterdir()} == set(LANGUAGES)
    english = read("listing/en.toml")
    for language in LANGUAGES:
        listing = read(f"listing/{language}.toml")
        assert list(listing) == list(english), language
        for key in ("description", "firefox_description"):
            assert DESCRIPTION[0] <= len(listing[key]) <= DESCRIPTION[1], language
            assert outline(listing[key]) == outline(english[key]), language


def outline(description: str) -> list[str]:
    """The first character of each line where it is not a letter, and else a letter for all."""
    return ["a" if line[:1].isalpha() or line[:1] == "¿" else line[:1] for line in description.splitlines()]


def test_every_permission_is_justified() -> None:
    answers = read("privacy.toml")
    wanted = set(build_manifest(firefox=False)["permissions"])
    assert set(answers["permissions"]) == wanted
    assert set(build_manifest(firefox=True)["permissions"]) < wanted
    assert all(50 < len(reason) <= JUSTIFICATION for reason in answers["permissions"].values())
    assert 50 < len(answers["single_purpose"]) <= JUSTIFICATION
    policy = (STORE.parent / "docs" / "privacy.md").read_text(encoding="utf-8")
    assert all(f"`{permission}`" in policy for permission in wanted)


def test_the_privacy_answers_agree_with_the_manifest() -> None:
    answers = read("privacy.toml")
    assert answers["remote_code"] is False
    assert all(answers["certifications"].values())
    gecko = build_manifest(firefox=True)["browser_specific_settings"]["gecko"]
    assert gecko["data_collection_permissions"]["required"] == [answers["firefox"]["data_collection"]]


def test_the_pictures_have_the_sizes_that_stores_want() -> None:
    sizes = {path.name: picture_size(path) for path in (STORE / "images").glob("*.png")}
    assert sizes.pop("tile-small.png") == (440, 280)
    assert sizes.pop("tile-marquee.png") == (1400, 560)
    assert FEWEST_SCREENSHOTS <= len(sizes) <= MOST_SCREENSHOTS
    assert set(sizes.values()) == {(1280, 800)}
    assert all(path.stat().st_size < MAX_PICTURE for path in (STORE / "images").iterdir())


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, pixels, from its first chunk."""
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height
