"""The network: a small LSTM transducer of the kind that sherpa-onnx calls "lstm"."""

import torch
from torch import Tensor, nn

MELS = 80
PHONES = 41  # of `speech`
WINDOW, SUBSAMPLING = 8, 4  # frames of 10 ms that each output frame sees, and from one output frame to the next
WIDTH, LAYERS = 192, 2
EMBEDDING, CONTEXT = 64, 2
JOINER = 128
FEATURE_MEAN, FEATURE_SCALE = -10.0, 0.2


class Transducer(nn.Module):
    """Encoder, stateless decoder and joiner; ``ctc`` and ``phones`` are outputs that are only trained with."""

    def __init__(self, tokens: int) -> None:
        """Make it for this number of tokens, of which number 0 is the blank."""
        super().__init__()
        self.tokens = tokens
        self.input = nn.Linear(WINDOW * MELS, WIDTH)
        self.lstm = nn.LSTM(WIDTH, WIDTH, LAYERS, batch_first=True)
        self.encoder_output = nn.Linear(WIDTH, JOINER)
        self.embedding = nn.Embedding(tokens, EMBEDDING)
        self.decoder_output = nn.Linear(CONTEXT * EMBEDDING, JOINER)
        self.joiner = nn.Linear(JOINER, tokens)
        self.ctc = nn.Linear(WIDTH, tokens)
        self.phones = nn.Linear(WIDTH, PHONES)

    def encode(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's output (n, t, JOINER) and that of the LSTM, for features of shape (n, frames, MELS)."""
        windows = ((features - FEATURE_MEAN) * FEATURE_SCALE).unfold(1, WINDOW, SUBSAMPLING)  # (n, t, MELS, WINDOW)
        hidden = torch.relu(self.input(windows.transpose(2, 3).flatten(2)))
        hidden, _ = self.lstm(hidden)
        return self.encoder_output(hidden), hidden

    def decode(self, labels: Tensor) -> Tensor:
        """The decoder's output before each of the labels (n, u) and after the last: (n, u + 1, JOINER)."""
        context = nn.functional.pad(labels, (CONTEXT, 0)).unfold(1, CONTEXT, 1)  # (n, u + 1, CONTEXT)
        return self.decoder_output(self.embedding(context).flatten(2))

    def join(self, encoded: Tensor, decoded: Tensor) -> Tensor:
        """The logits of the tokens; the shapes of both are broadcast."""
        return self.joiner(torch.tanh(encoded + decoded))
