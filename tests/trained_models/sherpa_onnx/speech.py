"""Let flite's voices speak the texts, and compute the features that sherpa-onnx computes.

Writes ``train.npz`` and ``held_out.npz``: "features" (all frames, 80) in float16, "phones" the number of the phone in
each frame (0 for silence), "ends" the index of the frame after each utterance's last one, and "texts".
"""

import argparse
import random
from pathlib import Path

import kaldi_native_fbank as knf
import numpy as np
import soxr

from tests.trained_models.sherpa_onnx.texts import held_out, training_texts
from tests.trained_models.sortformer.flite import MEAN_PITCH_HZ, RATE, Flite

TRACTS = (0.93, 1.0, 1.0, 1.07)
UTTERANCES = 2400
PHONE_NAMES = (
    "pau aa ae ah ao aw ax ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw v w y z zh"
)
PHONES = PHONE_NAMES.split()


def speak(flite: Flite, text: str, voice: str, chance: random.Random) -> tuple[np.ndarray, np.ndarray]:
    """A text at a random pace, pitch, vocal tract and level, with silence around it and some noise.

    Returns the samples, and the number of the phone in each hundredth of a second.
    """
    tract = chance.choice(TRACTS)
    stretch, pitch = chance.uniform(0.85, 1.2), chance.uniform(0.9, 1.1)
    samples, _, phones = flite.speak(text, voice, stretch / tract, pitch)
    sound = samples.astype(np.float32) / 32768
    if tract != 1.0:
        sound = soxr.resample(sound, RATE, RATE * tract).astype(np.float32)
    sound *= 10 ** (chance.uniform(-14, 2) / 20) * 0.5 / (np.abs(sound).max() + 1e-9)
    around = [np.zeros(round(chance.uniform(0.0, longest) * RATE), dtype=np.float32) for longest in (0.5, 1.0)]
    sound = np.concatenate((around[0], sound, around[1]))
    noise = np.random.default_rng(chance.getrandbits(32)).standard_normal(len(sound), dtype=np.float32)
    ends = np.array([end for _, end in phones]) * tract + len(around[0]) / RATE
    numbers = np.array([*[PHONES.index(phone) if phone in PHONES else 0 for phone, _ in phones], 0])
    at = (np.arange(len(sound) // 160 + 1) + 0.5) / 100
    labels = np.where(at < len(around[0]) / RATE, 0, numbers[np.searchsorted(ends, at)])
    return sound + noise * float(np.abs(sound).max()) * 10 ** (chance.uniform(-70, -35) / 20), labels.astype(np.uint8)


def compute_features(samples: np.ndarray) -> np.ndarray:
    """Log mel energies as sherpa-onnx computes them: shape (frames, 80), 100 frames a second."""
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 80
    options.mel_opts.low_freq = 20.0
    options.mel_opts.high_freq = -400.0
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(RATE, samples.tolist())
    fbank.input_finished()
    return np.stack([fbank.get_frame(frame) for frame in range(fbank.num_frames_ready)])


def write(path: Path, texts: list[str], seed: int) -> None:
    """Write the features of all texts, each spoken by one of the voices."""
    flite, chance = Flite(), random.Random(seed)
    features, phones, ends, frames = [], [], [], 0
    for number, text in enumerate(texts):
        voice = list(MEAN_PITCH_HZ)[number % len(MEAN_PITCH_HZ)]
        sound, labels = speak(flite, text, voice, chance)
        features.append(compute_features(sound).astype(np.float16))
        phones.append(labels[: len(features[-1])])
        frames += len(features[-1])
        ends.append(frames)
    arrays = {"features": np.concatenate(features), "phones": np.concatenate(phones)}
    np.savez(path, **arrays, ends=np.array(ends), texts=np.array(texts))


def main() -> None:
    """Write the features of the texts to train and to measure with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made")
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    write(work / "held_out.npz", held_out(), 1)
    write(work / "train.npz", training_texts(UTTERANCES, random.Random(2)), 3)


if __name__ == "__main__":
    main()
