"""Put spoken sentences into windows of sound with Whisper's tokens and the true times."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from faster_whisper.feature_extractor import FeatureExtractor
from tokenizers import Tokenizer
from torch import Tensor

from tests.models.whisper.flite import RATE
from tests.models.whisper.network import FRAME_S, FRAMES, MELS, Shape
from tests.models.whisper.speech import Spoken

IGNORE = -100
NOISE_S = 120
HOP = 160
LENGTHS_S = {3: 0.1, 4: 0.12, 5: 0.12, 6: 0.12, 8: 0.14, 12: 0.14, 20: 0.11, 30: 0.15}
CONTEXT_SHARE, CONTEXT_SENTENCES, CONTEXT_TOKENS = 0.25, 12, 200
FREQUENT_SHARE = 0.75
MISREAD_SHARE = 0.08  # tokens read that are not those written: who cannot rely on the text so far listens
FIRST_TIMESTAMP_S = 1.0
AFTER_SPEECH_S = 0.3
PHONE_NAMES = (
    "pau aa ae ah ao aw ax ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw v w y z zh"
)
PHONES = PHONE_NAMES.split()


@dataclass
class Timed:
    """A token to write; the sound it stands for, when known, begins and ends at these times."""

    token: int
    start: float | None = None
    end: float | None = None


@dataclass
class Window:
    """One example."""

    sound: np.ndarray
    blank_from: int
    prompt: list[int]
    tokens: list[Timed]
    phones: np.ndarray
    silent: bool


@dataclass
class Batch:
    """Examples of one length: sound, of which a part may be blank or lack some mel bands, and what to write."""

    sound: Tensor
    blank_from: Tensor
    bands: Tensor
    first: int
    inputs: Tensor
    labels: Tensor
    target_spans: Tensor
    input_spans: Tensor
    phones: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return the same batch on a device."""
        moved = {name: part.to(device) for name, part in vars(self).items() if isinstance(part, Tensor)}
        return replace(self, **moved)


class Library:
    """All spoken sentences of some parts."""

    def __init__(self, stems: list[Path], frequent: set[str]) -> None:
        """Open the parts; their samples stay on disk."""
        self.spoken: list[tuple[np.ndarray, Spoken]] = []
        for stem in stems:
            pcm = np.memmap(stem.with_suffix(".pcm"), dtype="<i2", mode="r")
            for line in stem.with_suffix(".jsonl").read_text().splitlines():
                self.spoken.append((pcm, Spoken(**json.loads(line))))
        self.frequent = [
            entry for entry in self.spoken if all(word.lower() in frequent for word, _, _ in entry[1].words)
        ]

    def pick(self, chance: random.Random) -> tuple[np.ndarray, Spoken]:
        """Return the samples and the description of some sentence."""
        pool = self.frequent if chance.random() < FREQUENT_SHARE else self.spoken
        pcm, spoken = chance.choice(pool)
        begin = spoken.first_sample
        return pcm[begin : begin + spoken.samples].astype(np.float32) / 32768, spoken


class LogMel:
    """faster-whisper's features, computed for several windows at once."""

    def __init__(self, device: torch.device) -> None:
        """Take over faster-whisper's filters."""
        extractor = FeatureExtractor()
        self._filters = torch.from_numpy(extractor.mel_filters).to(device)
        self._size = extractor.n_fft
        self._window = torch.from_numpy(np.hanning(self._size + 1)[:-1].astype("float32")).to(device)

    def __call__(self, batch: Batch) -> Tensor:
        """Return the log-mel frames of a batch."""
        transformed = torch.stft(batch.sound, self._size, HOP, window=self._window, return_complex=True)
        power = transformed[..., :-1].abs() ** 2
        logs = (self._filters @ power).clamp(min=1e-10).log10()
        logs = torch.maximum(logs, logs.amax((1, 2), keepdim=True) - 8.0)
        mels = (logs + 4.0) / 4.0
        frames = torch.arange(mels.shape[2], device=mels.device)
        bands = torch.arange(mels.shape[1], device=mels.device)
        blank = frames >= 2 * batch.blank_from[:, None]
        lacking = (bands >= batch.bands[:, :1]) & (bands < batch.bands[:, 1:])
        return mels.masked_fill(blank[:, None, :] | lacking[:, :, None], 0.0)


