"""What telling speakers apart costs, and how well it goes: `python -m benchmarks.diarization`, where the extra is.

The cost is that of the published architecture with random weights, which is the same as with its own; the errors are
those of the small model that the tests use. With ``--wlk``, a folder into which WhisperLiveKit was installed (`pip
install --no-deps --target DIR whisperlivekit==0.2.26`), its use of the same model is measured as well.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import importlib
import sys
import tempfile
import time
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import store
from benchmarks.paths import RESULTS
from surtitle.audio import RATE, Samples
from surtitle.speakers.sortformer import LATENCIES, Sortformer
from surtitle.speakers.timeline import FRAME, SPEAKERS, Activity
from tests.speakers.talk import MODEL, dialogues
from tests.trained_models.sortformer import network
from tests.trained_models.sortformer.evaluate import Score, heard

BEFORE, MEASURED = 45.0, 15.0  # seconds of audio: until cache and queue are full, and then
BLOCK = RATE // 10
COUNT = 10  # dialogues of each kind
THEIRS = "WhisperLiveKit, 1 s"

Listen = Callable[[Samples], object]


def published() -> dict[str, Any]:
    """The configuration of `diar_streaming_sortformer_4spk-v2`."""
    config: dict[str, Any] = copy.deepcopy(network.CONFIG)
    config["model_defaults"] = {"fc_d_model": 512, "tf_d_model": 192}
    config["preprocessor"]["features"] = 128
    config["sortformer_modules"] |= {"fc_d_model": 512, "tf_d_model": 192}
    config["encoder"] |= {"feat_in": 128, "n_layers": 17, "d_model": 512, "n_heads": 8}
    config["encoder"] |= {"subsampling_conv_channels": 256, "conv_norm_type": "batch_norm"}
    config["transformer_encoder"] |= {"num_layers": 18, "hidden_size": 192, "inner_size": 768}
    config["transformer_encoder"] |= {"num_attention_heads": 8, "pre_ln": False}
    return config


def save_published(folder: Path) -> Path:
    """A file in ``folder`` with that architecture and random weights."""
    from nemo.collections.asr.models import SortformerEncLabelModel
    from omegaconf import OmegaConf

    file = folder / "published.nemo"
    SortformerEncLabelModel(cfg=OmegaConf.create(published())).eval().save_to(str(file))
    return file


def ours(model: Sortformer, latency: float) -> Listen:
    """A stream that has heard enough to be as costly as it becomes."""
    stream = model.open(10.0)
    stream.feed(noise(BEFORE))
    stream._latency = LATENCIES[latency]  # the queue of the longest latency is filled in a few large steps
    return stream.feed


def theirs(package: Path, file: Path) -> tuple[Any, Any]:
    """WhisperLiveKit's model and its class of streams."""
    module = types.ModuleType("whisperlivekit")  # its own imports the whole server
    module.__path__ = [str(package / "whisperlivekit")]
    sys.modules["whisperlivekit"] = module
    backend = importlib.import_module("whisperlivekit.diarization.sortformer_backend")
    return backend.SortformerDiarization(model_path=str(file)), backend.SortformerDiarizationOnline


def their_stream(model: Any, kind: Any, mels: int) -> Listen:
    """One of its streams; it takes the model to have 128 mels, which the small one has not."""
    stream = kind(model)
    stream.audio2mel = type(stream.audio2mel)(window_size=0.025, normalize="NA", n_fft=512, features=mels, pad_to=0)

    def listen(samples: Samples) -> list[Any]:
        stream.insert_audio_chunk(samples)
        found: list[Any] = []
        while segments := asyncio.run(stream.diarize()):
            found += segments
        return found

    return listen


def their_activity(model: Any, kind: Any, mels: int, sound: Samples) -> Activity:
    """What it says of a whole dialogue: there is always one speaker, and one only."""
    listen = their_stream(model, kind, mels)
    segments: Any = listen(np.concatenate((sound, np.zeros(RATE, dtype=np.float32))))
    found = np.zeros((round(len(sound) / RATE / FRAME), SPEAKERS), dtype=np.float32)
    for segment in segments:
        found[round(segment.start / FRAME) : round(segment.end / FRAME), segment.speaker] = 1.0
    return found


