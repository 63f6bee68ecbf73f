"""A channel's settings: language, model, vocabulary, speakers, closed captions, translations, outputs, alerts.

The types of this module are the only place where a setting has a name, a type, limits and a default: settings are
stored as they are here, changes are merged into them as JSON, and the API returns `SettingsDescription`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import IPv6Address
from itertools import islice
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from surtitle.captions.cea608 import check_writable
from surtitle.channels.output_settings import Output, check_url
from surtitle.core.errors import BadRequest
from surtitle.core.wire.models import ModelProgress
from surtitle.speakers.model import LATENCIES
from surtitle.speech.engine import Hints
from surtitle.text.language_names import find
from surtitle.vocabulary.rules import Vocabulary

SettingsChanges = Mapping[str, Any]
"""The settings to change, as JSON: those of a group, such as the vocabulary, are merged, and lists are replaced."""

_LANGUAGE_PATTERN = re.compile(r"auto|[a-z]{2,3}([-_][a-z0-9]{2,8})*", re.IGNORECASE)
_MAX_NAME_LENGTH = 80  # characters of a speaker's or source's name
_MAX_LANGUAGES = 100  # translations in a request that are looked at; the service's own limit is lower
_LOCATION = re.compile(r"(.*) - at `\$((?:\.\w+)*)(.*)`", re.DOTALL)  # in the errors of msgspec

# The description of a setting says what to send: people read it when they have sent something else.
_Model = Annotated[
    Annotated[str, Meta(max_length=300)] | None,
    Meta(description="a name from GET /api/models, a directory, or null"),
]
_Names = Annotated[Mapping[str, str], Meta(max_length=100, description="at most 100 names")]
_Host = Annotated[
    str,
    Meta(
        pattern=r"^\s*[a-zA-Z0-9_.:%-]{1,253}\s*$",
        description="the name or address of the computer with OBS, like 127.0.0.1",
    ),
]
_Port = Annotated[int, Meta(ge=1, le=65535, description="OBS's WebSocket port, usually 4455")]
_Password = Annotated[str, Meta(max_length=200, description="at most 200 characters")]
_Delay = Annotated[float, Meta(ge=0, le=60, description="seconds from 0 to 60")]
_Sources = Annotated[tuple[str, ...], Meta(max_length=16, description="at most 16 sources, or none for all")]
_Threshold = Annotated[float, Meta(ge=0, le=3600, description="seconds from 0 to 3600; 0 raises no alert")]
_Url = Annotated[str, Meta(max_length=2000, description="the whole address, at most 2000 characters, or nothing")]
_Patience = Annotated[float, Meta(ge=1, le=10, description="seconds from 1 to 10")]
_Scenes = Annotated[
    tuple[Annotated[str, Meta(max_length=200)], ...],
    Meta(max_length=50, description="at most 50 names of scenes, of at most 200 characters each"),
]
_Latency = Annotated[float, Meta(description=f"one of {', '.join(f'{one:g}' for one in LATENCIES)}, in seconds")]


class _ClosedCaptions(Struct, frozen=True):
    enabled: bool = False
    host: _Host = "127.0.0.1"
    port: _Port = 4455
    language: str | None = None
    delay: _Delay = 0.0


class ClosedCaptions(_ClosedCaptions, frozen=True):
    """OBS's native captions: whether the service sends them over obs-websocket, and to which address.

    ``language`` None means the spoken language; ``delay`` is in seconds, in addition to the stream's own delay.
    """

    password: _Password = ""

    def __repr__(self) -> str:
        return f"ClosedCaptions({self.host}:{self.port})"  # without the password

    def checked(self) -> ClosedCaptions:
        """These settings without spaces around the host. Raises `BadRequest`."""
        if self.language is not None:
            check_writable(check_language(self.language))
        host = self.host.strip()
        if ":" in host and not _is_ipv6(host):  # such as an address with a port
            raise BadRequest(_advise(["closed_captions", "host"]))
        return msgspec.structs.replace(self, host=host)


class ClosedCaptionsDescription(_ClosedCaptions, frozen=True):
    """Where closed captions are sent. The password can be set but is never returned."""

    password_set: bool = False


class _AlertSettings(Struct, frozen=True):
    kind: Literal["webhook", "ntfy"] = "webhook"
    silence: _Threshold = 30.0
    wordless: _Threshold = 60.0
    lag: _Threshold = 6.0
    output: _Threshold = 10.0


class AlertSettings(_AlertSettings, frozen=True):
    """When alerts are raised, and where they are sent.

    The thresholds are the seconds for which a source may be silent, for which it may have sound without words, by
    which its captions may be late, and for which an output may fail. ``url`` is a secret: a webhook or the topic of an
    ntfy server; "" sends alerts to nobody. ``secret`` signs a webhook's alerts, or is the access token for ntfy.
    """

    url: _Url = ""
    secret: _Password = ""

    def __repr__(self) -> str:
        return f"AlertSettings({self.kind}, {self.host})"  # the address is secret

    @property
    def host(self) -> str:
        """Where alerts go, without anything secret; may be empty."""
        return urlsplit(self.url).hostname or ""

    def checked(self) -> AlertSettings:
        """These settings without spaces around the address. Raises `BadRequest`."""
        url = check_url(self.url, "alerts.url") if self.url.strip() else ""
        if not (self.secret.isascii() and self.secret.isprintable()):
            raise BadRequest("alerts.secret: send letters, digits and punctuation of ASCII.")
        return msgspec.structs.replace(self, url=url)


class AlertSettingsDescription(_AlertSettings, frozen=True):
    """When alerts are raised, and where they are sent. The address and the secret can be set but are never returned."""

    host: str = ""
    url_set: bool = False
    secret_set: bool = False


class IngestSettings(Struct, frozen=True):
    """A stream whose audio the service fetches, or, with ``listen``, waits for. ``id`` identifies it in the channel.

    ``language`` None means the channel's.
    """

    id: str
    url: str
    name: str = "stream"
    language: str | None = None
    listen: bool = False

    def __repr__(self) -> str:
        return f"IngestSettings({self.id})"  # the address may contain a password


class Diarization(Struct, frozen=True):
    """Whether the speakers of a source are distinguished, and in which ``sources``: in all if none is named.

    ``known_voices``: the voices of people who are given a name are stored, and recognized in later sessions.
    """

    enabled: bool = False
    sources: _Sources = ()
    latency: _Latency = 1.04
    known_voices: bool = False

    @property
    def knows_voices(self) -> bool:
        return self.enabled and self.known_voices

    def covers(self, source: str) -> bool:
        return self.enabled and (not self.sources or source in self.sources)

    def checked(self) -> Diarization:
        """These settings with clean names of sources. Raises `BadRequest`."""
        if self.latency not in LATENCIES:
            raise BadRequest(_advise(["diarization", "latency"]))
        names = dict.fromkeys(filter(None, map(clean_name, self.sources)))
        return msgspec.structs.replace(self, sources=tuple(names))


class Backup(Struct, frozen=True):
    """The ``sources`` that are captioned only while all others are silent, for ``after`` seconds or longer."""

    sources: _Sources = ()
    after: _Patience = 5.0

    def checked(self) -> Backup:
        """These settings with clean names of sources."""
        names = dict.fromkeys(filter(None, map(clean_name, self.sources)))
        return msgspec.structs.replace(self, sources=tuple(names))


class _Settings(Struct, frozen=True):
    language: str | None = None
    model: _Model = None
    vocabulary: Vocabulary = Vocabulary()
    names: _Names = msgspec.field(default_factory=dict)
    """The names shown to readers, by the speakers' and sources' own names."""
    paused: bool = False
    """Whether incoming audio is not captioned."""
    pause_scenes: _Scenes = ()
    """The scenes in OBS during which incoming audio is not captioned either."""
    record: bool = False
    """Whether sources are recorded from their first sample."""
    translations: tuple[str, ...] = ()
    """The tags of the languages that captions are translated into even without readers."""
    translation_model: _Model = None
    diarization: Diarization = Diarization()
    backup: Backup = Backup()


class ChannelSettings(_Settings, frozen=True):
    """A channel's settings; where a field is None, the service's own setting applies."""

    closed_captions: ClosedCaptions = ClosedCaptions()
    alerts: AlertSettings = AlertSettings()
    outputs: tuple[Output, ...] = ()
    """Changed one by one, by functions of `channels.output_settings`."""
    ingests: tuple[IngestSettings, ...] = ()
    """Changed by requests of their own, because their addresses are never returned."""

    @property
    def hints(self) -> Hints:
        return Hints(self.vocabulary.prompt, self.vocabulary.hotwords)

    def apply(self, changes: SettingsChanges) -> ChannelSettings:
        """These settings with ``changes`` applied. Does not check that the model exists. Raises `BadRequest`."""
        if "outputs" in changes:
            raise BadRequest("outputs: these are changed one by one: use POST /api/channels/{channel}/outputs.")
        try:
            after = msgspec.convert(_merge(self, changes), ChannelSettings)
        except msgspec.ValidationError as error:
            raise BadRequest(_explain(error)) from error
        checked = {name: _CHECKS[name](getattr(after, name)) for name in changes if name in _CHECKS}
        return msgspec.structs.replace(after, **checked)

    def describe(self, switch: ModelProgress | None) -> SettingsDescription:
        """The settings for clients; ``switch`` is the progress of the model that the channel is changing to."""
        return msgspec.convert(
            {
                **msgspec.to_builtins(self),
                "closed_captions": {
                    **msgspec.to_builtins(self.closed_captions),
                    "password_set": bool(self.closed_captions.password),
                },
                "alerts": {
                    **msgspec.to_builtins(self.alerts),
                    "host": self.alerts.host,
                    "url_set": bool(self.alerts.url),
                    "secret_set": bool(self.alerts.secret),
                },
                "switch": switch,
            },
            SettingsDescription,
        )


class SettingsDescription(_Settings, frozen=True):
    """A channel's settings; null is the service's default."""

    closed_captions: ClosedCaptionsDescription = ClosedCaptionsDescription()
    alerts: AlertSettingsDescription = AlertSettingsDescription()
    switch: ModelProgress | None = None


def check_language(language: str) -> str:
    """A language's code in lower case, or "auto"; "de_AT" is "de-at". Raises `BadRequest`."""
    if not _LANGUAGE_PATTERN.fullmatch(language):
        raise BadRequest(f"{language[:40]!r} is not a language code: send one like en, de or pt-BR, or auto.")
    return language.lower().replace("_", "-")


