"""The numbers of the requests in which a text arrives: a request that is sent again counts once. Pure."""

from __future__ import annotations

_REMEMBERED = 64  # requests


class PostSequence:
    """Tells new requests from repeated ones by their numbers, which begin anywhere and may begin again."""

    def __init__(self) -> None:
        self.last: int | None = None
        """The highest number so far."""
        self.missing = 0
        """Requests that were numbered and did not arrive."""
        self._recent: dict[int, str] = {}

    def accept(self, number: int | None, text: str) -> bool:
        """Whether this is a new request; without a number it is. A late one is new, too."""
        if number is None:
            return True
        if self._recent.get(number) == text:
            return False
        if self.last is not None and number > self.last:
            self.missing += number - self.last - 1
        elif self.last is not None:
            if self._is_late(number, self.last):
                self.missing -= 1
            else:
                self._restart()
        self._recent[number] = text
        if len(self._recent) > _REMEMBERED:
            del self._recent[next(iter(self._recent))]
        self.last = number if self.last is None else max(self.last, number)
        return True

    def _is_late(self, number: int, last: int) -> bool:
        return self.missing > 0 and number not in self._recent and last - number < _REMEMBERED

    def _restart(self) -> None:
        """The client was started again, and counts from the beginning."""
        self.last = None
        self.missing = 0
        self._recent.clear()
