"""Which audio tracks of a file `surtitle transcribe` reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from surtitle.audio import Samples
from surtitle.audio.container import duration
from surtitle.audio.mediafile import Track, list_tracks, read_excerpt
from surtitle.cli.track_option import ALL
from surtitle.core.errors import BadRequest
from surtitle.speech.vad import CHUNK, SileroVad

_EXCERPTS, _EXCERPT_LENGTH = 10, 20.0  # of each track, and seconds of each, in which speech is looked for
_MIN_VOICE = 0.5  # probability of speech from which a chunk counts
_ENOUGH = 0.8  # share of the most speech with which an earlier track is chosen: the first is usually the mix of all


def choose_tracks(file: Path, wanted: str | None) -> list[Track]:
    """The tracks to transcribe: those that are ``wanted``, or else the one with the most speech.

    Raises `BadAudio` and `BadRequest`. Standard error says which of several tracks was chosen.
    """
    tracks = list_tracks(file)
    if wanted == ALL:
        return tracks
    if wanted is not None:
        if int(wanted) > len(tracks):
            available = "one audio track" if len(tracks) == 1 else f"{len(tracks)} audio tracks"
            raise BadRequest(f"{file} has {available}: give --track a number up to {len(tracks)}, or {ALL}.")
        return [tracks[int(wanted) - 1]]
    if len(tracks) == 1:
        return tracks
    voiced = [_count_voiced(file, track) for track in tracks]
    chosen = next(track for track, count in zip(tracks, voiced, strict=True) if count >= _ENOUGH * max(voiced))
    title = f" ({chosen.title})" if chosen.title else ""
    click.echo(
        f"{file} has {len(tracks)} audio tracks: transcribing track {chosen.number}{title}, which has "
        f"{'most of the speech' if max(voiced) else 'no less speech than the others'}. Choose others with --track.",
        err=True,
    )
    return [chosen]


def _count_voiced(file: Path, track: Track) -> int:
    """The number of chunks with speech in excerpts of a track."""
    count = 0
    for excerpt in _read_excerpts(file, track):
        vad = SileroVad()
        chunks = excerpt[: len(excerpt) // CHUNK * CHUNK].reshape(-1, CHUNK)
        count += int(np.sum([vad.probability(chunk) >= _MIN_VOICE for chunk in chunks]))
    return count


def _read_excerpts(file: Path, track: Track) -> Iterator[Samples]:
    length = duration(str(file)) or 0.0
    if length <= _EXCERPTS * _EXCERPT_LENGTH:
        yield read_excerpt(file, track.number, 0.0, _EXCERPTS * _EXCERPT_LENGTH)
        return
    for number in range(_EXCERPTS):
        yield read_excerpt(file, track.number, length * number / _EXCERPTS, _EXCERPT_LENGTH)
