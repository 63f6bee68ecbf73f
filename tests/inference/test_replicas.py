"""Real models behind the pool's interface: the same words as without it, and requests that cannot be meant."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import surtitle
from surtitle.core.errors import EngineError, ModelError
from surtitle.demo import SAMPLE
from surtitle.inference.recognition import create_recognition
from surtitle.inference.translation import create_translation
from surtitle.pool.address import URL_VARIABLE, PoolAddress
from surtitle.pool.client import PoolClient
from surtitle.pool.messages import (
    LANGUAGE,
    WINDOW,
    LanguageAnswer,
    LanguageRequest,
    WindowAnswer,
    WindowRequest,
    pack_features,
    unpack_features,
)
from surtitle.speech.engine import Hints
from surtitle.speech.pool.decoder import PoolDecoder
from surtitle.speech.pool.engine import PoolEngine
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper.features import LogMel
from surtitle.speech.whisper.pieces import DecodedWindow, Window
from surtitle.translation.pool import PoolTranslator
from surtitle.translation.translator import Text
from surtitle.translation.translators import load as load_translator
from tests.inference.pool_server import PoolServer, pool_server
from tests.support import TRANSLATION_MODEL, load, silence


@pytest.fixture(scope="module")
def engine(whisper_base: Path) -> Iterator[WhisperEngine]:
    with closing(WhisperEngine(whisper_base, "base")) as engine:
        yield engine


@pytest.fixture(scope="module")
def server(engine: WhisperEngine) -> Iterator[PoolServer]:
    with closing(create_recognition(engine)) as replica, pool_server({"base": replica}) as server:
        yield server


@pytest.fixture
def client(server: PoolServer) -> Iterator[PoolClient]:
    with closing(PoolClient(PoolAddress(server.url), 8)) as client:
        yield client


def make_window(seconds: float = 5.0, **more: Any) -> Window:
    mel = LogMel(80)
    mel.feed(load(SAMPLE)[: round(seconds * 16_000)])
    return Window(mel.features(), "en", **more)


def connect(client: PoolClient) -> PoolDecoder:
    return PoolDecoder(client, "base", client.describe("base", "recognition"))


def test_the_words_are_those_of_the_same_model_here(engine: WhisperEngine, client: PoolClient) -> None:
    decoder = connect(client)
    for window in (make_window(), make_window(prefix=(4599, 6180)), make_window(0.3)):
        rounded = replace(window, features=unpack_features(pack_features(window.features)))
        here, there = engine.decoder.decode(rounded), decoder.decode(window)
        assert [piece.tokens for piece in there.pieces] == [piece.tokens for piece in here.pieces]
        for one, other in zip(here.pieces, there.pieces, strict=True):
            assert one.word.text == other.word.text
            assert (one.word.start, one.word.end) == pytest.approx((other.word.start, other.word.end), abs=0.05)
    language, probability = decoder.detect(make_window().features)
    assert language == "en"
    assert probability == pytest.approx(engine.decoder.detect(make_window().features)[1], abs=0.05)


def test_hints_become_tokens_on_the_pool(engine: WhisperEngine, server: PoolServer) -> None:
    with closing(PoolEngine(PoolAddress(server.url), "pool:base")) as pool:
        stream = pool.open("en", Hints("Prompt.", ("Surtitle",)))
        seen: list[Window] = []
        decode = engine.decoder.decode

        def watch(window: Window) -> DecodedWindow:
            seen.append(window)
            return decode(window)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine.decoder, "decode", watch)
            stream.accept(load(SAMPLE)[:32_000], 0.0)
        assert seen[0].context == engine.decoder.hints("Surtitle Prompt.", 96)
        assert pool.languages == engine.languages


def test_several_sources_at_once(client: PoolClient) -> None:
    heard: list[str] = []

    def decode() -> None:
        pieces = connect(client).decode(make_window()).pieces
        heard.append(" ".join(piece.word.key for piece in pieces))

    threads = [threading.Thread(target=decode) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(heard) == 6
    assert len(set(heard)) == 1
    assert heard[0].startswith("good evening and welcome to the show")


def test_requests_that_cannot_be_meant_are_refused(client: PoolClient) -> None:
    features = pack_features(make_window(1.0).features)
    for request, reason in (
        (WindowRequest("s", 1, 5.0, pack_features(np.zeros((128, 10), dtype=np.float32)), "en"), "80 mel bands"),
        (WindowRequest("s", 1, 5.0, features, "xx"), "does not have this language"),
        (WindowRequest("s", 1, 5.0, features, "en", prefix=(10_000_000,)), "not one of the model's"),
        (WindowRequest("s", 1, 5.0, features, "en", context=(-1,)), "not one of the model's"),
        (WindowRequest("s", 1, 500.0, features, "en"), "not understood"),
    ):
        with pytest.raises(EngineError, match=reason):
            client.ask("base", WINDOW, request, WindowAnswer)
    wrong = LanguageRequest("s", 1, 5.0, pack_features(np.zeros((128, 10), dtype=np.float32)))
    with pytest.raises(EngineError, match="80 mel bands"):
        client.ask("base", LANGUAGE, wrong, LanguageAnswer)


def test_speech_is_translated_into_english(server: PoolServer) -> None:
    with closing(PoolEngine(PoolAddress(server.url), "pool:base")) as pool:
        assert pool.translates
        (text,) = pool.translate(load(SAMPLE)[: 5 * 16_000], "auto")
        assert text is not None
        assert "welcome" in text
        with pytest.raises(EngineError, match="speech may last"):
            list(pool.translate(silence(40.0), "en"))


def test_texts_are_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        closing(create_translation(load_translator(Path(TRANSLATION_MODEL), "small"))) as replica,
        pool_server({"nllb": replica}) as server,
    ):
        monkeypatch.setenv(URL_VARIABLE, server.url)
        with closing(PoolTranslator("pool:nllb")) as translator:
            texts = [Text("We must open the door today.", "eng_Latn", "fra_Latn", "Nous devons")] * 70
            assert translator.translate(texts) == [" ouvrir la porte aujourd'hui."] * 70
            assert "fra_Latn" in translator.codes
            with pytest.raises(EngineError, match="does not have the language xyz_Latn"):
                translator.translate([Text("Good.", "eng_Latn", "xyz_Latn")])
        with pytest.raises(ModelError, match="no model “other”: choose nllb"):
            PoolTranslator("pool:other")


def test_only_one_module_imports_ray() -> None:
    package = Path(surtitle.__file__).parent
    imports = re.compile(r"^\s*(from|import) ray\b", re.MULTILINE)
    importing = [file for file in package.rglob("*.py") if imports.search(file.read_text(encoding="utf-8"))]
    assert importing == [package / "inference" / "app.py"]
