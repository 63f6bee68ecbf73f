from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from surtitle.core.words import Word, join
from surtitle.speech.cloud.access import CloudAccess
from surtitle.speech.cloud.deepgram import Deepgram
from surtitle.speech.cloud.errors import CloudError, CloudRefused
from surtitle.speech.cloud.protocol import Event, Finished, Language, Timed
from surtitle.speech.engine import Hints

URL = "wss://api.deepgram.com/v1/listen"


def query(model: str = "nova-3", language: str = "en", hints: Hints = Hints(), url: str = URL) -> dict[str, list[str]]:
    return parse_qs(urlsplit(Deepgram(CloudAccess(url, "a-key"), model).address(language, hints)).query)


def result(words: list[dict[str, Any]], transcript: str, **more: Any) -> str:
    alternative = {"transcript": transcript, "confidence": 0.9, "words": words, **more.pop("alternative", {})}
    return json.dumps(
        {"type": "Results", "start": 1.0, "duration": 2.0, "channel": {"alternatives": [alternative]}, **more}
    )


def parse(message: str, language: str = "en") -> list[Event]:
    return list(Deepgram(CloudAccess(URL, "a-key"), "nova-3").open(language, Hints()).parse(message))


def test_the_request_says_what_is_sent_and_wanted() -> None:
    asked = query()
    assert asked["model"] == ["nova-3"]
    assert (asked["encoding"], asked["sample_rate"], asked["channels"]) == (["linear16"], ["16000"], ["1"])
    assert asked["interim_results"] == asked["punctuate"] == ["true"]
    assert asked["language"] == ["en"]
    assert query(language="auto")["language"] == ["multi"]
    assert "language" not in query(language="")


def test_another_service_may_know_more_languages() -> None:
    assert "cy" not in Deepgram(CloudAccess(URL, "a-key"), "nova-3").languages
    assert "cy" in Deepgram(CloudAccess("wss://captions.example.org/v1/listen", "a-key"), "nova-3").languages


def test_the_key_is_in_a_header_only() -> None:
    cloud = Deepgram(CloudAccess(URL, "a-key"), "nova-3")
    assert cloud.headers() == {"Authorization": "Token a-key"}
    assert "a-key" not in cloud.address("en", Hints())


def test_the_vocabulary_becomes_key_terms_or_key_words() -> None:
    hints = Hints("A talk about boats.", ("Halyard", "jib sheet"))
    assert query(hints=hints)["keyterm"] == ["Halyard", "jib sheet"]
    assert query("nova-2", hints=hints)["keywords"] == ["Halyard", "jib sheet"]


def test_options_in_the_address_come_first() -> None:
    asked = query(url=f"{URL}?mip_opt_out=true&punctuate=false")
    assert (asked["mip_opt_out"], asked["punctuate"], asked["model"]) == (["true"], ["false"], ["nova-3"])


def test_a_result_has_words_with_their_times() -> None:
    words = [
        {"word": "please", "punctuated_word": "Please", "start": 1.1, "end": 1.4, "confidence": 0.98},
        {"word": "wait", "punctuated_word": "wait.", "start": 1.5, "end": 1.9, "confidence": 0.7},
    ]
    found = parse(result(words, "Please wait.", is_final=True, speech_final=True))
    assert found == [
        Timed((Word("Please", 1.1, 1.4, 0.98), Word("wait.", 1.5, 1.9, 0.7)), 3.0, final=True, settled=True)
    ]


def test_words_that_no_space_separates_keep_together() -> None:
    words = [{"word": text, "start": 1.0, "end": 1.1} for text in ("ドア", "を", "閉めて")]
    (found,) = parse(result(words, "ドアを閉めて", is_final=True))
    assert isinstance(found, Timed)
    assert join(found.words) == "ドアを閉めて"


def test_the_answer_to_finalize_ends_the_utterance() -> None:
    found = parse(result([], "", is_final=True, from_finalize=True))
    assert found == [Timed((), 3.0, final=True), Finished()]


def test_the_language_is_reported_where_it_is_to_be_detected() -> None:
    words: list[dict[str, Any]] = [{"word": "oui", "start": 1.0, "end": 1.1, "language": "fr"}]
    message = result(words, "oui", is_final=True)
    assert Language("fr") in parse(message, "auto")
    assert Language("fr") not in parse(message, "en")
    plain = [{"word": "sí", "start": 1.0, "end": 2.0}]
    message = result(plain, "sí", is_final=True, alternative={"languages": ["es"]})
    assert Language("es") in parse(message, "auto")


@pytest.mark.parametrize(
    "message", ['{"type": "Metadata"}', '{"type": "UtteranceEnd"}', '{"type": "SpeechStarted"}', "{}"]
)
def test_other_messages_say_nothing(message: str) -> None:
    assert parse(message) == []


@pytest.mark.parametrize(
    "message", ["hello", "[]", '{"type": "Results"}', '{"type": "Results", "channel": {"alternatives": []}}']
)
def test_nonsense_is_not_of_this_protocol(message: str) -> None:
    with pytest.raises(CloudRefused, match="does not speak the protocol of Deepgram: check SURTITLE_DEEPGRAM_URL"):
        parse(message)


def test_an_error_message_is_reported() -> None:
    with pytest.raises(CloudError, match=r"has closed the connection \(out of order\)"):
        parse(json.dumps({"type": "Error", "description": "out of order"}))


def test_audio_is_sent_as_it_is() -> None:
    (message,) = Deepgram(CloudAccess(URL, "k"), "nova-3").open("en", Hints()).encode(np.full(100, 0.5, np.float32))
    assert np.frombuffer(message if isinstance(message, bytes) else b"", "<i2").tolist() == [16384] * 100