class Writer:
    """Makes windows at random."""

    def __init__(
        self, library: Library, bpe: Tokenizer, shape: Shape, seed: int, length_seed: int, batch_s: int
    ) -> None:
        """Write with these sentences and tokens; writers that share a seed make equal lengths.

        A batch has ``batch_s`` seconds of sound.
        """
        self._library = library
        self._bpe = bpe
        self._shape = shape
        self._chance = random.Random(seed)
        self._length_chance = random.Random(length_seed)
        self._batch_s = batch_s
        hiss = np.random.default_rng(seed).standard_normal(NOISE_S * RATE).astype(np.float32)
        times = np.arange(NOISE_S * RATE, dtype=np.float32) / RATE
        hum = sum(np.sin(2 * np.pi * hertz * times) / hertz for hertz in (50, 100, 150, 200, 300, 400))
        hum = (hum / hum.std() + 0.1 * hiss).astype(np.float32)
        self._noises = hiss, np.convolve(hiss, np.ones(6, np.float32) / 2.4, "same"), hum
        self._ids: dict[str, list[int]] = {}
        self._letters = {number: len(token.lstrip("Ġ")) for token, number in bpe.get_vocab().items()}
        self._phone_ids = {phone: number for number, phone in enumerate(PHONES)}

    def _word_ids(self, word: str) -> list[int]:
        """Return the tokens of a word and the space before it."""
        if word not in self._ids:
            self._ids[word] = self._bpe.encode(f" {word}").ids
        return self._ids[word]

    def _sentence(self, text: str, words: list[tuple[str, float, float]]) -> list[Timed]:
        """Spread each word's tokens over the word's time by their letters."""
        timed = []
        for word, start, end in words:
            ids = self._word_ids(word)
            letters = np.cumsum([0.0, *(self._letters[i] for i in ids)])
            bounds = start + (end - start) * letters / letters[-1]
            timed += [Timed(i, a, b) for i, a, b in zip(ids, bounds, bounds[1:], strict=False)]
        if text[-1] in ".?":
            end = words[-1][2]
            timed += [Timed(i, end, end + AFTER_SPEECH_S) for i in self._bpe.encode(text[-1]).ids]
        return timed

    def _perturbed(self, sound: np.ndarray) -> tuple[np.ndarray, float]:
        """Sometimes play the sound faster or slower; return how many times longer it became."""
        if self._chance.random() < 0.85:
            return sound, 1.0
        samples = round(len(sound) * self._chance.uniform(0.92, 1.08))
        places = np.linspace(0, len(sound) - 1, samples)
        return np.interp(places, np.arange(len(sound)), sound), samples / len(sound)

    def _prompt(self) -> list[int]:
        """Return the tokens before those to learn, sometimes with previous sentences."""
        if self._chance.random() > CONTEXT_SHARE:
            return []
        count = self._chance.randint(1, self._chance.randint(1, CONTEXT_SENTENCES))
        context = " " + " ".join(self._library.pick(self._chance)[1].text for _ in range(count))
        return [self._shape.special("<|startofprev|>"), *self._bpe.encode(context).ids[-CONTEXT_TOKENS:]]

    def window(self, length_s: float, offset_s: float) -> Window:
        """Make one window of a length that stands at an offset within Whisper's 30 s."""
        chance = self._chance
        sound = np.zeros(round(length_s * RATE), dtype=np.float32)
        phones = np.zeros(round(length_s / FRAME_S), dtype=np.int64)
        frame_times = np.arange(len(phones)) * FRAME_S
        segments: list[tuple[float, float, list[Timed]]] = []
        now = chance.choice((0.0, chance.uniform(0, 0.5), chance.uniform(0, 1.2)))
        until = length_s * chance.choice((1.0, chance.uniform(0.2, 1.0)))
        empty = chance.random() < 0.08
        cut = not empty and chance.random() < 0.2
        if chance.random() < (0.4 if empty else 0.03):
            sound += chance.uniform(0.02, 0.3 if empty else 0.05) * self._notes(len(sound))
        if empty and chance.random() < 0.6:  # what remains after a word that ended later than was thought
            remains = self._library.pick(chance)[0][-round(chance.uniform(0.03, 0.2) * RATE) :]
            sound[: len(remains)] += remains
            until = chance.uniform(0.2, 1.5)
        misses = 0
        while misses < 6 and not empty:
            samples, spoken = self._library.pick(chance)
            samples, longer = self._perturbed(samples)
            words = [(word, a * longer, b * longer) for word, a, b in spoken.words]
            text = spoken.text
            ends_late = now + len(samples) / RATE > min(until, length_s - 0.05)
            if not segments and chance.random() < 0.15 and len(words) > 3:
                skip = words[chance.randrange(1, len(words) - 2)][1]
            else:
                skip = 0.0
            if ends_late and not cut:
                misses += 1
                continue
            begin = round(skip * RATE)
            place = round(now * RATE)
            room = min(len(samples) - begin, round(until * RATE) - place)
            if room <= 0:
                break
            gain = chance.uniform(0.5, 1.0)
            sound[place : place + room] += gain * samples[begin : begin + room]
            shift = place / RATE - skip
            kept = [(w, a + shift, b + shift) for w, a, b in words if a >= skip - 1e-6]
            whole = len(kept)
            kept = [entry for entry in kept if entry[2] <= until + 0.03]
            if spoken.phones:
                ends = [end * longer + shift for _, end in spoken.phones]
                names = [self._phone_ids[phone] for phone, _ in spoken.phones]
                inside = (frame_times >= now) & (frame_times < min(now + room / RATE, ends[-1]))
                phones[inside] = np.array(names)[np.searchsorted(ends, frame_times[inside], "right")]
            else:
                phones[(frame_times >= now) & (frame_times < now + room / RATE)] = IGNORE
            if kept:
                ending = text if len(kept) == whole else " "
                segments.append((kept[0][1], kept[-1][2], self._sentence(ending, kept)))
            if len(kept) < whole or room < len(samples) - begin:
                break
            now = place / RATE + room / RATE + chance.choice((0.08, 0.3, 0.6, 1.2)) * (0.5 + chance.random())
        speech_end = segments[-1][1] if segments else 0.0
        blank_from = len(phones)
        if until < length_s and chance.random() < 0.75:
            blank_s = until if cut else min(length_s, speech_end + chance.uniform(0.1, 0.8))
            blank_from = max(round(blank_s / FRAME_S), 10)
            phones[blank_from:] = IGNORE
        return Window(
            self._worn(sound, empty),
            blank_from,
            self._prompt(),
            self._tokens(segments, offset_s, speech_end),
            phones,
            not segments,
        )

    def _notes(self, length: int) -> np.ndarray:
        """Return something like music, at most about 1 loud: notes with harmonics that swell and fade."""
        chance = self._chance
        sound = np.zeros(length, dtype=np.float32)
        for _ in range(chance.randint(1, 2 + length // RATE)):
            begin = chance.randrange(length)
            times = np.arange(min(length - begin, round(chance.uniform(0.1, 1.5) * RATE)), dtype=np.float32) / RATE
            pitch, fades = chance.uniform(70, 900), chance.uniform(0.5, 8)
            harmonics = range(1, chance.randint(2, 8))
            note = sum(np.sin(2 * np.pi * pitch * n * times, dtype=np.float32) / n for n in harmonics)
            swell = np.minimum(1, times / chance.uniform(0.005, 0.1)) * np.exp(-fades * times)
            sound[begin : begin + len(times)] += 0.5 * note * swell
        return sound

    def _worn(self, sound: np.ndarray, empty: bool) -> np.ndarray:
        """Change the level and add noise."""
        chance = self._chance
        kind = chance.random()
        if kind > 0.25:
            noise = self._noises[0 if kind < 0.6 else 1 if kind < 0.9 else 2]
            begin = chance.randrange(len(noise) - len(sound))
            noise = noise[begin : begin + len(sound)]
            loudness = chance.choice((0.02, 0.1)) if empty else float(sound.std())
            sound = sound + noise * loudness * 10 ** (-chance.uniform(20, 50) / 20)
        return sound * chance.uniform(0.2, 1.0)

    def _tokens(self, segments: list[tuple[float, float, list[Timed]]], offset_s: float, end: float) -> list[Timed]:
        """Return what follows the previous text, from the start of the transcript to its end."""
        shape = self._shape
        tokens = [Timed(shape.special("<|startoftranscript|>")), Timed(shape.special("<|en|>"))]
        tokens.append(Timed(shape.special("<|transcribe|>")))
        if self._chance.random() < 0.4:
            tokens.append(Timed(shape.special("<|notimestamps|>")))
            tokens += [timed for *_, part in segments for timed in part]
        elif not segments:
            tokens.append(Timed(shape.timestamp(offset_s)))
        else:
            for number, (start, stop, part) in enumerate(segments):
                written = start if number or offset_s else min(start, FIRST_TIMESTAMP_S)
                tokens.append(Timed(shape.timestamp(offset_s + written), start - 0.06, start + 0.06))
                tokens += part
                tokens.append(Timed(shape.timestamp(offset_s + stop), stop - 0.06, stop + 0.06))
        tokens.append(Timed(shape.special("<|endoftext|>"), end, end + AFTER_SPEECH_S))
        return tokens

    def batches(self) -> Iterator[Batch]:
        """Yield batches without end."""
        chance = self._chance
        while True:
            length_s = self._length_chance.choices([*LENGTHS_S], [*LENGTHS_S.values()])[0]
            first = 0
            if length_s <= 12 and chance.random() < 0.12:
                first = chance.randrange(FRAMES - round(length_s / FRAME_S))
            count = max(1, self._batch_s // length_s)
            yield self._batch([self.window(length_s, first * FRAME_S) for _ in range(count)], first)

    def _batch(self, windows: list[Window], first: int) -> Batch:
        """Bring windows of one length together."""
        shape, chance = self._shape, self._chance
        bands = np.zeros((len(windows), 2), dtype=np.int64)
        size = max(len(w.prompt) + len(w.tokens) for w in windows) - 1
        frames = len(windows[0].phones)
        inputs = np.full((len(windows), size), shape.special("<|endoftext|>"))
        labels = np.full((len(windows), size), IGNORE)
        spans = np.zeros((2, len(windows), size, 2), dtype=np.int64)
        for row, window in enumerate(windows):
            if chance.random() < 0.1:
                band = chance.randrange(MELS)
                bands[row] = band, band + chance.randint(1, 10)
            begin = len(window.prompt)
            tokens = window.tokens
            ids = [timed.token for timed in tokens]
            inputs[row, : begin + len(ids) - 1] = [*window.prompt, *ids[:-1]]
            labels[row, begin : begin + len(ids) - 1] = ids[1:]
            labels[row, begin + 1] = IGNORE
            if ids[3] == shape.special("<|notimestamps|>"):
                labels[row, begin + 2] = IGNORE
            if window.silent:
                labels[row, begin] = shape.special("<|nospeech|>")
                continue
            for place, timed in enumerate(tokens):
                if timed.start is None or timed.end is None:
                    continue
                low = min(frames - 1, max(0, round((timed.start - 0.03) / FRAME_S)))
                high = min(frames, max(low + 1, round((timed.end + 0.03) / FRAME_S)))
                spans[0, row, begin + place - 1] = low, high
                if begin + place == size:
                    continue
                if timed.token < shape.text_tokens and chance.random() < MISREAD_SHARE:
                    inputs[row, begin + place] = chance.randrange(shape.text_tokens)
                else:
                    spans[1, row, begin + place] = low, high
        return Batch(
            torch.from_numpy(np.stack([w.sound for w in windows]).astype(np.float32)),
            torch.tensor([w.blank_from for w in windows]),
            torch.from_numpy(bands),
            first,
            torch.from_numpy(inputs),
            torch.from_numpy(labels),
            torch.from_numpy(spans[0]),
            torch.from_numpy(spans[1]),
            torch.from_numpy(np.stack([w.phones for w in windows])),
        )
