"""Write a trained network as the directory that faster-whisper loads.

The vocabulary is in the order of Whisper's: text, an empty token (CTranslate2 tells multilingual
models by it, see ``WhisperReplica`` in its ``whisper.cc``), the special tokens with all 99
languages, and the timestamps. Languages other than English are accepted in prompts, mean the same
as English and are never detected.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from ctranslate2.specs import WhisperSpec, common_spec
from ctranslate2.specs.transformer_spec import TransformerDecoderLayerSpec, TransformerEncoderLayerSpec
from tokenizers import Tokenizer
from torch import Tensor, nn

from tests.models.whisper.network import FRAME_S, FRAMES, SPECIALS, TIMESTAMPS, Layer, Shape, Whisper

EMPTY = ""
NEVER = -1e4
TIMING_HEADS = [[1, 2], [1, 3]]

# In the order of Whisper's vocabulary; Cantonese came only with a later one.
LANGUAGE_CODES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th "
    "ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr "
    "pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt "
    "haw ln ha ba jw su"
)
LANGUAGES = LANGUAGE_CODES.split()


def whisper_vocabulary(bpe: Tokenizer) -> tuple[list[str], list[int]]:
    """Return Whisper's tokens and, for each, the network's own token or -1."""
    own = bpe.get_vocab_size()
    tokens = [*sorted(bpe.get_vocab(), key=bpe.get_vocab().__getitem__), EMPTY]
    sources = [*range(own), -1]
    for place, special in enumerate(SPECIALS):
        names = [f"<|{code}|>" for code in LANGUAGES] if special == "<|en|>" else [special]
        tokens += names
        sources += [own + place] * len(names)
    tokens += [f"<|{number * FRAME_S:.2f}|>" for number in range(TIMESTAMPS)]
    sources += range(own + len(SPECIALS), own + len(SPECIALS) + TIMESTAMPS)
    return tokens, sources


def numbers(tensor: Tensor) -> np.ndarray:
    """Return a tensor's numbers."""
    return tensor.detach().float().contiguous().numpy()


def set_linear(spec: common_spec.LinearSpec, linear: nn.Linear | nn.Conv1d) -> None:
    """Copy a linear map or a convolution."""
    assert linear.bias is not None
    spec.weight, spec.bias = numbers(linear.weight), numbers(linear.bias)


def set_norm(spec: common_spec.LayerNormSpec, norm: nn.LayerNorm) -> None:
    """Copy a normalisation."""
    spec.gamma, spec.beta = numbers(norm.weight), numbers(norm.bias)


def set_layer(spec: TransformerEncoderLayerSpec | TransformerDecoderLayerSpec, layer: nn.Module) -> None:
    """Copy a layer of the encoder or the decoder."""
    assert isinstance(layer, Layer)
    set_norm(spec.self_attention.layer_norm, layer.attention_norm)
    set_linear(spec.self_attention.linear[0], layer.attention.take)
    set_linear(spec.self_attention.linear[1], layer.attention.give)
    if hasattr(layer, "across"):
        set_norm(spec.attention.layer_norm, layer.across_norm)
        set_linear(spec.attention.linear[0], layer.across.query)
        set_linear(spec.attention.linear[1], layer.across.take)
        set_linear(spec.attention.linear[2], layer.across.give)
    set_norm(spec.ffn.layer_norm, layer.feed_norm)
    set_linear(spec.ffn.linear_0, layer.widen)
    set_linear(spec.ffn.linear_1, layer.narrow)


def specification(network: Whisper, sources: list[int]) -> WhisperSpec:
    """Return CTranslate2's description of the network, over Whisper's vocabulary."""
    shape = network.shape
    spec = WhisperSpec(shape.encoder_layers, shape.heads, shape.decoder_layers, shape.heads)
    set_linear(spec.encoder.conv1, network.conv1)
    set_linear(spec.encoder.conv2, network.conv2)
    spec.encoder.position_encodings.encodings = numbers(network.sinusoids[:FRAMES])
    set_norm(spec.encoder.layer_norm, network.encoder_norm)
    for layer_spec, layer in zip(spec.encoder.layer, network.encoder, strict=True):
        set_layer(layer_spec, layer)

    places = np.array(sources)
    table = numbers(network.embeddings())[places]
    table[places < 0] = 0.0
    first_use = np.concatenate([[True], places[1:] != places[:-1]])
    spec.decoder.embeddings.weight = table
    spec.decoder.projection.weight = table
    spec.decoder.projection.bias = np.where((places >= 0) & first_use, 0.0, NEVER).astype("float32")
    spec.decoder.position_encodings.encodings = numbers(network.positions())
    set_norm(spec.decoder.layer_norm, network.decoder_norm)
    for layer_spec, layer in zip(spec.decoder.layer, network.decoder, strict=True):
        set_layer(layer_spec, layer)
    return spec


def whisper_tokenizer(bpe: Tokenizer, tokens: list[str]) -> str:
    """Return the content of ``tokenizer.json``: the text tokens and all after the empty one."""
    content = json.loads(bpe.to_str())
    added = range(tokens.index(EMPTY) + 1, len(tokens))
    content["added_tokens"] = [
        {"id": number, "content": tokens[number], "special": number < len(tokens) - TIMESTAMPS}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for number in added
    ]
    content["model"]["vocab"].update({tokens[number]: number for number in added})
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def convert(checkpoint: Path, bpe_file: Path, output: Path) -> None:
    """Write the directory, replacing one that is there."""
    state = torch.load(checkpoint, map_location="cpu")
    network = Whisper(Shape(**state["shape"]))
    network.load_state_dict(state["network"])
    bpe = Tokenizer.from_file(str(bpe_file))
    tokens, sources = whisper_vocabulary(bpe)

    spec = specification(network.eval(), sources)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [bpe.token_to_id("Ġ"), tokens.index("<|endoftext|>")]
    spec.config.lang_ids = [tokens.index(f"<|{code}|>") for code in LANGUAGES]
    spec.config.alignment_heads = TIMING_HEADS
    spec.validate()
    spec.optimize(quantization="int8")

    fresh, old = output.with_name(output.name + ".new"), output.with_name(output.name + ".old")
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    fresh.mkdir(parents=True)
    spec.save(str(fresh))
    (fresh / "tokenizer.json").write_text(whisper_tokenizer(bpe, tokens))
    features = {
        "chunk_length": 30,
        "feature_size": 80,
        "hop_length": 160,
        "n_fft": 400,
        "sampling_rate": 16000,
    }
    (fresh / "preprocessor_config.json").write_text(json.dumps(features, indent=2) + "\n")
    if output.exists():
        output.rename(old)
    fresh.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Convert a checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of train.py's files")
    parser.add_argument("--name", default="checkpoint.pt")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("model"))
    options = parser.parse_args()
    convert(options.work / options.name, options.work / "bpe.json", options.output)


if __name__ == "__main__":
    main()
