"""Which attention heads whisper.cpp aligns words by: it aborts the process if they need more memory than it has."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from surtitle.speech.whisper_cpp.model import _DTW_MEMORY, _MAX_HEADS, _TOP_LAYERS, MAX_TEXT, _choose_heads

FRAMES, EXTRA_TOKENS, COPIES = 1500, 5, 3  # of the encoder; around the text; of the attention, during the alignment


def write_header(path: Path, encoder: int, decoder: int, heads: int, vocabulary: int = 51864) -> Path:
    width = 64 * heads
    sizes = (vocabulary, FRAMES, width, heads, encoder, 448, width, heads, decoder, 80, 1)
    path.write_bytes(struct.pack("<I11i", 0x67676D6C, *sizes))
    return path


@pytest.mark.parametrize(
    ("encoder", "decoder", "heads", "layers"),
    [
        (32, 2, 20, 1),  # distil-large
        (12, 4, 12, 2),  # distil-small.en
        (32, 8, 20, 1),
        (8, 8, 8, 3),  # a size that nobody has published
        (40, 40, 20, 1),
    ],
)
def test_heads_of_unknown_models_fit_into_the_memory(
    tmp_path: Path, encoder: int, decoder: int, heads: int, layers: int
) -> None:
    assert _choose_heads(write_header(tmp_path / "ggml-x.bin", encoder, decoder, heads)) == (_TOP_LAYERS, layers)
    assert layers * heads <= _MAX_HEADS
    assert COPIES * 4 * layers * heads * FRAMES * (MAX_TEXT + EXTRA_TOKENS) < _DTW_MEMORY
