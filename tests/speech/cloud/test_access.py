from __future__ import annotations

import pytest

from surtitle.core.errors import ModelError
from surtitle.speech.cloud import deepgram, openai
from surtitle.speech.cloud.access import CloudSettings

KEY = "a-key-that-is-secret"


def url(given: str, settings: CloudSettings = openai.SETTINGS) -> str:
    return settings.read({settings.url_variable: given, settings.key_variable: KEY}).url


def test_the_address_is_that_of_the_service_unless_another_is_set() -> None:
    assert url("") == "wss://api.openai.com/v1/realtime"
    assert url("", deepgram.SETTINGS) == "wss://api.deepgram.com/v1/listen"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("https://captions.example.org", "wss://captions.example.org/v1/realtime"),
        ("https://captions.example.org/v1/", "wss://captions.example.org/v1/realtime"),
        ("wss://captions.example.org/v1/realtime", "wss://captions.example.org/v1/realtime"),
        ("http://127.0.0.1:8000/api/channels/stage", "ws://127.0.0.1:8000/api/channels/stage/v1/realtime"),
        ("http://localhost:8000/v1?source=Hall", "ws://localhost:8000/v1/realtime?source=Hall"),
        ("http://[::1]:8000", "ws://[::1]:8000/v1/realtime"),
    ],
)
def test_an_address_may_be_given_as_clients_have_it(given: str, found: str) -> None:
    assert url(given) == found


@pytest.mark.parametrize("given", ["http://captions.example.org", "ws://192.168.1.7:8000", "http://127.0.0.1.evil.org"])
def test_sound_is_not_sent_unencrypted_to_another_computer(given: str) -> None:
    with pytest.raises(ModelError, match="is not encrypted: set an address that begins with https"):
        url(given)


@pytest.mark.parametrize(
    "given", ["captions", "https:///path", "https://key@example.org", "ftp://example.org", "https://a b"]
)
def test_an_address_that_is_none_is_refused_without_quoting_it(given: str) -> None:
    with pytest.raises(ModelError, match="SURTITLE_OPENAI_URL is not a complete address") as refused:
        url(given)
    assert given not in str(refused.value)


def test_a_missing_key_is_one_sentence() -> None:
    assert deepgram.SETTINGS.problem({}) == (
        "There is no key for Deepgram: set DEEPGRAM_API_KEY in the environment of the service, and start it again."
    )
    assert deepgram.SETTINGS.problem({"DEEPGRAM_API_KEY": KEY}) == ""


def test_a_service_on_this_computer_may_need_no_key() -> None:
    assert openai.SETTINGS.problem({"SURTITLE_OPENAI_URL": "http://127.0.0.1:8000"}) == ""


def test_a_key_is_not_shown() -> None:
    access = openai.SETTINGS.read({"OPENAI_API_KEY": KEY})
    assert KEY not in repr(access)
    with pytest.raises(ModelError) as refused:
        openai.SETTINGS.read({"OPENAI_API_KEY": f"{KEY}\n{KEY}"})
    assert KEY not in str(refused.value)
