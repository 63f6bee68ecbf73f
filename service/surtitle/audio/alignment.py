"""Finds where a recording is in another one of the same event, by correlating their sound. Pure.

Features are what gain, codecs and a little noise leave as it is: in which bands of frequencies the energy rises and
falls, a hundred times a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from surtitle.audio import RATE, Samples

FRAME_RATE = 100
"""Frames per second of features, which is the precision of an alignment."""

Features = NDArray[np.float32]
"""Shape (frames, bands)."""

_HOP = RATE // FRAME_RATE
_WINDOW = 512  # samples of a frame
_EDGES = np.array([150, 300, 500, 750, 1050, 1500, 2200, 3400])  # Hz, of the bands
_CONTEXT = 50  # frames to each side whose mean is subtracted
_SMOOTHING = 5 * FRAME_RATE  # frames over which it is decided whether two recordings agree
_STEP = FRAME_RATE // 2  # frames between two such decisions
_AGREEMENT = 0.25  # the correlation from which recordings agree; that of other speech is below 0.2
_SWITCH_COST = 4.0  # the agreement of so many steps that another offset must gain
_MAX_CANDIDATES = 12  # offsets from one search
_MAX_SEARCHES = 6
_NEIGHBORS = 10  # frames around an offset that count as the same
_MIN_STRETCH = 4 * FRAME_RATE  # frames without agreement that are searched for
_DRIFT_STEP = 60 * FRAME_RATE  # frames after which the offset is measured again
_DRIFT_RANGE = 40  # frames by which clocks may drift apart in between
_MIN_DRIFT = 5  # frames: less is within the precision


@dataclass(frozen=True, slots=True)
class Match:
    """A stretch of the recording: it begins at ``position``, which is ``start`` in the reference; in seconds."""

    position: float
    start: float
    length: float

    @property
    def offset(self) -> float:
        """The seconds to add to a time in the reference."""
        return self.position - self.start


class FeatureExtractor:
    """Computes features of 16 kHz mono samples that come in blocks."""

    def __init__(self) -> None:
        self._rest = np.zeros(_WINDOW // 2, dtype=np.float32)
        self._frames: list[NDArray[np.float32]] = []
        window = np.hanning(_WINDOW).astype(np.float32)
        self._window = window
        bins = np.fft.rfftfreq(_WINDOW, 1 / RATE)
        self._slices = [tuple(np.searchsorted(bins, pair)) for pair in pairwise(_EDGES)]

    def add(self, block: Samples) -> None:
        samples = np.concatenate((self._rest, block))
        count = max(0, (len(samples) - _WINDOW) // _HOP + 1)
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[: count * _HOP : _HOP]
            power = np.abs(np.fft.rfft(frames * self._window, axis=1)) ** 2
            bands = [power[:, first:last].sum(axis=1) for first, last in self._slices]
            self._frames.append(np.log(np.stack(bands, axis=1) + 1e-8).astype(np.float32))
        self._rest = samples[count * _HOP :]

    def features(self) -> Features:
        """The features of everything that was added."""
        if not self._frames:
            return np.zeros((0, len(self._slices)), dtype=np.float32)
        levels = np.concatenate(self._frames)
        floor = np.quantile(levels, 0.05, axis=0) + 1.5  # below, there is only the noise of one of the two
        levels = np.maximum(levels, floor)
        changes = levels - _moving_mean(levels, _CONTEXT)
        deviation = changes.std() or 1.0
        found: Features = np.clip(changes / deviation, -3, 3).astype(np.float32)
        return found


def extract_features(blocks: Iterable[Samples]) -> Features:
    """The features of 16 kHz mono samples."""
    extractor = FeatureExtractor()
    for block in blocks:
        extractor.add(block)
    return extractor.features()


def align(recording: Features, reference: Features) -> list[Match]:
    """Find the stretches of ``recording`` in ``reference``, in order of time; none if they have no sound in common.

    There are several if one of the two was paused, or if their clocks drift apart. Stretches that are found follow each
    other without gaps, and the first and the last one reach to the ends of the recording.
    """
    if min(len(recording), len(reference)) < FRAME_RATE:
        return []
    offsets: list[int] = []
    path = np.full(max(1, len(recording) // _STEP), -1)
    for _ in range(_MAX_SEARCHES):
        stretch = _longest_unexplained(path, len(recording))
        if stretch is None:
            break
        first, last = stretch
        found = [lag + first for lag in _find_lags(recording[first:last], reference)]
        new = [lag for lag in found if all(abs(lag - known) > _NEIGHBORS for known in offsets)]
        if not new:
            break
        offsets += new
        before = path
        path = _choose_offsets(recording, reference, offsets)
        if np.array_equal(path, before):
            break
    matches = []
    for begin, end, lag in _find_boundaries(recording, reference, _runs(path, offsets, len(recording))):
        matches += _follow_drift(recording, reference, begin, end, lag)
    return matches


def _moving_mean(values: NDArray[np.float32], context: int) -> NDArray[np.float64]:
    """The mean of the rows from ``context`` before to ``context`` after each one."""
    total = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)))
    places = np.arange(len(values))
    first, last = np.maximum(places - context, 0), np.minimum(places + context + 1, len(values))
    return np.asarray((total[last] - total[first]) / (last - first)[:, None])


def _find_lags(part: Features, reference: Features) -> list[int]:
    """The offsets at which ``part`` fits the reference, best first: its frame n is the reference's frame n - offset."""
    size = 1 << (len(part) + len(reference) - 1).bit_length()
    total = np.zeros(size)
    for band in range(part.shape[1]):
        spectrum = np.fft.rfft(part[:, band], size) * np.conj(np.fft.rfft(reference[:, band], size))
        total += np.fft.irfft(spectrum, size)
    # total[lag] belongs to part[n + lag] ~ reference[n]; negative lags are at the end
    lags = np.concatenate((np.arange(len(part)), np.arange(-len(reference) + 1, 0)))
    scores = total[lags]
    overlap = np.minimum(len(part), lags + len(reference)) - np.maximum(0, lags)
    scores = scores / np.sqrt(np.maximum(overlap, _SMOOTHING))
    found: list[int] = []
    threshold = 6 * np.median(np.abs(scores)) / 0.67
    for place in np.argsort(scores)[::-1][: 50 * _MAX_CANDIDATES]:
        if scores[place] < threshold or len(found) == _MAX_CANDIDATES:
            break
        if all(abs(int(lags[place]) - known) > _NEIGHBORS for known in found):
            found.append(int(lags[place]))
    return found


