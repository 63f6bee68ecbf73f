"""Final captions that wait to be sent, in order. Pure: callers pass the time."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from surtitle.captions.caption import Caption

_MAX_KNOWN = 5000  # captions that are remembered as sent, so that a correction is not taken for a new one
_MAX_NEWEST = 20  # captions that may have been sent without being stored


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What may wait, and for how long; times in seconds.

    ``delay`` is how long each caption is held back. ``max_age`` is how long after that it may still be sent, and
    ``max_waiting`` how many captions may wait. ``patience`` is how long after its first failure a caption that fails by
    itself is sent again. ``corrections``: new revisions of sent captions are sent, too.
    """

    delay: float = 0.0
    max_age: float = 30.0
    max_waiting: int = 200
    patience: float = 5.0
    corrections: bool = False


@dataclass(frozen=True, slots=True)
class WaitingCaption:
    """A caption with the number of its event in the feed, and when it is ``due``."""

    caption: Caption
    number: int
    due: float


class CaptionQueue:
    """Takes revisions of captions with the numbers of their events, and returns each final caption once.

    ``cursor`` and ``recent`` say what was handled, so that another queue, after a restart, continues there without
    returning anything twice: all events up to ``cursor``, and the ``recent`` captions in these revisions.
    """

    def __init__(self, rules: QueueRules, cursor: int = 0, recent: Mapping[str, int] | None = None) -> None:
        self.skipped = 0
        """Captions that were too old or too many."""
        self.handled = 0
        """How often a caption was sent, skipped or found to be known."""
        self._rules = rules
        self._seen = cursor
        self._waiting: OrderedDict[str, WaitingCaption] = OrderedDict()
        self._known: OrderedDict[str, int] = OrderedDict()  # revisions by id
        self._numbers: dict[str, int] = {}  # of the events of handled captions after the cursor
        self._newest: deque[str] = deque(recent or (), maxlen=_MAX_NEWEST)  # sent, whether or not after the cursor
        for name, rev in (recent or {}).items():
            self._note(name, rev, cursor + 1)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def cursor(self) -> int:
        """All events up to this number are handled."""
        return min((one.number for one in self._waiting.values()), default=self._seen + 1) - 1

    @property
    def recent(self) -> dict[str, int]:
        """The revisions of handled captions whose events come after the cursor, or may come again after a crash.

        The service may be killed after a caption was sent and before it was stored: it then comes again, as it was
        stored last.
        """
        cursor = self.cursor
        self._numbers = {name: number for name, number in self._numbers.items() if number > cursor}
        return {name: self._known[name] for name in (*self._newest, *self._numbers) if name in self._known}

    def know(self, captions: Iterable[Caption]) -> None:
        """Note captions that need not be sent."""
        for caption in captions:
            self._note(caption.id, caption.rev, 0)

    def put(self, caption: Caption, number: int, now: float, age: float = 0.0) -> None:
        """Add a revision of a caption; ``age`` is for how many seconds it has been final."""
        self._seen = max(self._seen, number)
        before = self._waiting.get(caption.id)
        if not caption.full_text:
            before = None
            self._waiting.pop(caption.id, None)
            if not self._rules.corrections or caption.id not in self._known:  # withdrawn before it was sent
                return
        elif not caption.final:
            return
        if before is not None and caption.rev < before.caption.rev:
            return
        known = self._known.get(caption.id)
        if known is not None and before is None and (not self._rules.corrections or caption.rev <= known):
            self._note(caption.id, max(known, caption.rev), number)
            return
        due = now - age + self._rules.delay if before is None else before.due
        self._waiting[caption.id] = WaitingCaption(caption, number, due)  # in the place of an earlier revision
        while len(self._waiting) > self._rules.max_waiting:
            self._skip(next(iter(self._waiting)))

    def pass_over(self, number: int) -> None:
        """Note an event without a caption."""
        self._seen = max(self._seen, number)

    def next(self, now: float) -> WaitingCaption | None:
        """The first caption, if it is due. Skips those that are too old. It stays until `done` is called."""
        while self._waiting:
            first = next(iter(self._waiting.values()))
            if now - first.due <= self._rules.max_age:
                return first if first.due <= now else None
            self._skip(first.caption.id)
        return None

    def due(self) -> float:
        """When the first caption is due; infinity if none waits."""
        return next((one.due for one in self._waiting.values()), math.inf)

    def done(self, sent: WaitingCaption) -> None:
        """Note that a caption was sent, or given up. A revision that came meanwhile waits unless it is a correction."""
        current = self._waiting.get(sent.caption.id)
        self._newest.append(sent.caption.id)
        if current is None:
            self._note(sent.caption.id, sent.caption.rev, sent.number)
        elif current is sent or not self._rules.corrections:
            del self._waiting[sent.caption.id]
            self._note(sent.caption.id, current.caption.rev, current.number)
        else:
            self._note(sent.caption.id, sent.caption.rev, sent.number)

    def clear(self) -> None:
        """Forget what waits, because the channel was cleared."""
        self._waiting.clear()

    def _skip(self, name: str) -> None:
        one = self._waiting.pop(name)
        self._note(name, one.caption.rev, one.number)
        self.skipped += 1

    def _note(self, name: str, rev: int, number: int) -> None:
        self.handled += 1
        self._known.pop(name, None)
        self._known[name] = rev
        if number > 0:
            self._numbers[name] = number
        while len(self._known) > _MAX_KNOWN:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._numbers.pop(oldest, None)
