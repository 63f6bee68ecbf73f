"""A channel's settings: changes are merged, checked and explained, and what people see agrees with the definition."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

import surtitle
from surtitle.channels.settings import (
    ChannelSettings,
    ClosedCaptions,
    SettingsDescription,
    check_language,
    number_limits,
)
from surtitle.core.errors import BadRequest
from surtitle.speakers.model import LATENCIES

DASHBOARD = Path(surtitle.__file__).parent / "web/templates/dashboard.html"


def test_groups_are_merged_and_lists_are_replaced() -> None:
    settings = ChannelSettings().apply(
        {"vocabulary": {"hotwords": ["Ada"], "replacements": {"a": "b"}}, "paused": True}
    )
    settings = settings.apply({"vocabulary": {"replacements": {"c": "d"}}, "translations": ["French", "fr"]})
    assert settings.vocabulary.hotwords == ("Ada",)
    assert settings.vocabulary.replacements == {"c": "d"}
    assert settings.translations == ("fr",)
    assert settings.paused
    assert settings.apply({}) == settings


def test_a_stored_setting_that_would_be_refused_now_keeps_no_other_from_changing() -> None:
    stored = msgspec.json.decode(b'{"closed_captions":{"language":"ru"}}', type=ChannelSettings)
    assert stored.apply({"paused": True}).closed_captions.language == "ru"
    with pytest.raises(BadRequest, match="cannot be written"):
        stored.apply({"closed_captions": {"enabled": True}})


def test_the_names_that_systems_give_locales_are_languages() -> None:
    assert (check_language("de_AT"), check_language("zh_Hant_TW"), check_language("pt-BR")) == (
        "de-at",
        "zh-hant-tw",
        "pt-br",
    )
    with pytest.raises(BadRequest, match="is not a language code"):
        check_language("de_AT.UTF-8")


def test_null_is_a_value() -> None:
    settings = ChannelSettings().apply({"language": "DE", "closed_captions": {"language": "en"}})
    assert settings.language == "de"
    assert settings.apply({"language": None}).language is None
    assert settings.apply({"closed_captions": {"language": None}}).closed_captions.language is None
    with pytest.raises(BadRequest, match=r"^paused: expected `bool`, got `null`\.$"):
        settings.apply({"paused": None})


@pytest.mark.parametrize("host", ["::1", "fe80::1%eth0", "obs.local", "192.168.1.20"])
def test_obs_may_be_on_any_computer(host: str) -> None:
    assert ChannelSettings().apply({"closed_captions": {"host": f" {host}"}}).closed_captions.host == host


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"color": "red"}, "color: there is no such setting: send any of language, model"),
        ({"diarization": {"speed": 1}}, "diarization.speed: there is no such setting: send any of enabled, sources"),
        ({"closed_captions": {"port": "4455"}}, "closed_captions.port: send OBS's WebSocket port, usually 4455."),
        ({"closed_captions": {"host": "localhost:4455"}}, "closed_captions.host: send the name or address of the"),
        ({"closed_captions": {"password": "x" * 201}}, "closed_captions.password: send at most 200 characters."),
        ({"names": {"a": 1}}, "names: expected `str`, got `int`."),
        ({"names": {str(number): "a" for number in range(101)}}, "names: send at most 100 names."),
        ({"translation_model": "a\nb"}, "translation_model: send a name from GET /api/models, a directory, or null."),
        ({"vocabulary": "Ada"}, "vocabulary: expected `object`, got `str`."),
    ],
)
def test_what_is_wrong_is_explained_in_a_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(message)):
        ChannelSettings().apply(changes)


def test_a_password_is_neither_described_nor_logged() -> None:
    settings = ChannelSettings(closed_captions=ClosedCaptions(password="hunter2"))
    described = msgspec.json.encode(settings.describe(None))
    assert msgspec.json.decode(described, type=SettingsDescription).closed_captions.password_set
    assert b"hunter2" not in described
    assert "hunter2" not in repr(settings)


def test_stored_settings_are_read_as_they_were_written() -> None:
    settings = ChannelSettings().apply(
        {"names": {"mic": "Ada"}, "closed_captions": {"password": "hunter2", "delay": 2}}
    )
    assert msgspec.json.decode(msgspec.json.encode(settings), type=ChannelSettings) == settings


def test_the_dashboard_offers_what_the_settings_allow() -> None:
    assert number_limits("closed_captions", "port") == (1, 65535)
    with pytest.raises(LookupError):
        number_limits("paused")
    latencies = re.search(r'<select name="latency">(.*?)</select>', DASHBOARD.read_text(encoding="utf-8"), re.DOTALL)
    assert latencies
    assert [float(one) for one in re.findall(r'value="([\d.]+)"', latencies[1])] == list(LATENCIES)


def test_the_address_of_alerts_is_checked_and_appears_nowhere() -> None:
    settings = ChannelSettings().apply(
        {"alerts": {"kind": "ntfy", "url": " https://ntfy.sh/hidden ", "secret": "tk_1"}}
    )
    assert settings.alerts.url == "https://ntfy.sh/hidden"
    assert "hidden" not in repr(settings)
    assert "tk_1" not in repr(settings)
    described = msgspec.to_builtins(settings.describe(None))["alerts"]
    assert (described["host"], described["url_set"], described["secret_set"]) == ("ntfy.sh", True, True)
    assert "hidden" not in str(described)
    changed = settings.apply({"alerts": {"silence": 12}})
    assert (changed.alerts.url, changed.alerts.silence) == (settings.alerts.url, 12)
    assert msgspec.convert(msgspec.to_builtins(changed), ChannelSettings) == changed, "it is stored"
    for url in ("ftp://example.org", "https://a b", "hidden"):
        with pytest.raises(BadRequest, match=r"^alerts\.url: this is not a complete address") as refused:
            settings.apply({"alerts": {"url": url}})
        assert url not in str(refused.value)


def test_backups_are_names_with_a_limited_patience() -> None:
    settings = ChannelSettings().apply({"backup": {"sources": [" Room ", "Room", ""]}})
    assert (settings.backup.sources, settings.backup.after) == (("Room",), 5.0)
    with pytest.raises(BadRequest, match=r"backup\.after: send seconds from 1 to 10\."):
        settings.apply({"backup": {"after": 30}})
