"""A small network of Whisper's architecture, over a vocabulary without Whisper's unused entries.

It differs from Whisper in training only: timestamps share one linear map of the sinusoids that
also mark the encoder's positions, which teaches all of them from any window; and two heads of
the encoder serve losses that the converted model does not keep.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

MELS = 80
FRAMES = 1500
FRAME_S = 0.02
TEXT_POSITIONS = 448
DROPOUT = 0.05
SPECIALS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
TIMESTAMPS = FRAMES + 1


@dataclass(frozen=True)
class Shape:
    """The sizes of a network."""

    text_tokens: int
    phones: int
    width: int = 160
    heads: int = 5
    encoder_layers: int = 4
    decoder_layers: int = 2

    @property
    def vocabulary(self) -> int:
        """Number of entries: text, special tokens, timestamps."""
        return self.text_tokens + len(SPECIALS) + TIMESTAMPS

    def special(self, name: str) -> int:
        """Return the id of a special token."""
        return self.text_tokens + SPECIALS.index(name)

    def timestamp(self, seconds: float) -> int:
        """Return the id of the nearest timestamp."""
        return self.text_tokens + len(SPECIALS) + min(FRAMES, max(0, round(seconds / FRAME_S)))


def sinusoids(length: int, width: int) -> Tensor:
    """Return Whisper's fixed encodings of positions."""
    rates = torch.exp(-math.log(10000) / (width // 2 - 1) * torch.arange(width // 2))
    angles = torch.arange(length)[:, None] * rates[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class SelfAttention(nn.Module):
    """Multi-head attention within a sequence."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        """Make the projections."""
        super().__init__()
        self.heads, self.causal = heads, causal
        self.take = nn.Linear(width, 3 * width)
        self.give = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Attend to this and, unless causal, to later places."""
        query, key, value = self.take(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if self.causal:
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        elif x.is_cuda:
            mixed = functional.scaled_dot_product_attention(query, key, value)
        else:  # by hand, which takes two thirds of the time on a processor
            scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2)
            mixed = scores.softmax(-1).to(value.dtype) @ value
        given: Tensor = self.give(mixed.transpose(1, 2).flatten(2))
        return given


class CrossAttention(nn.Module):
    """Multi-head attention from the text to the sound."""

    def __init__(self, width: int, heads: int) -> None:
        """Make the projections."""
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.take = nn.Linear(width, 2 * width)
        self.give = nn.Linear(width, width)

    def forward(self, x: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """Attend from ``x`` to ``source``; also return the logarithms of all weights."""
        query = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = self.take(source).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        logs = (query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).float().log_softmax(-1)
        mixed = logs.exp().to(value.dtype) @ value
        return self.give(mixed.transpose(1, 2).flatten(2)), logs


class Layer(nn.Module):
    """A layer of the encoder or, with attention across, of the decoder."""

    def __init__(self, width: int, heads: int, decodes: bool) -> None:
        """Make the parts, each after a normalisation."""
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, causal=decodes)
        if decodes:
            self.across_norm = nn.LayerNorm(width)
            self.across = CrossAttention(width, heads)
        self.feed_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, source: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return the layer's output and the logarithms of its weights across."""
        logs = None
        x = x + self.drop(self.attention(self.attention_norm(x)))
        if source is not None:
            mixed, logs = self.across(self.across_norm(x), source)
            x = x + self.drop(mixed)
        return x + self.drop(self.narrow(functional.gelu(self.widen(self.feed_norm(x))))), logs


class Whisper(nn.Module):
    """The whole network."""

    sinusoids: Tensor

    def __init__(self, shape: Shape) -> None:
        """Make the network with random weights."""
        super().__init__()
        width = shape.width
        self.shape = shape
        self.conv1 = nn.Conv1d(MELS, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.encoder = nn.ModuleList(Layer(width, shape.heads, decodes=False) for _ in range(shape.encoder_layers))
        self.encoder_norm = nn.LayerNorm(width)
        self.embedding = nn.Parameter(torch.randn(shape.text_tokens + len(SPECIALS), width) / math.sqrt(width))
        self.timestamp_map = nn.Linear(width, width)
        self.position_scale = nn.Parameter(torch.tensor(0.1))
        self.decoder = nn.ModuleList(Layer(width, shape.heads, decodes=True) for _ in range(shape.decoder_layers))
        self.decoder_norm = nn.LayerNorm(width)
        self.phone_head = nn.Linear(width, shape.phones)
        self.spelling_head = nn.Linear(width, shape.text_tokens + 1)  # CTC's blank comes last
        self.register_buffer("sinusoids", sinusoids(TIMESTAMPS, width), persistent=False)

    def positions(self) -> Tensor:
        """Return the decoder's encodings of positions."""
        return self.sinusoids[:TEXT_POSITIONS] * self.position_scale

    def embeddings(self) -> Tensor:
        """Return the embedding of every token, which is also the output projection."""
        timestamps = self.timestamp_map(self.sinusoids) / math.sqrt(self.shape.width)
        return torch.cat([self.embedding, timestamps])

    def encode(self, mels: Tensor, first: int = 0) -> Tensor:
        """Encode log-mel frames of which the first stands at position ``first``."""
        x = functional.gelu(self.conv1(mels))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)
        x = x + self.sinusoids[first : first + x.shape[1]].to(x.dtype)
        for layer in self.encoder:
            x, _ = layer(x)
        encoded: Tensor = self.encoder_norm(x)
        return encoded

    def decode(self, tokens: Tensor, source: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logits after each token and, per layer, the logs of the weights across."""
        table = self.embeddings()
        x = functional.embedding(tokens, table) + self.positions()[: tokens.shape[1]]
        weights = []
        for layer in self.decoder:
            x, logs = layer(x, source)
            weights.append(logs)
        return self.decoder_norm(x) @ table.T, weights
