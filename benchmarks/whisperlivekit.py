"""WhisperLiveKit in an environment of its own, and what it needs to run the test model."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.models import Model
from benchmarks.places import CACHE

VERSION = "0.2.26"
PINNED = (("torch==2.13.0",), (f"whisperlivekit=={VERSION}", "faster-whisper==1.2.1"))  # torch alone first
WHERE = "SURTITLE_BENCH_WLK"  # names an environment that is there already

_TOKENS = Path("whisper", "assets", "multilingual.tiktoken")
_TO_TORCH = """
import sys, numpy, torch
arrays = numpy.load(sys.argv[1])
dims = {name[5:]: int(arrays[name]) for name in arrays if name.startswith("dims.")}
state = {name: torch.from_numpy(arrays[name].copy()) for name in arrays if not name.startswith("dims.")}
torch.save({"dims": dims, "model_state_dict": state}, sys.argv[2])
"""


def environment() -> Path:
    """Its Python; installs it first where that is needed, which takes minutes."""
    told = os.environ.get(WHERE)
    folder = Path(told) if told else CACHE / "whisperlivekit"
    python = folder / "bin" / "python"
    if told or (folder / "complete").exists():
        return python
    print(f"installing WhisperLiveKit {VERSION} and torch into {folder}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    for packages in PINNED:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    (folder / "complete").touch()
    return python


def with_tokens(python: Path, model: Model) -> Path:
    """A folder with its package in which one data file is another: the text tokens of the test model.

    Its AlignAtt decoder reads them from the package. Nothing else differs from what was installed.
    """
    where = "import importlib.util as u; print(u.find_spec('whisperlivekit').submodule_search_locations[0])"
    answer = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True, cwd=CACHE)
    installed = Path(answer.stdout.strip())
    key = hashlib.sha256(f"{installed}".encode() + model.ranks.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"whisperlivekit-tokens-{key}"
    package = folder / installed.name
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(installed, package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(model.ranks, package / _TOKENS)
        (folder / "complete").touch()
    return folder


def torch_decoder(python: Path, model: Model) -> Path:
    """A folder with the decoder as PyTorch saves it."""
    file = model.decoder.with_name("torch") / "decoder.pt"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        fresh = file.with_suffix(".new")
        subprocess.run([python, "-c", _TO_TORCH, model.decoder, fresh], check=True)
        fresh.rename(file)
    return file.parent
