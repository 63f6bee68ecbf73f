from __future__ import annotations

import pytest

from surtitle.core.errors import BadRequest
from surtitle.text.language_names import find, is_same_language, languages


@pytest.mark.parametrize(
    ("name", "tag", "nllb"),
    [
        ("zh", "zh", "zho_Hans"),
        ("zh-CN", "zh", "zho_Hans"),
        ("Chinese", "zh", "zho_Hans"),
        ("zho_Hans", "zh", "zho_Hans"),
        ("zh-TW", "zh-Hant", "zho_Hant"),
        ("português (Brasil)", "pt", "por_Latn"),
        ("pt-BR", "pt", "por_Latn"),
        ("Deutsch", "de", "deu_Latn"),
        ("FRA_LATN", "fr", "fra_Latn"),
        ("iw", "he", "heb_Hebr"),
        ("no", "nb", "nob_Latn"),
        ("arabic", "ar", "arb_Arab"),
        ("farsi", "fa", "pes_Arab"),
    ],
)
def test_names(name: str, tag: str, nllb: str) -> None:
    found = find(name)
    assert (found.tag, found.nllb) == (tag, nllb)


def test_every_language_of_nllb_has_a_tag_of_its_own() -> None:
    found = languages()
    assert len({one.nllb for one in found.values()}) == len(found) == 202
    assert all(find(one.nllb) == one and find(tag) == one for tag, one in found.items())


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Frnech", r"fr \(French\)"),
        ("xx", "send a code"),
        ("auto", "send a code"),
        ("", "send a code"),
        ("<b>", "code"),
    ],
)
def test_others_are_refused(name: str, advice: str) -> None:
    with pytest.raises(BadRequest, match=advice):
        find(name)


def test_directions() -> None:
    assert [tag for tag in ("ar", "he", "fa", "ur", "fr", "zh") if languages()[tag].right_to_left] == [
        "ar", "he", "fa", "ur",
    ]  # fmt: skip


def test_the_same_language() -> None:
    assert is_same_language("pt", "pt-BR")
    assert not is_same_language("en", "fr")
    assert not is_same_language("auto", "en")
