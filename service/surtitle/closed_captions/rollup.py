"""Roll-up closed captions: each screen has the last two rows of a running text.

OBS sends pop-on captions, which replace the whole screen. So each screen repeats the row before the newest
one: a row fills, then moves up. Pure: callers pass the time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from surtitle.captions.cea608 import COLUMNS, MAX_PAIRS, count_pairs, fits, transliterate
from surtitle.text.joining import must_stay_together

MIN_INTERVAL = 0.5  # seconds between two screens; with B-frames OBS sends about three per second
CLEAR_AFTER = 4.0  # seconds of silence after which the screen is cleared
MAX_AGE = 30.0  # seconds after which a word that could not be shown is skipped
_MAX_WAITING = 10_000  # words; OBS can delay a stream by half an hour
_ROW_PAIRS = 13  # byte pairs in a row, if the row before leaves that many: two rows share 25
_TWO_ROW_PAIRS = MAX_PAIRS - 2


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen: ``text`` has one or two rows, or is empty to clear; ``row`` and ``length`` are its end in the text."""

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
    """Takes words, and returns screens. No word is lost unless no screen is taken for `MAX_AGE` seconds."""

    def __init__(self) -> None:
        self.skipped = 0  # words too old to be shown
        self._waiting: deque[_Word] = deque()
        self._rows: deque[_Row] = deque()
        self._first = 0  # number of the first row that is kept
        self._page = 0
        self._turn = False  # the speaker changed in text without characters to show
        self._heard = float("-inf")  # the time at which the newest word was due
        self._shown = Screen("", -1, 0)
        self._when = float("-inf")

    def add(self, text: str, due: float, *, spaced: bool = True, turn: bool = False) -> None:
        """Add words to show from ``due`` seconds on; ``turn`` marks a change of speaker."""
        due = max(due, self._waiting[-1].due) if self._waiting else due
        self._turn = self._turn or turn
        for number, word in enumerate(transliterate(text).split()):
            before = self._waiting[-1] if self._waiting and not (number or spaced or self._turn) else None
            if (
                before is not None
                and must_stay_together(before.text, word, spaced=False)
                and len(before.text + word) <= COLUMNS
            ):
                self._waiting[-1] = replace(before, text=before.text + word)
                continue
            self._waiting.append(_Word(word, due, spaced or number > 0, self._turn))
            self._turn = False
        while len(self._waiting) > _MAX_WAITING:
            self._waiting.popleft()
            self.skipped += 1

    def next(self, now: float) -> Screen | None:
        """The screen to show now, if it is a new one. Returns the same one again until `show` is called."""
        self._move_due(now)
        if now - self._when < MIN_INTERVAL:
            return None
        screen = self._next_screen()
        if screen is None and self._shown.text and now - self._heard >= CLEAR_AFTER:
            return Screen("", self._shown.row, self._shown.length)
        return screen

    def due(self, now: float) -> float:
        """When to call `next` again after it returned None, if no word is added until then; infinity if never."""
        if now - self._when < MIN_INTERVAL:
            return self._when + MIN_INTERVAL
        word = self._waiting[0].due if self._waiting else float("inf")
        return min(word, self._heard + CLEAR_AFTER) if self._shown.text else word

    def show(self, screen: Screen, now: float) -> None:
        """Note that viewers see ``screen``."""
        self._shown, self._when = screen, now
        if not screen.text:
            self._page += 1
        while self._first < screen.row - 1:
            self._rows.popleft()
            self._first += 1

    def reset(self) -> None:
        """Note that viewers see nothing, and discard the words that wait."""
        self._waiting.clear()
        self._page += 1
        last = self._first + len(self._rows) - 1
        self._shown = Screen("", last, len(self._rows[-1].text) if self._rows else 0)

    def _next_screen(self) -> Screen | None:
        """The furthest screen that skips no text."""
        shown, last = self._shown, self._first + len(self._rows) - 1
        grown = shown.row >= self._first and len(self._row(shown.row).text) > shown.length
        if shown.row < last and not (grown and not self._fit_together(shown.row)):
            number = shown.row + 1
        elif grown:
            number = shown.row
        else:
            return None
        rows = self._rows_at(number)
        if "\n".join(rows) == shown.text and grown and number > shown.row:
            number = shown.row  # what the row above has grown by would otherwise be taken for what is shown already
            rows = self._rows_at(number)
        text = "\n".join(rows)
        if text == shown.text:  # the same text again: the screen must change so that viewers notice the new row
            text = rows[-1] if len(rows) > 1 else ""
        return Screen(text, number, len(rows[-1])) if text else Screen("", shown.row, shown.length)

    def _rows_at(self, number: int) -> list[str]:
        """The rows of the screen that ends with this row."""
        row = self._row(number).text
        return [self._row(number - 1).text, row] if number > self._first and self._fit_together(number - 1) else [row]

    def _fit_together(self, number: int) -> bool:
        """Whether this row and the next one fit on one screen."""
        upper, lower = self._row(number), self._row(number + 1)
        return upper.page == lower.page and fits([upper.text, lower.text])

    def _row(self, number: int) -> _Row:
        return self._rows[number - self._first]

    def _move_due(self, now: float) -> None:
        while self._waiting and self._waiting[0].due <= now:
            word = self._waiting.popleft()
            if now - word.due > MAX_AGE:
                self.skipped += 1
                continue
            if word.due - self._heard >= CLEAR_AFTER:
                self._page += 1
            self._heard = max(self._heard, word.due)
            if word.turn and self._rows:
                self._rows.append(_Row(">>", self._page))
            for piece in _split_word(word.text):
                self._append(piece, spaced=word.spaced)

    def _append(self, word: str, *, spaced: bool) -> None:
        """Append a word to the last row if it fits, otherwise to a new one. Shown rows only grow at their end."""
        if self._rows and self._rows[-1].page == self._page:
            row = self._rows[-1]
            longer = f"{row.text} {word}" if spaced else row.text + word
            if count_pairs(longer) <= self._max_pairs() and fits([longer]):
                row.text = longer
                return
        self._rows.append(_Row(word, self._page))

    def _max_pairs(self) -> int:
        """The byte pairs that the last row may take so that the row before fits above it."""
        if len(self._rows) < 2 or self._rows[-2].page != self._page:
            return _ROW_PAIRS
        left = _TWO_ROW_PAIRS - count_pairs(self._rows[-2].text)
        return min(_ROW_PAIRS, left) if left >= _TWO_ROW_PAIRS - _ROW_PAIRS else _ROW_PAIRS


def _split_word(word: str) -> list[str]:
    """The word, or its pieces if it is longer than a row."""
    pieces = [""]
    for character in word:
        longer = pieces[-1] + character
        if len(longer) > COLUMNS or not fits([longer]):
            pieces.append(character)
        else:
            pieces[-1] = longer
    return pieces