def _agreement(recording: Features, reference: Features, lag: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The product and the energy of each frame of ``recording`` and the one ``lag`` frames earlier in ``reference``."""
    product = np.zeros(len(recording), dtype=np.float32)
    energy = np.zeros(len(recording), dtype=np.float32)
    first, last = max(0, lag), min(len(recording), len(reference) + lag)
    if first < last:
        one, other = recording[first:last], reference[first - lag : last - lag]
        product[first:last] = (one * other).sum(axis=1)
        energy[first:last] = ((one**2).sum(axis=1) + (other**2).sum(axis=1)) / 2
    return product, energy


def _choose_offsets(recording: Features, reference: Features, offsets: Sequence[int]) -> NDArray[np.int64]:
    """The index of the offset at each step, -1 where none agrees: the sequence with the best agreement."""
    steps = max(1, len(recording) // _STEP)
    rewards = np.zeros((steps, len(offsets) + 1))
    centers = np.minimum(np.arange(steps) * _STEP + _STEP // 2, len(recording) - 1)
    for index, lag in enumerate(offsets):
        product, energy = _agreement(recording, reference, lag)
        mean = _moving_mean(np.stack((product, energy), axis=1), _SMOOTHING // 2)[centers]
        rewards[:, index] = mean[:, 0] / np.maximum(mean[:, 1], 0.05) - _AGREEMENT
    best, back = rewards[0].copy(), np.zeros((steps, len(offsets) + 1), dtype=np.int64)
    for step in range(1, steps):
        top = int(best.argmax())
        stay, switch = best, best[top] - _SWITCH_COST
        back[step] = np.where(stay >= switch, np.arange(len(best)), top)
        best = np.maximum(stay, switch) + rewards[step]
    path = np.zeros(steps, dtype=np.int64)
    path[-1] = best.argmax()
    for step in range(steps - 1, 0, -1):
        path[step - 1] = back[step, path[step]]
    return np.where(path == len(offsets), -1, path)


def _longest_unexplained(path: NDArray[np.int64], frames: int) -> tuple[int, int] | None:
    """The first and the last frame of the longest stretch without an offset, if it is long enough to search for it."""
    if (path < 0).all():
        return 0, frames
    edges = np.flatnonzero(np.diff(np.concatenate(([0], path < 0, [0]))))
    stretches = [(int(first) * _STEP, int(last) * _STEP) for first, last in edges.reshape(-1, 2)]
    longest = max(stretches, key=lambda pair: pair[1] - pair[0], default=(0, 0))
    return longest if longest[1] - longest[0] >= _MIN_STRETCH else None


def _runs(path: NDArray[np.int64], offsets: Sequence[int], frames: int) -> list[tuple[int, int, int]]:
    """First frame, last frame and offset of each stretch with one offset; what has none belongs to the one before."""
    runs: list[tuple[int, int, int]] = []
    for step, index in enumerate(path):
        if index < 0:
            continue
        begin, lag = step * _STEP, offsets[index]
        if runs and runs[-1][2] == lag:
            runs[-1] = (runs[-1][0], begin + _STEP, lag)
        else:
            runs.append((begin, begin + _STEP, lag))
    if not runs:
        return []
    begins = [0, *(run[0] for run in runs[1:]), frames]
    return [(begins[number], begins[number + 1], run[2]) for number, run in enumerate(runs)]


def _find_boundaries(
    recording: Features, reference: Features, runs: Sequence[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """The runs with the boundaries at which what is before and after agrees best."""
    begins = [run[0] for run in runs]
    for number, (before, after) in enumerate(pairwise(runs), start=1):
        first, last = max(before[0], after[0] - 4 * _SMOOTHING), min(after[1], after[0] + 2 * _SMOOTHING)
        earlier, _ = _agreement(recording, reference, before[2])
        later, _ = _agreement(recording, reference, after[2])
        gain = np.cumsum(earlier[first:last] - later[first:last])
        begins[number] = max(begins[number - 1], first + int(gain.argmax()) + 1)
    ends = [*begins[1:], runs[-1][1]] if runs else []
    return [(begin, end, run[2]) for begin, end, run in zip(begins, ends, runs, strict=True) if end > begin]


def _follow_drift(recording: Features, reference: Features, begin: int, end: int, lag: int) -> list[Match]:
    """The run as matches, with several if the offset changes slowly."""
    matches: list[Match] = []
    current: int | None = None
    for at in range(begin, end, _DRIFT_STEP):
        until = min(end, at + _DRIFT_STEP)
        expected = lag if current is None else current
        measured = _measure(recording[at:until], reference, at, expected)
        if measured is None:
            measured = expected
        if current is None or abs(measured - current) >= _MIN_DRIFT:
            current = measured
            matches.append(Match(at / FRAME_RATE, (at - current) / FRAME_RATE, 0.0))
        last = matches[-1]
        matches[-1] = Match(last.position, last.start, until / FRAME_RATE - last.position)
    return matches


def _measure(part: Features, reference: Features, at: int, expected: int) -> int | None:
    """The offset near the ``expected`` one of a part that begins at frame ``at``; None if none agrees."""
    best, found = _AGREEMENT, None
    for lag in range(expected - _DRIFT_RANGE, expected + _DRIFT_RANGE + 1):
        first, last = max(0, at - lag), min(len(reference), at - lag + len(part))
        if last - first < FRAME_RATE:
            continue
        one, other = part[first - at + lag : last - at + lag], reference[first:last]
        energy = float((one**2).sum() + (other**2).sum()) / 2
        score = float((one * other).sum()) / max(energy, 1.0)
        if score > best:
            best, found = score, lag
    return found
