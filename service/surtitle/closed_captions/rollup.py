"""Running text as closed captions: the last two rows, from one screen to the next without a gap.

A pop-on channel, which is what OBS has, replaces the whole picture. So each screen repeats the row
before the newest one: a row fills, then moves up. Pure: the time comes with the calls.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from surtitle.captions.cea608 import COLUMNS, MAX_PAIRS, count_pairs, fits, transliterate
from surtitle.text.joining import joins

PACE = 0.5  # seconds between two screens; OBS sends about three a second when it has B-frames
HANG = 4.0  # seconds of silence after which the screen is cleared
STALE = 30.0  # seconds after which a word that could not be shown is left out
_WAITING = 10_000  # words; OBS can delay a stream by half an hour
_ROW = 13  # pairs in a row, if the row before leaves them: two rows share 25
_SHARED = MAX_PAIRS - 2


@dataclass(frozen=True, slots=True)
class Screen:
    """What to show: ``text`` has one or two rows, or is empty to clear; the rest is where it stands in the roll."""

    text: str
    row: int
    length: int


@dataclass(slots=True)
class _Row:
    text: str
    page: int  # rows of different pages are never shown together


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    due: float
    spaced: bool
    turn: bool


class RollUp:
    """Words in, screens out. Nothing is lost between them unless nobody takes screens for `STALE` seconds."""

    def __init__(self) -> None:
        self.skipped = 0  # words that were too old to be shown
        self._waiting: deque[_Word] = deque()
        self._rows: deque[_Row] = deque()
        self._first = 0  # number of the first row that is kept
        self._page = 0
        self._turn = False  # somebody else said what had nothing to show
        self._heard = float("-inf")  # when the newest word was due
        self._shown = Screen("", -1, 0)
        self._when = float("-inf")

    def add(self, text: str, due: float, *, spaced: bool = True, turn: bool = False) -> None:
        """Words to show from ``due`` on, in seconds; ``turn``: somebody else says them."""
        due = max(due, self._waiting[-1].due) if self._waiting else due
        self._turn = self._turn or turn
        for number, word in enumerate(transliterate(text).split()):
            before = self._waiting[-1] if self._waiting and not (number or spaced or self._turn) else None
            if before is not None and joins(before.text, word, spaced=False) and len(before.text + word) <= COLUMNS:
                self._waiting[-1] = replace(before, text=before.text + word)
                continue
            self._waiting.append(_Word(word, due, spaced or number > 0, self._turn))
            self._turn = False
        while len(self._waiting) > _WAITING:
            self._waiting.popleft()
            self.skipped += 1

    def next(self, now: float) -> Screen | None:
        """What to show now, if anything new is to be. The same again until it was `show`n."""
        self._place_due(now)
        if now - self._when < PACE:
            return None
        screen = self._following()
        if screen is None and self._shown.text and now - self._heard >= HANG:
            return Screen("", self._shown.row, self._shown.length)
        return screen

    def show(self, screen: Screen, now: float) -> None:
        """``screen`` is on the viewers' screens."""
        self._shown, self._when = screen, now
        if not screen.text:
            self._page += 1
        while self._first < screen.row - 1:
            self._rows.popleft()
            self._first += 1

    def reset(self) -> None:
        """Forget all: there is nothing on the screens, and what waits is not to be shown."""
        self._waiting.clear()
        self._page += 1
        last = self._first + len(self._rows) - 1
        self._shown = Screen("", last, len(self._rows[-1].text) if self._rows else 0)

    def _following(self) -> Screen | None:
        """The furthest screen that leaves no text out."""
        shown, last = self._shown, self._first + len(self._rows) - 1
        grown = shown.row >= self._first and len(self._row(shown.row).text) > shown.length
        if shown.row < last and not (grown and not self._together(shown.row)):
            number = shown.row + 1
        elif grown:
            number = shown.row
        else:
            return None
        rows = [self._row(number).text]
        if number > self._first and self._together(number - 1):
            rows.insert(0, self._row(number - 1).text)
        text = "\n".join(rows)
        if text == shown.text:  # the same row again and again: it has to be seen that it is another one
            text = rows[-1] if len(rows) > 1 else ""
        return Screen(text, number, len(rows[-1])) if text else Screen("", shown.row, shown.length)

    def _together(self, number: int) -> bool:
        """Whether this row can stand above the next one."""
        upper, lower = self._row(number), self._row(number + 1)
        return upper.page == lower.page and fits([upper.text, lower.text])

    def _row(self, number: int) -> _Row:
        return self._rows[number - self._first]

    def _place_due(self, now: float) -> None:
        while self._waiting and self._waiting[0].due <= now:
            word = self._waiting.popleft()
            if now - word.due > STALE:
                self.skipped += 1
                continue
            if word.due - self._heard >= HANG:
                self._page += 1
            self._heard = max(self._heard, word.due)
            if word.turn and self._rows:
                self._rows.append(_Row(">>", self._page))
            for piece in _pieces(word.text):
                self._place(piece, spaced=word.spaced)

    def _place(self, word: str, *, spaced: bool) -> None:
        """Into the last row if it fits, else into a new one. Rows that were shown only grow at their end."""
        if self._rows and self._rows[-1].page == self._page:
            row = self._rows[-1]
            longer = f"{row.text} {word}" if spaced else row.text + word
            if count_pairs(longer) <= self._limit() and fits([longer]):
                row.text = longer
                return
        self._rows.append(_Row(word, self._page))

    def _limit(self) -> int:
        """Pairs that the last row may have so that the row before can stand above it."""
        if len(self._rows) < 2 or self._rows[-2].page != self._page:
            return _ROW
        left = _SHARED - count_pairs(self._rows[-2].text)
        return min(_ROW, left) if left >= _SHARED - _ROW else _ROW


def _pieces(word: str) -> list[str]:
    """A word as it is, or in pieces if it is longer than a row."""
    pieces = [""]
    for character in word:
        longer = pieces[-1] + character
        if len(longer) > COLUMNS or not fits([longer]):
            pieces.append(character)
        else:
            pieces[-1] = longer
    return pieces