def noise(seconds: float) -> Samples:
    return (0.05 * np.random.default_rng(1).standard_normal(round(seconds * RATE))).astype(np.float32)


def cost(listen: Listen) -> float:
    """Processor seconds for a second of audio."""
    sound = noise(MEASURED)
    begun = time.process_time()
    for at in range(0, len(sound), BLOCK):
        listen(sound[at : at + BLOCK])
    return (time.process_time() - begun) / MEASURED


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wlk", type=Path, help="a folder with WhisperLiveKit")
    parser.add_argument("--part", choices=["cost", "errors"], action="append", help="both if not said")
    options = parser.parse_args()
    parts = options.part or ["cost", "errors"]
    figures = store.load("diarization") or {"cost": {}, "errors": {}}
    if "cost" in parts:
        figures["cost"] = costs(options.wlk)
    if "errors" in parts:
        figures["errors"] = errors(options.wlk)
    store.save("diarization", figures)
    (RESULTS / "diarization.md").write_text(table(figures))


def costs(wlk: Path | None) -> dict[str, float]:
    """By system."""
    import torch

    torch.set_num_threads(1)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = save_published(Path(folder))
        model = Sortformer(str(file))
        for latency in LATENCIES:
            found[f"Surtitle, {latency:g} s"] = round(cost(ours(model, latency)), 3)
            print(found, flush=True)
        if wlk:
            loaded, kind = theirs(wlk, file)
            listen = their_stream(loaded, kind, 128)
            listen(noise(BEFORE))
            found[THEIRS] = round(cost(listen), 3)
            print(found, flush=True)
    return found


def errors(wlk: Path | None) -> dict[str, dict[str, dict[str, float]]]:
    """By system and number of voices."""
    model = Sortformer(str(MODEL))
    other = theirs(wlk, MODEL) if wlk else None
    found: dict[str, dict[str, dict[str, float]]] = {}
    for speakers in (2, 3, 4):
        made = dialogues(speakers, COUNT)
        heard_by: dict[str, Callable[[Samples], Activity]] = {
            f"Surtitle, {latency:g} s": partial(heard, model, latency=latency) for latency in LATENCIES
        }
        if other:
            heard_by[THEIRS] = partial(their_activity, *other, model.net.cfg.preprocessor.features)
        for name, listen in heard_by.items():
            score = Score()
            for dialogue in made:
                score.add(dialogue, listen(dialogue.sound))
            found.setdefault(name, {})[str(speakers)] = told(score)
            print(speakers, name, score, flush=True)
    return found


def told(score: Score) -> dict[str, float]:
    parts = ("confusion", "missed detection", "false alarm")
    return {"DER": round(score.error, 4), **{part: round(score.rate(part), 4) for part in parts}}


def table(figures: dict[str, Any]) -> str:
    """The results in words."""
    lines = [
        "# Telling speakers apart",
        "",
        "Processor seconds for a second of audio, one thread, once cache and queue are full: the published",
        "architecture (117 million parameters) with random weights, in float32. Below 1, one core keeps up.",
        "",
        "| | processor seconds |",
        "|---|---|",
        *(f"| {name} | {seconds:.2f} |" for name, seconds in figures["cost"].items()),
        "",
        "Diarization error rate (pyannote.metrics, collar 0.25 s, overlaps counted) of the small model of the tests,",
        f"on {COUNT} dialogues of 30 s of held-out sentences each; in parentheses confusion, missed speech and false",
        "alarms.",
        "",
        "| | 2 voices | 3 voices | 4 voices |",
        "|---|---|---|---|",
    ]
    for name, by_speakers in figures["errors"].items():
        cells = [
            f"{one['DER']:.1%} ({one['confusion']:.1%}, {one['missed detection']:.1%}, {one['false alarm']:.1%})"
            for one in by_speakers.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "WhisperLiveKit takes steps of 1 s without sound that comes after, half as many as Surtitle at 1.04 s. It",
        "names somebody at any time, also in silence, and never two: its false alarms say nothing of the model. It",
        "begins with a cache full of zeros, on which the small model was not trained, so its confusion may be the",
        "small model's and not that of the published weights. The costs can be compared; the errors hardly.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
