"""A channel's session while the service runs: its clock, the ids of its captions, and sources that may be resumed."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from surtitle.captions.caption import Caption
from surtitle.channels.session import (
    Journal,
    ResumableSource,
    Session,
    StoredSession,
    hash_resume_id,
    new_session,
    parse_caption_number,
)
from surtitle.core.settings import Limits

_MAX_PREFIXES = 4  # restarts of the service across which a reader may resume
_SEQUENCE_GAP = 1_000_000  # sequence numbers skipped after a restart, because the last ones may not have been stored
_UNKNOWN_RANGE = 50  # captions around the newest stored one that may have been on screens without being stored


def skip_numbers(last: int | None) -> int:
    """The number after which a service continues that has channels for itself, if ``last`` was stored."""
    return 0 if last is None else last + _SEQUENCE_GAP


class RunningSession:
    """Begins, continues and ends the sessions of one channel, and stores them in ``journal``."""

    def __init__(
        self, channel: str, limits: Limits, journal: Journal | None, continue_after: Callable[[int | None], int]
    ) -> None:
        """``continue_after`` gives what is `restarted`, from the last sequence number if a session was stored."""
        self.current: Session | None = None
        """None until the first source starts, and when a session has ended."""
        self.epoch = secrets.token_hex(4)
        """That of the resume ids of the channel's feeds."""
        self._channel = channel
        self._limits = limits
        self._journal = journal
        self._continue_after = continue_after
        self._first_number = continue_after(None)
        self._numbers = itertools.count(1)
        self._prefix = f"c{int(1000 * time.time()):x}"  # ids stay unique when the service restarts
        self._began: float | None = None
        self._restored = self._active = time.monotonic()
        self._resumable: dict[str, ResumableSource] = {}
        self._handed_over: dict[str, tuple[float, ResumableSource]] = {}  # each with the time until which it is kept

    @property
    def idle(self) -> bool:
        """Whether the channel has been inactive for so long that the next source begins a new session."""
        return time.monotonic() - self._active > self._limits.session_rest

    @property
    def restarted(self) -> int:
        """The sequence number after which this run of the service began or continued the session's feeds."""
        return self.current.restarted if self.current and self.current.restarted else self._first_number

    def is_current(self, session: str) -> bool:
        """Whether this is the id of the session that runs."""
        return self.current is not None and self.current.id == session

    def is_newer(self, session: Session) -> bool:
        """Whether this run has continued the session after ``session`` was lost to another service."""
        return self.is_current(session.id) and self.restarted > session.restarted

    def note_activity(self) -> None:
        """Note that a source is active now."""
        self._active = time.monotonic()

    def clock(self, ago: float = 0.0) -> float:
        """The time ``ago`` seconds before now, in seconds on the channel's clock, which its first source starts."""
        then = time.monotonic() - ago
        if self._began is None:
            self._began = then
        return then - self._began

    def new_caption_id(self) -> str:
        """An id that no other caption of the channel has."""
        return f"{self._prefix}-{next(self._numbers)}"

    def begin(self, sequence: int) -> None:
        """Begin a new session on the same clock. ``sequence`` is the feed's last sequence number."""
        began = time.time() - self.clock()
        self.current = new_session(self._channel, began, self.epoch, sequence, self._prefix)
        self._save()

    def end(self) -> None:
        """End the session; its clock stops, too."""
        self._began = self.current = None

    def keep_names(self, names: Mapping[str, str]) -> None:
        """Store the names of speakers that belong to this session only, which is about to end."""
        if self.current is not None:
            self.current = replace(self.current, names=dict(names))
            self._save()

    def restore(self, stored: StoredSession) -> list[str]:
        """Continue a session from an earlier run of the service.

        The new state should be written before anybody connects: otherwise a run that is killed before it stores
        anything is followed by one that uses its sequence numbers again, and does not know what it had published.

        Returns the ids of captions that may have been on screens but were not stored.
        """
        session = stored.session
        self.epoch = session.epoch
        self._resumable, self._restored = stored.sources, time.monotonic()
        numbers = [number for track in stored.tracks.values() for number, _ in track]
        captions = [caption for track in stored.tracks.values() for _, caption in track]
        furthest = max((caption.end for caption in captions), default=0.0)
        now = time.time()
        # if the computer's clock was set back meanwhile, new words must still come after old ones
        self._began = time.monotonic() - max(now - session.began, furthest)
        self._active = time.monotonic() - max(0.0, now - stored.seen)
        prefixes = session.prefix.split()
        self.current = replace(
            session,
            prefix=" ".join([self._prefix, *prefixes][:_MAX_PREFIXES]),
            restarted=self._continue_after(max([session.sequence, session.restarted, *numbers])),
        )
        self._save()
        return [name for prefix in prefixes for name in _find_unstored(prefix, captions)]

    def find_resumable(self, resume: str) -> ResumableSource | None:
        """The source with the id ``resume`` that its client may continue with a new one, if there is one.

        It was running when the service ended and has not come back yet, or was handed over.
        """
        now, key = time.monotonic(), hash_resume_id(resume)
        until, source = self._handed_over.get(key, (0.0, None))
        if source is not None and now <= until:
            return source
        return self._resumable.get(key) if now - self._restored <= self._limits.resume_window else None

    def hand_over(self, resume: str, source: ResumableSource) -> None:
        """Let the client of a source that ends continue with a new one, if it comes within the usual time.

        Audio that waits for recognition is kept until `withdraw`.
        """
        now = time.monotonic()
        self._handed_over = {
            key: (until, kept)
            for key, (until, kept) in self._handed_over.items()
            if until >= now or kept.has_speech_waiting
        }
        self._handed_over[hash_resume_id(resume)] = (now + self._limits.resume_window, source)

    def find_handed_over(self, resume: str) -> ResumableSource | None:
        """The source that was handed over and has not been resumed, even if its client can no longer come."""
        _, source = self._handed_over.get(hash_resume_id(resume), (0.0, None))
        return source

    def withdraw(self, resume: str) -> ResumableSource | None:
        """The source that was handed over and has not been resumed; from now on, it cannot be."""
        _, source = self._handed_over.pop(hash_resume_id(resume), (0.0, None))
        return source

    def save_source(self, resume: str, name: str, clock: float, position: float = 0.0) -> None:
        """Store a source that has started, or continues in a new session; see `Journal.save_source`."""
        self._resumable.pop(hash_resume_id(resume), None)
        self._handed_over.pop(hash_resume_id(resume), None)
        if self._journal is not None and self.current is not None:
            self._journal.save_source(self.current, resume, name, clock, position)

    def forget_source(self, resume: str) -> None:
        """Remove a stored source that has ended and will not be resumed."""
        if self._journal is not None and self.current is not None:
            self._journal.forget_source(self.current, resume)

    def _save(self) -> None:
        if self._journal is not None and self.current is not None:
            self._journal.save_session(self.current)


def _find_unstored(prefix: str, captions: Collection[Caption]) -> list[str]:
    """Ids with ``prefix`` that are not among ``captions`` but may have been used.

    Those before the newest are included: of two sources, one may commit words later than its caption got an id.
    """
    known = {parse_caption_number(caption.id, prefix) for caption in captions}
    newest = max(known, default=0)
    around = range(max(1, newest - _UNKNOWN_RANGE), newest + _UNKNOWN_RANGE + 1)
    return [f"{prefix}-{number}" for number in around if number not in known]
