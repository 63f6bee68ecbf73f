"""The appearance of captions in overlays. Pure: defines and checks styles, which the pages draw."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta

from surtitle.core.errors import BadRequest

DEFAULT = "default"
"""The name of the style for overlays that name none."""

_NAME_PATTERN = re.compile(r"\w[\w -]{0,39}")

_Color = Annotated[str, Meta(pattern=r"^(#?([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})|[a-zA-Z]{3,20})$")]
_Percent = Annotated[int, Meta(ge=0, le=100)]
_Margin = Annotated[int, Meta(ge=0, le=45)]
_Font = Annotated[str, Meta(max_length=200, pattern=r"^[\w ,.'\"-]*$")]


class Style(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A style; missing fields are those of the theme. The overlay takes the same names as URL parameters.

    Sizes are relative, so that a style fits every canvas: ``size`` and the opacities are in percent,
    ``outline``, ``shadow`` and ``radius`` in hundredths of the text's height, ``margin`` and ``side``
    in percent of the picture, and ``fade`` is in seconds of silence (0 for never).
    """

    theme: Literal["studio", "broadcast", "cinema", "outline", "news", "contrast", "paper", "neon", "comic"] | None = (
        None
    )
    font: _Font | None = None
    size: Annotated[int, Meta(ge=20, le=400)] | None = None
    weight: Annotated[int, Meta(ge=100, le=900)] | None = None
    color: _Color | None = None
    outline: Annotated[int, Meta(ge=0, le=30)] | None = None
    outline_color: _Color | None = None
    shadow: _Percent | None = None
    shadow_color: _Color | None = None
    box: _Color | None = None
    box_opacity: _Percent | None = None
    radius: _Percent | None = None
    align: Literal["left", "center", "right"] | None = None
    position: Literal["top", "middle", "bottom"] | None = None
    margin: _Margin | None = None
    side: _Margin | None = None
    lines: Annotated[int, Meta(ge=1, le=4)] | None = None
    columns: Annotated[int, Meta(ge=12, le=80)] | None = None
    case: Literal["normal", "upper"] | None = None
    names: Literal["auto", "always", "never"] | None = None
    name_color: _Color | None = None
    voices: Literal["none", "name", "text"] | None = None
    tentative: Literal["lighter", "same", "hidden"] | None = None
    mode: Literal["roll-up", "pop-on", "word"] | None = None
    fade: Annotated[int, Meta(ge=0, le=600)] | None = None
    direction: Literal["auto", "ltr", "rtl"] | None = None

    def as_json(self) -> dict[str, Any]:
        """The style's own fields, without those left to the theme."""
        return dict(msgspec.to_builtins(self))


class StyleEvent(TypedDict):
    """A style of the channel's overlays by its name, as readers are sent it."""

    name: str
    style: Style


def check_name(name: str) -> str:
    """Check a style's name and return it unchanged. Raises `BadRequest`."""
    if not _NAME_PATTERN.fullmatch(name):
        raise BadRequest(f"{name[:50]!r} is not a valid style name: use 1 to 40 letters, digits, dashes or spaces.")
    return name