def number_limits(*path: str) -> tuple[float, float]:
    """The minimum and the maximum of a number among the settings, such as ``"closed_captions", "port"``.

    Raises `LookupError` for a setting without them.
    """
    meta = _find_meta(path)
    if meta is None or meta.ge is None or meta.le is None:
        raise LookupError(f"{'.'.join(path)} has no minimum and maximum")
    return meta.ge, meta.le


def to_one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def clean_name(name: str) -> str:
    """A name in one printable line; may be empty."""
    return to_one_line(name)[:_MAX_NAME_LENGTH]


def _merge(settings: Struct, changes: SettingsChanges, prefix: str = "") -> dict[str, Any]:
    """``settings`` as JSON with ``changes``. Raises `BadRequest` for a name that is not a setting."""
    names = settings.__struct_fields__
    for name in changes:
        if name not in names:
            known = ", ".join(one for one in names if one != "outputs")
            raise BadRequest(f"{prefix}{name[:40]}: there is no such setting: send any of {known}.")
    merged: dict[str, Any] = {}
    for name in names:
        before, change = getattr(settings, name), changes.get(name, msgspec.UNSET)
        if isinstance(before, Struct) and isinstance(change, Mapping):
            merged[name] = _merge(before, change, f"{prefix}{name}.")
        else:
            merged[name] = msgspec.to_builtins(before) if change is msgspec.UNSET else change
    return merged


