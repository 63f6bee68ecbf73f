"""WhisperLiveKit in an environment of its own, and the decoder that its AlignAtt needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks import torch_decoder
from benchmarks.models import Model
from benchmarks.paths import CACHE

VERSION = "0.2.26"
PINNED = (("torch==2.13.0",), (f"whisperlivekit=={VERSION}", "faster-whisper==1.2.1"))  # torch alone first
WHERE = "SURTITLE_BENCH_WLK"  # names an environment that is there already

_TO_TORCH = """
import sys, numpy, torch
arrays = numpy.load(sys.argv[1])
dims = {name[5:]: int(arrays[name]) for name in arrays if name.startswith("dims.")}
state = {name: torch.from_numpy(arrays[name].copy()) for name in arrays if not name.startswith("dims.")}
torch.save({"dims": dims, "model_state_dict": state}, sys.argv[2])
"""


def environment() -> Path:
    """Its Python; installs it first where that is needed, which takes minutes."""
    given = os.environ.get(WHERE)
    folder = Path(given) if given else CACHE / "whisperlivekit"
    python = folder / "bin" / "python"
    if given or (folder / "complete").exists():
        return python
    print(f"installing WhisperLiveKit {VERSION} and torch into {folder}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    for packages in PINNED:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    (folder / "complete").touch()
    return python


def decoder(python: Path, model: Model) -> Path:
    """A folder with the model's decoder as PyTorch saves it.

    The folder has the model's name, because WhisperLiveKit takes from it whether the model knows only English.
    """
    folder = CACHE / "torch" / model.digest / model.name
    file = folder / "decoder.pt"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        arrays, fresh = folder / "decoder.npz", folder / "decoder.new"
        torch_decoder.write(model.directory, arrays)
        subprocess.run([python, "-c", _TO_TORCH, arrays, fresh], check=True)
        fresh.rename(file)
        arrays.unlink()
    return folder
