"""Converts Resemblyzer's voice encoder into the network in Surtitle: `python scripts/voice_encoder.py WHEEL`.

WHEEL is the file of the Python package Resemblyzer 0.1.4 (`pip download --no-deps resemblyzer`). Needs torch and onnx,
which the environment `.venv-torch` has.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

_TARGET = Path(__file__).parents[1] / "service" / "surtitle" / "speakers" / "voice_encoder" / "resemblyzer_0_1_4.onnx"
_CHECKPOINT = "resemblyzer/pretrained.pt"
_MELS, _SIZE, _LAYERS = 40, 256, 3
_OPSET, _IR_VERSION = 17, 8


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        checkpoint = torch.load(io.BytesIO(wheel.read(_CHECKPOINT)), map_location="cpu", weights_only=True)
    model = build({name: value.numpy() for name, value in checkpoint["model_state"].items()})
    onnx.checker.check_model(model, full_check=True)
    _TARGET.parent.mkdir(exist_ok=True)
    onnx.save(model, _TARGET)
    print(f"{_TARGET}: {_TARGET.stat().st_size} bytes")


def build(weights: dict[str, Any]) -> Any:
    """The network: mels of shape (windows, frames, 40) to embeddings of shape (windows, 256) and of length 1.

    The weights have 16 bits in the file.
    """
    nodes, constants = [], []

    def constant(name: str, values: Any) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float16), f"{name}_16"))
        nodes.append(helper.make_node("Cast", [f"{name}_16"], [name], to=TensorProto.FLOAT))
        return name

    nodes.append(helper.make_node("Transpose", ["mels"], ["steps_0"], perm=[1, 0, 2]))
    for layer in range(_LAYERS):
        inputs = constant(f"inputs_{layer}", _to_onnx_gates(weights[f"lstm.weight_ih_l{layer}"])[np.newaxis])
        states = constant(f"states_{layer}", _to_onnx_gates(weights[f"lstm.weight_hh_l{layer}"])[np.newaxis])
        biases = [_to_onnx_gates(weights[f"lstm.bias_{kind}_l{layer}"]) for kind in ("ih", "hh")]
        bias = constant(f"bias_{layer}", np.concatenate(biases)[np.newaxis])
        outputs = [f"directions_{layer}", f"last_{layer}"]
        nodes.append(helper.make_node("LSTM", [f"steps_{layer}", inputs, states, bias], outputs, hidden_size=_SIZE))
        nodes.append(helper.make_node("Squeeze", [outputs[0], "one"], [f"steps_{layer + 1}"]))
    constants += [numpy_helper.from_array(np.array([at]), name) for at, name in ((1, "one"), (0, "zero"))]
    nodes.append(helper.make_node("Squeeze", [f"last_{_LAYERS - 1}", "zero"], ["last"]))
    matrix, bias = constant("matrix", weights["linear.weight"]), constant("bias", weights["linear.bias"])
    nodes.append(helper.make_node("Gemm", ["last", matrix, bias], ["linear"], transB=1))
    nodes.append(helper.make_node("Relu", ["linear"], ["positive"]))
    nodes.append(helper.make_node("LpNormalization", ["positive"], ["voices"], axis=1, p=2))
    graph = helper.make_graph(
        nodes,
        "voice_encoder",
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["windows", "frames", _MELS])],
        [helper.make_tensor_value_info("voices", TensorProto.FLOAT, ["windows", _SIZE])],
        constants,
        doc_string="Resemblyzer 0.1.4, Copyright 2019 Resemble.AI, Apache License 2.0; converted, weights of 16 bits.",
    )
    opset = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION, producer_name="surtitle")


def _to_onnx_gates(values: Any) -> Any:
    """The gates in ONNX's order, which is input, output, forget, cell; torch's is input, forget, cell, output."""
    gate_input, forget, cell, gate_output = np.split(values, 4)
    return np.concatenate((gate_input, gate_output, forget, cell))


if __name__ == "__main__":
    main()
