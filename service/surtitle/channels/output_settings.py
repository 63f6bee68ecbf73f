"""The outputs of a channel: where its captions are sent, besides its own readers.

As with a channel's other settings, these types are the only place where a field has a name, a type, limits and a
default. An output is stored as it is here; `describe_target` and `public_settings` leave out what is secret.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from surtitle.captions.cea608 import check_writable
from surtitle.core.errors import BadRequest, NoSuchOutput, TooMany
from surtitle.text.language_names import find

Dialect = Literal["youtube", "zoom", "teams", "webex"]

MAX_OUTPUTS = 16
"""The outputs that a channel may have."""

_ORIGINAL = "original"
_LOCATION = re.compile(r"(.*) - at `\$\.(\w+)`", re.DOTALL)  # in the errors of msgspec
_DIALECT_HOSTS: dict[str, Dialect] = {
    "upload.youtube.com": "youtube",
    "zoom.us": "zoom",
    "api.captions.office.microsoft.com": "teams",
    "webex.com": "webex",
}
"""The dialect of a host and of its subdomains."""

_Delay = Annotated[float, Meta(ge=0, le=60, description="seconds from 0 to 60")]
_Url = Annotated[str, Meta(max_length=2000, description="the whole address, at most 2000 characters")]
_Host = Annotated[
    str,
    Meta(pattern=r"^[a-zA-Z0-9_.%-]{1,253}$|^[0-9a-fA-F:]{2,45}$", description="a name or address like 127.0.0.1"),
]
_Port = Annotated[int, Meta(ge=1, le=65535, description="a number from 1 to 65535")]
_Secret = Annotated[str, Meta(max_length=200, description="at most 200 characters")]
_SourceName = Annotated[str, Meta(min_length=1, max_length=200, description="the name of the source in OBS")]
_FileName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,75}\.txt$",
        description="a name that ends in .txt, of letters, digits, spaces, dots, dashes and underscores",
    ),
]
_TitleName = Annotated[str, Meta(min_length=1, max_length=200, description="1 to 200 characters")]


class OutputSettings(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What all outputs have: ``language`` None means the spoken language, and ``delay`` is in seconds."""

    secret_fields: ClassVar[tuple[str, ...]] = ()

    id: str = ""
    enabled: bool = True
    language: str | None = None
    delay: _Delay = 0.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id}, {self.target})"  # addresses and passwords are secret

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def target(self) -> str:
        """Where captions go, without anything secret."""
        raise NotImplementedError

    @property
    def place(self) -> tuple[str | int | None, ...]:
        """What no two outputs of a channel may write: captions would arrive twice, or overwrite each other."""
        raise NotImplementedError

    @property
    def place_taken(self) -> str:
        """One sentence for people about another output that writes there."""
        return "Another output of this channel sends captions there already: change that one."

    def checked(self) -> OutputSettings:
        """These settings with the tag of the language. Raises `BadRequest`."""
        if self.language is None or self.language.strip().casefold() in ("", _ORIGINAL):
            return msgspec.structs.replace(self, language=None)
        return msgspec.structs.replace(self, language=find(self.language).tag)

    def public_settings(self) -> dict[str, str | int | bool | None]:
        """The fields of this kind that are not secret, and for secret ones whether they are set."""
        own = {name: getattr(self, name) for name in self.__struct_fields__ if name not in _COMMON}
        hidden = {f"{name}_set": bool(own.pop(name)) for name in self.secret_fields}
        return own | hidden


_COMMON = OutputSettings.__struct_fields__


class CaptionUrl(OutputSettings, frozen=True, kw_only=True, tag="caption_url"):
    """The caption address of a YouTube stream or a meeting. The address is a secret: with it, anybody can write."""

    secret_fields = ("url",)

    url: _Url
    dialect: Dialect | None = None

    @property
    def place(self) -> tuple[str | int | None, ...]:
        return (self.url,)

    @property
    def target(self) -> str:
        return urlsplit(self.url).hostname or ""

    def checked(self) -> OutputSettings:
        settings = msgspec.structs.replace(self, url=check_url(self.url))
        if settings.dialect is None:
            dialect = find_dialect(settings.target)
            if dialect is None:
                raise BadRequest(
                    f"url: {settings.target[:80]} is not a host of YouTube, Zoom, Teams or Webex: copy the link again, "
                    "or send the dialect: youtube, zoom, teams or webex."
                )
            settings = msgspec.structs.replace(settings, dialect=dialect)
        return super(CaptionUrl, settings).checked()

    def public_settings(self) -> dict[str, str | int | bool | None]:
        return super().public_settings() | {"host": self.target}


class Webhook(OutputSettings, frozen=True, kw_only=True, tag="webhook"):
    """An address of a program that gets every final caption as JSON, signed with ``secret``."""

    secret_fields = ("url", "secret")

    url: _Url
    secret: _Secret = ""

    @property
    def place(self) -> tuple[str | int | None, ...]:
        return (self.url, self.language)

    @property
    def target(self) -> str:
        return urlsplit(self.url).hostname or ""

    def checked(self) -> OutputSettings:
        return super(Webhook, msgspec.structs.replace(self, url=check_url(self.url))).checked()

    def public_settings(self) -> dict[str, str | int | bool | None]:
        return super().public_settings() | {"host": self.target}


class TextFile(OutputSettings, frozen=True, kw_only=True, tag="text_file"):
    """A file with the two lines shown, in the folder for such files."""

    name: _FileName = "captions.txt"

    @property
    def place(self) -> tuple[str | int | None, ...]:
        return (self.name.casefold(),)

    @property
    def place_taken(self) -> str:
        return f"name: another output of this channel writes {self.name}: choose another name."

    @property
    def target(self) -> str:
        return self.name