def _explain(error: msgspec.ValidationError) -> str:
    """The error as one sentence for people."""
    if (found := _LOCATION.fullmatch(str(error))) is None:
        return f"The settings are not valid: {error}."
    path = found[2].split(".")[1:]
    advice = "" if found[3] else _advise(path)  # which is about the whole, not about one of its entries
    return advice or f"{'.'.join(path)}: {found[1][0].lower()}{found[1][1:]}."


def _advise(path: list[str]) -> str:
    """What to send for a setting, in one sentence; empty if its type says everything."""
    meta = _find_meta(path)
    return f"{'.'.join(path)}: send {meta.description}." if meta and meta.description else ""


def _find_meta(path: Iterable[str]) -> Meta | None:
    """The limits and the description of a setting, if it has any."""
    kind: Any = ChannelSettings
    for name in path:
        kind = next(field.type for field in msgspec.structs.fields(kind) if field.name == name)
    return next((one for one in get_args(kind) if isinstance(one, Meta)), None)


def _is_ipv6(address: str) -> bool:
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


def _check_model(name: str, model: str | None) -> str | None:
    if model is not None and not (model and model.isprintable()):
        raise BadRequest(_advise([name]))
    return model


def _parse_tags(names: Iterable[str]) -> tuple[str, ...]:
    """The tags of languages, without duplicates. Raises `BadRequest`."""
    return tuple(dict.fromkeys(find(name).tag for name in islice(names, _MAX_LANGUAGES)))


def _clean_names(names: Mapping[str, str]) -> dict[str, str]:
    cleaned = {clean_name(heard): clean_name(shown) for heard, shown in names.items()}
    return {heard: shown for heard, shown in cleaned.items() if heard and shown and heard != shown}


def _clean_scenes(names: Iterable[str]) -> tuple[str, ...]:
    """The names without spaces around them and without those that differ in case only."""
    return tuple({name.casefold(): name for name in map(str.strip, names) if name}.values())


def _check_vocabulary(vocabulary: Vocabulary) -> Vocabulary:
    return Vocabulary.parse(vocabulary.prompt, vocabulary.hotwords, vocabulary.replacements, vocabulary.blocked)


_CHECKS: dict[str, Callable[[Any], object]] = {
    "language": lambda language: None if language is None else check_language(language),
    "model": partial(_check_model, "model"),
    "vocabulary": _check_vocabulary,
    "names": _clean_names,
    "pause_scenes": _clean_scenes,
    "translations": _parse_tags,
    "translation_model": partial(_check_model, "translation_model"),
    "diarization": Diarization.checked,
    "backup": Backup.checked,
    "closed_captions": ClosedCaptions.checked,
    "alerts": AlertSettings.checked,
}
"""Normalize a setting that was changed, and raise `BadRequest` for what its type cannot express."""
