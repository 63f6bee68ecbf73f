"""The real weights, written as files for mlx-whisper."""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Any

import numpy as np

from surtitle.speech.whisper.model_file import read_variables
from surtitle.speech.whisper_cpp.convert import _rename


def convert(directory: Path, target: Path) -> Path:
    """Write a model in CTranslate2's format as `weights.npz` and `config.json`; returns ``target``.

    Source of the names and shapes: `mlx_whisper.whisper`.
    """
    with (directory / "model.bin").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        tensors = {name: np.array(values, dtype=np.float32) for name, values in _rename(read_variables(data))}
    encoded = tensors.pop("encoder.positional_embedding")
    positions, embeddings = tensors["decoder.positional_embedding"], tensors["decoder.token_embedding.weight"]
    layers = [sum(name.startswith(f"{part}.blocks.") and name.endswith(".attn.out.weight") for name in tensors)
              for part in ("encoder", "decoder")]  # fmt: skip
    config = {
        "n_mels": tensors["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": encoded.shape[0], "n_audio_state": encoded.shape[1], "n_audio_head": encoded.shape[1] // 64,
        "n_audio_layer": layers[0], "n_vocab": len(embeddings), "n_text_ctx": positions.shape[0],
        "n_text_state": positions.shape[1], "n_text_head": positions.shape[1] // 64, "n_text_layer": layers[1],
        "model_type": "whisper",
    }  # fmt: skip
    heads = json.loads((directory / "config.json").read_text())["alignment_heads"]
    renamed: dict[str, Any] = {"alignment_heads": np.array(heads, dtype=np.int32)}
    for name, values in tensors.items():
        if name.startswith("encoder.conv") and name.endswith("weight"):
            values = values.transpose(0, 2, 1)
        name = name.replace(".mlp.0.", ".mlp1.").replace(".mlp.2.", ".mlp2.")
        renamed[name] = values.reshape(-1) if name.endswith("bias") else values
    target.mkdir(parents=True, exist_ok=True)
    np.savez(target / "weights.npz", allow_pickle=False, **renamed)
    (target / "config.json").write_text(json.dumps(config))
    return target
