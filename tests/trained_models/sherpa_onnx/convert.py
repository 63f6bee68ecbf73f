"""Write the trained network as the files that sherpa-onnx loads: three networks, ``tokens.txt`` and ``bpe.vocab``.

The LSTM gets 8-bit weights, as in the models that people publish.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from tests.trained_models.sherpa_onnx.network import (
    CONTEXT,
    FEATURE_MEAN,
    FEATURE_SCALE,
    JOINER,
    LAYERS,
    MELS,
    SUBSAMPLING,
    WIDTH,
    WINDOW,
)
from tests.trained_models.sherpa_onnx.train import make_pieces

MODEL = Path(__file__).with_name("model-en")
CHUNK = 16  # frames that the encoder advances in one step
OPSET, IR_VERSION = 17, 8
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64

Weights = dict[str, np.ndarray]


def write_encoder(weights: Weights, path: Path) -> None:
    """Write the encoder: features and the state of the LSTM to its output and the next state."""
    matrix = weights["input.weight"] * FEATURE_SCALE
    bias = weights["input.bias"] - FEATURE_MEAN * matrix.sum(1)
    kernel = matrix.reshape(WIDTH, WINDOW, MELS).transpose(0, 2, 1)
    constants = {"kernel": kernel, "kernel_bias": bias}
    nodes = [
        helper.make_node("Transpose", ["x"], ["by_mel"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["by_mel", "kernel", "kernel_bias"], ["convolved"], strides=[SUBSAMPLING]),
        helper.make_node("Relu", ["convolved"], ["rectified"]),
        helper.make_node("Transpose", ["rectified"], ["layer_0"], perm=[2, 0, 1]),
        helper.make_node("Split", ["h"], [f"h_{layer}" for layer in range(LAYERS)], axis=0),
        helper.make_node("Split", ["c"], [f"c_{layer}" for layer in range(LAYERS)], axis=0),
    ]
    for layer in range(LAYERS):
        for name, key in (("W", "weight_ih"), ("R", "weight_hh")):
            constants[f"{name}_{layer}"] = reorder(weights[f"lstm.{key}_l{layer}"])[None]
        biases = [reorder(weights[f"lstm.bias_{key}_l{layer}"]) for key in ("ih", "hh")]
        constants[f"B_{layer}"] = np.concatenate(biases)[None]
        names = [f"layer_{layer}", f"W_{layer}", f"R_{layer}", f"B_{layer}", "", f"h_{layer}", f"c_{layer}"]
        outputs = [f"directions_{layer}", f"next_h_{layer}", f"next_c_{layer}"]
        nodes += [
            helper.make_node("LSTM", names, outputs, hidden_size=WIDTH),
            helper.make_node("Squeeze", [f"directions_{layer}", "one"], [f"layer_{layer + 1}"]),
        ]
    constants |= {"one": np.array([1]), "output": weights["encoder_output.weight"].T}
    constants |= {"output_bias": weights["encoder_output.bias"]}
    nodes += [
        helper.make_node("Transpose", [f"layer_{LAYERS}"], ["by_batch"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["by_batch", "output"], ["projected"]),
        helper.make_node("Add", ["projected", "output_bias"], ["encoder_out"]),
        helper.make_node("Concat", [f"next_h_{layer}" for layer in range(LAYERS)], ["next_h"], axis=0),
        helper.make_node("Concat", [f"next_c_{layer}" for layer in range(LAYERS)], ["next_c"], axis=0),
    ]
    length = CHUNK + WINDOW - SUBSAMPLING
    state = [LAYERS, "N", WIDTH]
    write(
        path, nodes, constants,
        {"x": (FLOAT, ["N", length, MELS]), "h": (FLOAT, state), "c": (FLOAT, state)},
        {"encoder_out": (FLOAT, ["N", CHUNK // SUBSAMPLING, JOINER]),
         "next_h": (FLOAT, state), "next_c": (FLOAT, state)},
        {"model_type": "lstm", "version": "1", "model_author": "Surtitle", "language": "en", "T": length,
         "decode_chunk_len": CHUNK, "num_encoder_layers": LAYERS, "rnn_hidden_size": WIDTH, "d_model": WIDTH},
    )  # fmt: skip


def write_decoder(weights: Weights, path: Path) -> None:
    """Write the decoder: the last tokens, of which those before the beginning are negative, to its output."""
    constants = {
        "zero": np.array(0),
        "embedding": weights["embedding.weight"],
        "shape": np.array([0, -1]),
        "output": weights["decoder_output.weight"].T,
        "output_bias": weights["decoder_output.bias"],
    }
    nodes = [
        helper.make_node("Max", ["y", "zero"], ["tokens"]),
        helper.make_node("Gather", ["embedding", "tokens"], ["embedded"]),
        helper.make_node("Reshape", ["embedded", "shape"], ["context"]),
        helper.make_node("MatMul", ["context", "output"], ["projected"]),
        helper.make_node("Add", ["projected", "output_bias"], ["decoder_out"]),
    ]
    write(
        path, nodes, constants, {"y": (INT64, ["N", CONTEXT])}, {"decoder_out": (FLOAT, ["N", JOINER])},
        {"context_size": CONTEXT, "vocab_size": len(weights["embedding.weight"])},
    )  # fmt: skip


def write_joiner(weights: Weights, path: Path) -> None:
    """Write the joiner: an output of both to the logits of the tokens."""
    constants = {"output": weights["joiner.weight"].T, "output_bias": weights["joiner.bias"]}
    nodes = [
        helper.make_node("Add", ["encoder_out", "decoder_out"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["joined"]),
        helper.make_node("MatMul", ["joined", "output"], ["projected"]),
        helper.make_node("Add", ["projected", "output_bias"], ["logit"]),
    ]
    inputs = {"encoder_out": (FLOAT, ["N", JOINER]), "decoder_out": (FLOAT, ["N", JOINER])}
    outputs = {"logit": (FLOAT, ["N", len(weights["joiner.bias"])])}
    write(path, nodes, constants, inputs, outputs, {"joiner_dim": JOINER})


def reorder(rows: np.ndarray) -> np.ndarray:
    """The gates of an LSTM in the order of ONNX instead of that of torch."""
    entry, forget, cell, output = np.split(rows, 4)
    return np.concatenate((entry, output, forget, cell))


def write(
    path: Path,
    nodes: list[Any],
    constants: Weights,
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: dict[str, tuple[int, list[Any]]],
    metadata: dict[str, Any],
) -> None:
    """Write a network with the metadata that sherpa-onnx reads."""
    graph = helper.make_graph(
        nodes,
        path.name,
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    helper.set_model_props(model, {name: str(value) for name, value in metadata.items()})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def main() -> None:
    """Convert the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with the checkpoint")
    work = parser.parse_args().work
    state = torch.load(work / "checkpoint.pt")["model"]
    weights = {name: tensor.numpy().astype(np.float32) for name, tensor in state.items()}
    shutil.rmtree(MODEL, ignore_errors=True)
    MODEL.mkdir()
    write_encoder(weights, work / "encoder.onnx")
    quantize_dynamic(
        work / "encoder.onnx", MODEL / "encoder.int8.onnx", op_types_to_quantize=["LSTM"], weight_type=QuantType.QInt8
    )
    write_decoder(weights, MODEL / "decoder.onnx")
    write_joiner(weights, MODEL / "joiner.onnx")
    pieces = make_pieces(work)
    tokens = [f"{pieces.id_to_piece(number)} {number}\n" for number in range(pieces.get_piece_size())]
    (MODEL / "tokens.txt").write_text("".join(tokens), encoding="utf-8")
    shutil.copy(work / "bpe.vocab", MODEL)
    for file in sorted(MODEL.iterdir()):
        print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