class ObsText(OutputSettings, frozen=True, kw_only=True, tag="obs_text"):
    """A text source in OBS, which obs-websocket changes."""

    secret_fields = ("password",)

    source: _SourceName
    host: _Host = "127.0.0.1"
    port: _Port = 4455
    password: _Secret = ""

    @property
    def place(self) -> tuple[str | int | None, ...]:
        return (self.host.casefold(), self.port, self.source)

    @property
    def target(self) -> str:
        return f"{self.source} ({self.host}:{self.port})"


class VMix(OutputSettings, frozen=True, kw_only=True, tag="vmix"):
    """A field of a title in vMix: ``input`` is its number, name or GUID."""

    input: _TitleName
    field: _TitleName = "Message.Text"
    host: _Host = "127.0.0.1"
    port: _Port = 8088

    @property
    def place(self) -> tuple[str | int | None, ...]:
        return (self.host.casefold(), self.port, self.input, self.field)

    @property
    def target(self) -> str:
        return f"{self.input} ({self.host}:{self.port})"


class ObsCaptions(OutputSettings, frozen=True, kw_only=True, tag="obs"):
    """Closed captions in the stream of a further OBS; the first one is a setting of its own."""

    secret_fields = ("password",)

    host: _Host = "127.0.0.1"
    port: _Port = 4455
    password: _Secret = ""

    @property
    def place(self) -> tuple[str | int | None, ...]:
        return (self.host.casefold(), self.port)

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    def checked(self) -> OutputSettings:
        settings = super().checked()
        if settings.language is not None:
            check_writable(settings.language)
        return settings


Output = CaptionUrl | Webhook | TextFile | ObsText | VMix | ObsCaptions

KINDS: dict[str, type[OutputSettings]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Output)}
"""The types of outputs by their kind."""


def find_dialect(host: str) -> Dialect | None:
    """The dialect of a host that is known, such as us04wmcc.zoom.us."""
    for known, dialect in _DIALECT_HOSTS.items():
        if host == known or (host.endswith(f".{known}") and dialect in ("zoom", "webex")):
            return dialect
    return None


def add_output(outputs: Sequence[Output], fields: Mapping[str, Any]) -> tuple[tuple[Output, ...], Output]:
    """The outputs with a new one, and that one, from its JSON. Raises `BadRequest`, `TooMany`."""
    if len(outputs) >= MAX_OUTPUTS:
        raise TooMany(f"A channel may have at most {MAX_OUTPUTS} outputs: remove one first.")
    kind = fields.get("kind")
    if kind not in KINDS:
        raise BadRequest(f"kind: send one of {', '.join(KINDS)}.")
    output = _convert(KINDS[kind], {**fields, "id": secrets.token_hex(4)}, fields)
    _check_unique(output, outputs)
    return (*outputs, output), output


def change_output(outputs: Sequence[Output], name: str, fields: Mapping[str, Any]) -> tuple[Output, ...]:
    """The outputs with one changed; fields that are not named stay. Raises `BadRequest`, `NoSuchOutput`.

    An address of another host needs the dialect again, unless its host is known.
    """
    before = find_output(outputs, name)
    stored = msgspec.to_builtins(before)
    if "url" in fields and "dialect" not in fields:
        stored.pop("dialect", None)
    if fields.get("kind", before.kind) != before.kind:
        raise BadRequest("kind: an output keeps its kind: remove this one and add another.")
    output = _convert(KINDS[before.kind], {**stored, **fields, "id": name}, fields)
    if output.place != before.place:  # outputs from before this was checked may share one
        _check_unique(output, [one for one in outputs if one.id != name])
    return tuple(output if one.id == name else one for one in outputs)


def remove_output(outputs: Sequence[Output], name: str) -> tuple[Output, ...]:
    """The outputs without the one with that id. Raises `NoSuchOutput`."""
    find_output(outputs, name)
    return tuple(one for one in outputs if one.id != name)


def find_output(outputs: Sequence[Output], name: str) -> Output:
    """Raises `NoSuchOutput`."""
    found = next((one for one in outputs if one.id == name), None)
    if found is None:
        raise NoSuchOutput("This channel has no output with that id: GET …/outputs lists them.")
    return found


def _convert(kind: type[OutputSettings], merged: dict[str, Any], sent: Mapping[str, Any]) -> Any:
    names = {"kind", *kind.__struct_fields__} - {"id"}
    for name in sent:
        if name not in names:
            raise BadRequest(f"{str(name)[:40]}: there is no such field: send any of {', '.join(sorted(names))}.")
    try:
        return msgspec.convert(merged, kind).checked()
    except msgspec.ValidationError as error:
        raise BadRequest(_explain(error, kind)) from error


def _explain(error: msgspec.ValidationError, kind: type[OutputSettings]) -> str:
    """The error as one sentence for people, without the value, which may be secret."""
    if (found := _LOCATION.fullmatch(str(error))) is None:
        return f"The output is not valid: {error}."
    name = found[2]
    hint = next((field.type for field in msgspec.structs.fields(kind) if field.name == name), None)
    meta = next((one for one in get_args(hint) if isinstance(one, Meta)), None)
    if meta is not None and meta.description:
        return f"{name}: send {meta.description}."
    return f"{name}: {found[1][0].lower()}{found[1][1:]}."


def _check_unique(output: Output, others: Sequence[Output]) -> None:
    if any(type(one) is type(output) and one.place == output.place for one in others):
        raise BadRequest(output.place_taken)


def check_url(url: str, setting: str = "url") -> str:
    """The address without spaces around it. Raises `BadRequest`, without quoting it: it is a secret."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and url.isascii()
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url or "@" in parts.netloc or parts.fragment:
        raise BadRequest(f"{setting}: this is not a complete address: copy it again, it begins with https://.")
    return url
