from __future__ import annotations

import re

import pytest

from surtitle.speech.cloud import deepgram, openai
from surtitle.speech.cloud.access import CloudAccess
from surtitle.speech.cloud.errors import CloudError, CloudRefused, add_loss, quote

ACCESS = CloudAccess("wss://cloud.example.org/v1/listen", "a-key")
DEEPGRAM = deepgram.Deepgram(ACCESS, "nova-3")
OPENAI = openai.OpenAI(ACCESS, "gpt-live-transcribe")


@pytest.mark.parametrize(
    ("status", "permanent", "says"),
    [
        (400, True, "refuses the request"),
        (401, True, "set a valid one in DEEPGRAM_API_KEY"),
        (402, True, "add credit"),
        (403, True, "use a key that may"),
        (404, True, "check the model and SURTITLE_DEEPGRAM_URL"),
        (429, True, "captions continue when it does"),
        (301, True, "set that in SURTITLE_DEEPGRAM_URL"),
        (500, False, "captions continue as soon as it works again"),
        (503, False, "captions continue as soon as it works again"),
    ],
)
def test_a_refusal_is_one_sentence_with_what_to_do(status: int, permanent: bool, says: str) -> None:
    error = DEEPGRAM.explain(status, b'{"err_code": "X", "err_msg": "Something. Bad"}', None)
    assert isinstance(error, CloudRefused) == permanent
    assert says in error.message
    assert error.message.startswith(("Deepgram (cloud.example.org) ", "What answers at cloud.example.org"))
    assert error.message.endswith(".")
    assert "a-key" not in error.message


def test_a_service_that_has_enough_says_when_to_come_back() -> None:
    error = DEEPGRAM.explain(429, b"", 42.0)
    assert isinstance(error, CloudRefused)
    assert error.pause == 42.0
    error = DEEPGRAM.explain(429, b"", 1e9)
    assert isinstance(error, CloudRefused)
    assert error.pause == 300.0


def test_an_exhausted_quota_is_told_from_too_many_requests() -> None:
    body = b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
    assert "no credit left" in OPENAI.explain(429, body, None).message
    assert "no more requests" in OPENAI.explain(429, b"", None).message


def test_what_a_service_says_is_quoted_briefly_and_without_keys() -> None:
    assert quote("") == ""
    assert quote("Bad model.\nTry\x07 again.") == " (Bad model. Try again)"
    assert quote("Incorrect API key provided: sk-abc12345678.") == " (Incorrect API key provided: …)"
    assert "0123456789abcdef" not in quote("token 0123456789abcdef0123456789abcdef01234567 is not known")
    assert len(quote("x " * 1000)) < 170


def test_an_error_says_how_much_speech_it_cost() -> None:
    error = add_loss(CloudError("It is closed: try again."), 4.21)
    assert error.message == "It is closed: try again; 4.2 s of speech have no captions."
    assert add_loss(error, 0.0) is error
    assert len(re.findall(r"\.(?: |$)", error.message)) == 1
