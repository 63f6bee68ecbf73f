"""What a client of WhisperLiveKit shows: the lines of a transcript, and the text that may still change. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec
from msgspec import UNSET, UnsetType

from surtitle.captions.caption import Caption
from surtitle.core.words import Word, join

ACTIVE = "active_transcription"
NO_AUDIO = "no_audio_detected"
"""Clients clear their transcript when they get this status, so it is used only before the first word."""

_SILENCE = -2  # the speaker of a pause
_MIN_SILENCE = 5.0  # seconds of a pause that becomes a line
_MAX_HELD = 3  # final captions that wait for their translation in `diff`


class Line(msgspec.Struct, frozen=True):
    """A line of the transcript: a final caption, an open one, or a pause; times as ``H:MM:SS.cc``."""

    speaker: int
    text: str
    start: str
    end: str
    translation: str | UnsetType = UNSET
    detected_language: str | UnsetType = UNSET


class State(msgspec.Struct, frozen=True):
    """What a client shows. Times are in seconds."""

    status: str = NO_AUDIO
    lines: Sequence[Line] = ()
    buffer_transcription: str = ""
    buffer_diarization: str = ""
    buffer_translation: str = ""
    remaining_time_transcription: float = 0.0
    remaining_time_transcription_processing: float = 0.0
    remaining_time_transcription_policy: float = 0.0
    remaining_time_diarization: float = 0.0
    error: str | UnsetType = UNSET


class _Entry:
    """A caption with its translation, and its line, which is made once."""

    def __init__(self, caption: Caption) -> None:
        self.caption = caption
        self.translation: Caption | None = None
        self.line: Line | None = None


class Transcript:
    """The captions of one source as lines, at most ``max_lines`` of them; all times in seconds from its first sample.

    With ``diff``, only what is final becomes a line, because clients cannot replace lines. With ``translated``, that
    includes the translation, unless newer captions are final already. ``detected`` adds the language that was detected.
    """

    def __init__(self, max_lines: int, *, diff: bool = False, translated: bool = False, detected: bool = False) -> None:
        self._max_lines = max_lines
        self._diff = diff
        self._translated = translated
        self._detected = detected
        self._entries: dict[str, _Entry] = {}  # by the captions' ids, in the order of their first revisions
        self._speakers: dict[str, int] = {}  # numbers by names, in the order of appearance
        self._active = False
        self.complete = False
        """Whether the source has ended, so that lines do not wait for anything."""

    @property
    def untranslated(self) -> bool:
        """Whether a final caption waits for its translation."""
        return self._translated and any(not _is_settled(entry) for entry in self._entries.values())

    def put(self, caption: Caption) -> None:
        """Add a revision of a caption, or forget it if it is withdrawn."""
        entry = self._entries.get(caption.id)
        if not caption.full_text:
            self._entries.pop(caption.id, None)
        elif entry is None:
            self._entries[caption.id] = _Entry(caption)
            if len(self._entries) > self._max_lines:
                del self._entries[next(iter(self._entries))]
        elif caption.rev >= entry.caption.rev:
            entry.caption, entry.line = caption, None

    def correct(self, caption: Caption) -> bool:
        """Replace a final caption by a newer revision, if it is one of this source; returns whether it is."""
        entry = self._entries.get(caption.id)
        if entry is None or not entry.caption.final or not caption.final or caption.rev <= entry.caption.rev:
            return False
        self.put(caption)
        return True

    def translate(self, caption: Caption) -> bool:
        """Add the translation of a caption, if that is one of this source; returns whether it is."""
        entry = self._entries.get(caption.id)
        if entry is None:
            return False
        entry.translation, entry.line = caption, None
        return True

    def state(self, tentative: Sequence[Word] = (), waiting: float = 0.0) -> State:
        """What the client shows. ``tentative`` are the words that may change, and ``waiting`` the seconds of audio that
        are not recognized yet.
        """
        shown = list(self._shown())
        lines = list(self._lines(shown))
        rest = [entry.caption for entry in islice(self._entries.values(), len(shown), None)]
        if self._diff:
            buffer = join(word for caption in rest for word in (*caption.words, *caption.tentative))
        else:
            buffer = join(tentative)
        self._active = self._active or bool(lines or buffer)
        policy = tentative[-1].end - tentative[0].start if tentative else 0.0
        return State(
            status=ACTIVE if self._active else NO_AUDIO,
            lines=lines,
            buffer_transcription=buffer,
            buffer_translation=self._translation_buffer(len(shown)),
            remaining_time_transcription=round(waiting + policy, 1),
            remaining_time_transcription_processing=round(waiting, 1),
            remaining_time_transcription_policy=round(policy, 1),
        )

    def _shown(self) -> Iterator[_Entry]:
        """The captions that are lines, oldest first."""
        entries = list(self._entries.values())
        for index, entry in enumerate(entries):
            if not entry.caption.words:
                return
            if self._diff and not self.complete:
                newer = sum(later.caption.final for later in entries[index + 1 : index + 1 + _MAX_HELD])
                held = self._translated and not _is_settled(entry) and newer < _MAX_HELD
                if held or not entry.caption.final:
                    return
            yield entry

    def _lines(self, shown: Sequence[_Entry]) -> Iterator[Line]:
        before: Caption | None = None
        for entry in shown:
            caption = entry.caption
            if before is not None and caption.start - before.end > _MIN_SILENCE:
                yield Line(_SILENCE, "", format_time(before.end), format_time(caption.start))
            if entry.line is None:
                entry.line = self._line(entry)
            yield entry.line
            before = caption

    def _line(self, entry: _Entry) -> Line:
        caption, translation = entry.caption, entry.translation
        words = caption.words
        detected = self._detected and caption.language != "auto"
        return Line(
            speaker=self._number(caption.speaker),
            text=caption.text.strip(),
            start=format_time(words[0].start),
            end=format_time(words[-1].end),
            translation=translation.text.strip() if translation and translation.words else UNSET,
            detected_language=caption.language if detected else UNSET,
        )

    def _number(self, speaker: str | None) -> int:
        """The number of a speaker. WhisperLiveKit numbers a speaker who is unknown as the first."""
        return self._speakers.setdefault(speaker, len(self._speakers) + 1) if speaker else 1

    def _translation_buffer(self, shown: int) -> str:
        """The translation that may still change, or belongs to captions that are not among the ``shown`` first."""
        pieces = []
        for index, entry in enumerate(self._entries.values()):
            if index >= shown - 1 and (translation := entry.translation) is not None:
                text = translation.tentative_text if index < shown else translation.full_text
                pieces.append(text.strip())
        return " ".join(filter(None, pieces))


class Differ:
    """Turns states into messages of the mode `diff`, in which each line is sent once."""

    def __init__(self) -> None:
        self._sequence = 0
        self._lines: Sequence[Line] = ()

    def message(self, state: State) -> bytes:
        """The JSON message that leads a client from the state before to this one."""
        self._sequence += 1
        before, self._lines = self._lines, state.lines
        message = {name: value for name, value in msgspec.structs.asdict(state).items() if value is not UNSET}
        if self._sequence == 1:
            return msgspec.json.encode({"type": "snapshot", "seq": 1, **message})
        del message["lines"]
        message |= {"type": "diff", "seq": self._sequence, "n_lines": len(state.lines)}
        if pruned := count_pruned(before, state.lines):
            message["lines_pruned"] = pruned
        if new := state.lines[len(before) - pruned :]:
            message["new_lines"] = new
        return msgspec.json.encode(message)


def count_pruned(before: Sequence[Line], after: Sequence[Line]) -> int:
    """How many lines of ``before`` to drop in front so that the rest begins ``after``: all if a line has changed."""
    if not after:
        return len(before)
    pruned = next((index for index, line in enumerate(before) if line is after[0] or line == after[0]), len(before))
    kept = len(before) - pruned
    return pruned if before[pruned:] == after[:kept] else len(before)


def format_time(seconds: float) -> str:
    """Seconds as ``H:MM:SS.cc``."""
    hundredths = round(seconds * 100)
    return f"{hundredths // 360_000}:{hundredths // 6000 % 60:02}:{hundredths // 100 % 60:02}.{hundredths % 100:02}"


def _is_settled(entry: _Entry) -> bool:
    """Whether a caption and its translation are final, or it is still open."""
    return not entry.caption.final or (entry.translation is not None and entry.translation.final)
