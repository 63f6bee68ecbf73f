"""A transcript that grows while people speak, in the formats to which captions can be appended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions, cues, documents, end_times
from surtitle.captions.exports.escapes import remove_controls
from surtitle.captions.transcript import sort_final

GROWING_FORMATS = ("srt", "vtt", "txt")
_OPTIONS = ExportOptions()


@dataclass(frozen=True, slots=True)
class _Layout:
    """The text of a revision's cue, which is kept because laying out lines is most of the work."""

    rev: int
    name: str | None  # that is shown
    srt: str
    vtt: str


class GrowingTranscript:
    """What has been written of a session's transcript, and what to append for the next caption.

    The files are valid after every step. They become `different` from an export of the same captions when a caption
    changes, when one follows that began earlier, or when a second voice speaks, so that names are needed: then all of
    it has to be written again, with `restart`.
    """

    def __init__(self) -> None:
        self.different = False
        self._revisions: dict[str, int] = {}  # by the captions' ids
        self._start = 0.0  # of the latest caption, in seconds
        self._ends: dict[str, float] = {}  # when the latest caption of each source disappears
        self._voices: set[str] = set()
        self._voice: str | None = None  # of the last caption
        self._count = 0
        self._layouts: dict[str, _Layout] = {}  # by the captions' ids

    def restart(self, captions: Iterable[Caption]) -> dict[str, str]:
        """The whole text of each format; captions that are not final are left out."""
        final = sort_final(map(remove_controls, captions))
        self.different = False
        self._revisions = {caption.id: caption.rev for caption in final}
        self._voices = {caption.voice for caption in final}
        self._voice = final[-1].voice if final else None
        self._start = final[-1].start if final else 0.0
        self._ends = {caption.source: end for caption, end in zip(final, end_times(final), strict=True)}
        self._count = len(final)
        return self._export(final)

    def append(self, caption: Caption) -> dict[str, str]:
        """The text to append to each format for a revision of a caption; nothing if it is known or has no words."""
        if caption.id in self._revisions:
            self.different |= caption.rev > self._revisions[caption.id]
            return {}
        if not caption.final or not caption.text:
            return {}
        caption = remove_controls(caption)
        (end,) = end_times([caption])
        cut = caption.start < self._ends.get(caption.source, 0.0)  # the end of the source's caption before
        named_first = len(self._voices) == 1 and caption.voice not in self._voices
        self.different |= cut or named_first or caption.start < self._start
        self._voices.add(caption.voice)
        named = len(self._voices) > 1
        layout = self._lay_out(caption, named=named)
        srt = cues.srt_cue(self._count + 1, caption.start, end, layout.srt)
        texts = {
            "srt": f"\n{srt}" if self._count else srt,
            "vtt": "\n" + cues.vtt_cue(caption.start, end, layout.vtt),
            "txt": documents.txt_lines(caption, self._voice, named=named),
        }
        self._revisions[caption.id] = caption.rev
        self._start = max(self._start, caption.start)
        self._ends[caption.source] = end
        self._voice = caption.voice
        self._count += 1
        return texts

    def _export(self, captions: Sequence[Caption]) -> dict[str, str]:
        """The same as `export` makes."""
        named = len(self._voices) > 1
        kept, self._layouts = self._layouts, {}
        srt, vtt, txt = [], [cues.VTT_HEAD], []
        before = None
        for number, (caption, end) in enumerate(zip(captions, end_times(captions), strict=True), start=1):
            if caption.id in kept:
                self._layouts[caption.id] = kept[caption.id]
            layout = self._lay_out(caption, named=named)
            srt.append(cues.srt_cue(number, caption.start, end, layout.srt))
            vtt.append(cues.vtt_cue(caption.start, end, layout.vtt))
            txt.append(documents.txt_lines(caption, before, named=named))
            before = caption.voice
        return {"srt": "\n".join(srt), "vtt": "\n".join(vtt), "txt": "".join(txt)}

    def _lay_out(self, caption: Caption, *, named: bool) -> _Layout:
        name = caption.voice if named else None
        layout = self._layouts.get(caption.id)
        if layout is None or (layout.rev, layout.name) != (caption.rev, name):
            srt = cues.srt_text(caption, _OPTIONS, named=named)
            layout = _Layout(caption.rev, name, srt, cues.vtt_text(caption, caption.end, _OPTIONS, named=named))
            self._layouts[caption.id] = layout
        return layout
