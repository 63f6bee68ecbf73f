"""The real libraries on the small model, in both its forms."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from surtitle.core.errors import ModelError
from surtitle.translation.models import NLLB
from surtitle.translation.translator import Text, Translator
from surtitle.translation.translators import load
from tests.support import TRANSLATION_MODEL, missing

CHECKPOINT = str(Path(TRANSLATION_MODEL).parent / "model")
ENGLISH = "We must open the door today."
TARGETS = {
    "fra_Latn": "Nous devons ouvrir la porte aujourd'hui.",
    "spa_Latn": "Debemos abrir la puerta hoy.",
    "deu_Latn": "Wir müssen die Tür heute öffnen.",
}


def need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        missing("torch is not installed: `make .venv-torch/test` makes an environment that has it")


@pytest.fixture(
    scope="module",
    params=[TRANSLATION_MODEL, pytest.param(CHECKPOINT, marks=pytest.mark.torch)],
    ids=["ctranslate2", "transformers"],
)
def translator(request: pytest.FixtureRequest) -> Translator:
    if request.param == CHECKPOINT:
        need_torch()
    return load(Path(request.param), "small")


def test_several_languages_and_sentences_at_once(translator: Translator) -> None:
    texts = [Text(ENGLISH, "eng_Latn", code) for code in TARGETS]
    texts.append(Text("The books are red.", "eng_Latn", "fra_Latn"))
    assert [answer.strip() for answer in translator.translate(texts)] == [*TARGETS.values(), "Les livres sont rouges."]


def test_a_translation_goes_on_after_what_is_given(translator: Translator) -> None:
    texts = [
        Text(ENGLISH, "eng_Latn", "fra_Latn", "Nous devons"),
        Text(ENGLISH, "eng_Latn", "deu_Latn", "Wir müssen die Tür heute"),
        Text(ENGLISH, "eng_Latn", "spa_Latn"),
    ]
    assert translator.translate(texts) == [
        " ouvrir la porte aujourd'hui.",
        " öffnen.",
        f" {TARGETS['spa_Latn']}",
    ]


def test_all_of_nllbs_languages_are_known(translator: Translator) -> None:
    assert len(translator.codes) == 202


def test_nonsense_ends(translator: Translator) -> None:
    assert len(translator.translate([Text("zzz " * 60, "eng_Latn", "fra_Latn")])[0]) < 4000


@pytest.mark.torch
def test_a_text_is_encoded_once_for_all_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    need_torch()
    from transformers.models.m2m_100.modeling_m2m_100 import M2M100Encoder

    translator = load(Path(CHECKPOINT), "small")
    encoded = []
    forward = M2M100Encoder.forward

    def counting(self: M2M100Encoder, *arguments: object, **options: object) -> object:
        encoded.append(tuple(options["input_ids"].shape))  # type: ignore[attr-defined]
        return forward(self, *arguments, **options)

    monkeypatch.setattr(M2M100Encoder, "forward", counting)
    translator.translate([Text(ENGLISH, "eng_Latn", code) for code in TARGETS])
    assert [rows for rows, _ in encoded] == [1]


def test_a_checkpoint_without_torch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"pip install 'surtitle\[translation\]'"):
        load(Path(CHECKPOINT), "small")


def test_directories_without_a_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no config\.json and no model\.bin and no tokenizer\.json"):
        NLLB.local_directory(str(tmp_path))
    with pytest.raises(ModelError, match="There is no directory"):
        NLLB.local_directory("/nowhere/at/all")
    with pytest.raises(ModelError, match="nllb-200-distilled-600M"):
        NLLB.repository("small.en")
    assert NLLB.repository("nllb-200-distilled-600M").startswith("entai2965/")
    for name in ("config.json", "model.bin"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        load(tmp_path, "broken")


def test_what_is_fetched() -> None:
    everything = ["README.md", "config.json", "tokenizer.json", "pytorch_model.bin", "model.safetensors", "x.onnx"]
    assert NLLB.select(everything) == ["config.json", "tokenizer.json", "model.safetensors"]
    assert NLLB.missing(["config.json"]) == {"tokenizer.json", "model.bin"}
