"""Reads closed captions back out of a stream: FLV, H.264, SEI, CEA-608 (field 1, channel 1, pop-on).

From the formats' own documents: the FLV specification, ISO 14496-10 annex D, ANSI/SCTE 128 (GA94),
CTA-608. OBS puts the SEI behind the picture it belongs to, which FFmpeg does not accept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_VIDEO, _AVC, _PICTURE = 9, 7, 1
_SEI = 6
_T35 = b"\xb5\x00\x31GA94\x03"  # United States, ATSC, cc_data

# What differs from ASCII. 0x27 is a typographic apostrophe.
_BASIC = {0x27: "’", 0x2A: "á", 0x5C: "é", 0x5E: "í", 0x5F: "ó", 0x60: "ú", 0x7B: "ç", 0x7C: "÷", 0x7D: "Ñ", 0x7E: "ñ"}
_SPECIAL = "®°½¿™¢£♪à\u00a0èâêîôû"
_EXTENDED = {0x12: "ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»", 0x13: "ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤│ÅåØø┌┐└┘"}
_ROWS = {0x11: 1, 0x12: 3, 0x15: 5, 0x16: 7, 0x17: 9, 0x10: 11, 0x13: 12, 0x14: 14}
_RESUME, _ERASE, _CLEAR, _END = 0x20, 0x2C, 0x2E, 0x2F


@dataclass(frozen=True)
class Shown:
    """A screen: when it came up, in seconds of the stream; its rows; the byte pairs that brought it."""

    when: float
    rows: tuple[str, ...]
    pairs: int


def screens(path: Path) -> list[Shown]:
    """All that viewers with captions switched on saw, in order."""
    decoder = _Decoder()
    shown = []
    for when, message in sorted(_messages(path.read_bytes()), key=lambda found: found[0]):
        before = decoder.changes
        for first, second in message:
            decoder.feed(first & 0x7F, second & 0x7F)
        if decoder.changes != before:
            shown.append(Shown(when, decoder.rows(), len(message)))
    return shown


def running_text(shown: list[Shown]) -> list[str]:
    """The rows of a roll-up, each once: a screen continues the rows of the screen before."""
    rows: list[str] = []
    before: tuple[str, ...] = ()
    for screen in shown:
        now = screen.rows
        if before and now and now[:-1] == before[:-1] and now[-1].startswith(before[-1]):
            rows[-1] = now[-1]  # the lower row grew
        elif before and now and now[0].startswith(before[-1]):
            rows[-1:] = now  # it moved up
        else:
            rows += now
        before = now
    return rows


class _Decoder:
    """Two memories: one is written while the other is shown."""

    def __init__(self) -> None:
        self.changes = 0
        self._hidden: dict[tuple[int, int], str] = {}
        self._visible: dict[tuple[int, int], str] = {}
        self._row = self._column = 0
        self._last = (0, 0)

    def feed(self, first: int, second: int) -> None:
        if 0x10 <= first <= 0x1F:
            if (first, second) == self._last:
                self._last = (0, 0)  # control codes are sent twice, and done once
                return
            self._last = (first, second)
            self._control(first, second)
        else:
            self._last = (0, 0)
            for code in (first, second):
                if code >= 0x20:
                    self._put(_BASIC.get(code, chr(code)))

    def rows(self) -> tuple[str, ...]:
        numbers = sorted({row for row, _ in self._visible})
        return tuple("".join(self._visible.get((row, column), " ") for column in range(32)).strip() for row in numbers)

    def _control(self, first: int, second: int) -> None:
        if first == 0x14 and 0x20 <= second <= 0x2F:
            if second == _CLEAR:
                self._hidden = {}
            elif second == _END:
                self._hidden, self._visible = self._visible, self._hidden
                self.changes += 1
            elif second == _ERASE:
                self._visible = {}
                self.changes += 1
            else:
                assert second == _RESUME, f"not pop-on: {second:#x}"
        elif first == 0x11 and 0x30 <= second <= 0x3F:
            self._put(_SPECIAL[second - 0x30])
        elif first in _EXTENDED and 0x20 <= second <= 0x3F:
            self._column -= 1  # it takes the place of the character before
            self._put(_EXTENDED[first][second - 0x20])
        elif second >= 0x40:
            self._row = _ROWS[first] + (second >= 0x60) - (0 if first == 0x10 else 1)
            self._column = ((second & 0x0E) >> 1) * 4 if second & 0x10 else 0
        else:
            raise AssertionError(f"unknown control code {first:#x} {second:#x}")

    def _put(self, character: str) -> None:
        assert self._column < 32, "the row is full"
        self._hidden[self._row, self._column] = character
        self._column += 1


def _messages(data: bytes) -> Iterator[tuple[float, list[tuple[int, int]]]]:
    """The byte pairs of each caption message with its picture's time in seconds."""
    at = 13  # behind the file's header
    while at + 11 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        when = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        body = data[at + 11 : at + 11 + size]
        at += size + 15
        if kind == _VIDEO and len(body) > 5 and body[0] & 15 == _AVC and body[1] == _PICTURE:
            offset = int.from_bytes(body[2:5], "big", signed=True)
            for unit in _units(body[5:]):
                if unit[0] & 31 == _SEI:
                    for message in _payloads(unit.replace(b"\0\0\3", b"\0\0")):
                        yield (when + offset) / 1000, message


def _units(body: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 < len(body):
        size = int.from_bytes(body[at : at + 4], "big")
        yield body[at + 4 : at + 4 + size]
        at += 4 + size


def _payloads(unit: bytes) -> Iterator[list[tuple[int, int]]]:
    at = 1
    while at + 2 < len(unit):
        kind, at = _number(unit, at)
        size, at = _number(unit, at)
        payload = unit[at : at + size]
        at += size
        if kind == 4 and payload.startswith(_T35):
            count = payload[8] & 31
            triples = [payload[10 + 3 * number : 13 + 3 * number] for number in range(count)]
            yield [(one[1], one[2]) for one in triples if one[0] & 4 and not one[0] & 3]


def _number(unit: bytes, at: int) -> tuple[int, int]:
    value = 0
    while unit[at] == 255:
        value, at = value + 255, at + 1
    return value + unit[at], at + 1
