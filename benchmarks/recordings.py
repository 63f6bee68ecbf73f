"""Recordings of people's speech with their words and the times of these."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.alignment import timed_tokens, timed_words
from benchmarks.models import Model
from benchmarks.paths import ROOT
from benchmarks.scores import TimedWord
from benchmarks.whole_file import transcript
from surtitle.audio import RATE
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks

VARIABLE = "SURTITLE_BENCH_SPEECH"
"""A folder of audio files, each with its words in a `.txt` of the same name."""

SHARED = ROOT.parent / "shared" / "audio"
LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "ja")

_NAMED = re.compile(r"[-.]([a-z]{2})\d*$")  # talk-fr.flac, talk-fr2.flac, talk.fr.flac
_ENDS = (".", "?", "!", "…", "。", "！", "？", '"', "”", "»")


@dataclass(frozen=True)
class Recording:
    """16-bit mono samples at 16 kHz; times are seconds from the first sample."""

    name: str
    language: str
    samples: NDArray[np.int16]
    text: str
    words: tuple[TimedWord, ...]  # normalized
    tokens: tuple[TimedWord, ...]  # as written

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    @property
    def formatted(self) -> bool:
        """Whether the text has case and punctuation, so that these can be compared."""
        cased = self.language == "ja" or (self.text != self.text.upper() and self.text != self.text.lower())
        return cased and self.text.endswith(_ENDS)


def aligned(
    name: str, language: str, samples: NDArray[np.int16], text: str, heard: Sequence[TimedWord] = ()
) -> Recording:
    """A recording whose words get their times from those ``heard``; without any they are spread evenly."""
    seconds = len(samples) / RATE
    timed = [tuple(make(text, heard, language, seconds)) for make in (timed_words, timed_tokens)]
    return Recording(name, language, samples, text, *timed)


def recordings(aligner: Model, language: str | None = None) -> list[Recording]:
    """All recordings of the folder, or those of one language; ``aligner`` (multilingual) gives the times of words.

    The language is in the file's name (`talk-fr.flac`, `talk.fr.flac`), else ``aligner`` detects it. Raises
    `LookupError` where there is no recording.
    """
    folder = Path(os.environ.get(VARIABLE) or SHARED)
    found = []
    for path in texts(folder):
        named = _NAMED.search(path.stem)
        if language and named and named[1] != language:
            continue
        samples = read(path)
        heard = transcript(aligner, samples, named[1] if named else None)
        spoken = heard.language
        if language in (None, spoken):
            text = " ".join(path.with_suffix(".txt").read_text(encoding="utf-8").split())
            found.append(aligned(path.stem, spoken, samples, text, heard.words))
    if not found:
        raise LookupError(
            f"There is no {language or 'recorded'} speech in {folder}: set {VARIABLE} to a folder of audio files "
            "with a .txt of the same name beside each."
        )
    return found


def texts(folder: Path) -> list[Path]:
    """The audio files of a folder that have their words beside them."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix != ".txt" and path.with_suffix(".txt").is_file())


def read(path: Path) -> NDArray[np.int16]:
    """The sound of a file, mono at 16 kHz. Raises `BadAudio`."""
    sound = np.concatenate(list(resample_blocks(decode(str(path)))))
    return np.asarray((sound.clip(-1, 1) * (2**15 - 1)).round(), dtype=np.int16)
