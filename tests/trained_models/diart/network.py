"""The two networks: who of up to three voices speaks when within five seconds, and what a voice sounds like."""

import numpy as np
import torch
from torch import Tensor, nn

from surtitle.speech.whisper.mel_filters import compute_mel_filters

SECONDS = 5.0
FRAMES = 125  # of 40 ms
LOCAL_SPEAKERS = 3
SIZE = 64  # of a vector that describes a voice
_MELS, _HOP, _FFT = 80, 160, 400
_PADDING = (_FFT - _HOP) // 2
_FLOOR = 1e-6
_WIDTH, _GRU = 96, 64


class Mels(nn.Module):
    """Logarithms of mel bands, of samples of shape (batch, 1, samples), every 10 ms. Only convolutions, for ONNX."""

    def __init__(self) -> None:
        super().__init__()
        angles = 2 * np.pi / _FFT * np.outer(np.arange(_FFT // 2 + 1), np.arange(_FFT))
        window = np.hanning(_FFT + 1)[:-1]
        waves = np.concatenate((np.cos(angles), np.sin(angles))) * window
        self.register_buffer("waves", torch.from_numpy(waves[:, None]).float(), persistent=False)
        filters = compute_mel_filters(_FFT, _MELS)
        self.register_buffer("filters", torch.from_numpy(filters[:, :, None]).float(), persistent=False)
        self.norm = nn.BatchNorm1d(_MELS)

    def forward(self, waveform: Tensor) -> Tensor:
        parts = nn.functional.conv1d(waveform, self.waves, stride=_HOP, padding=_PADDING) ** 2
        cosines, sines = parts.split(_FFT // 2 + 1, dim=1)
        power = nn.functional.conv1d(cosines + sines, self.filters)
        return self.norm(torch.log(power + _FLOOR))


class Segmentation(nn.Module):
    """Samples of shape (batch, 1, 80000) to probabilities of shape (batch, FRAMES, LOCAL_SPEAKERS)."""

    def __init__(self) -> None:
        super().__init__()
        self.mels = Mels()
        self.convolutions = nn.Sequential(
            nn.Conv1d(_MELS, _WIDTH, 5, stride=2, padding=2), nn.ReLU(),
            nn.Conv1d(_WIDTH, _WIDTH, 5, stride=2, padding=2), nn.ReLU(),
        )  # fmt: skip
        self.gru = nn.GRU(_WIDTH, _GRU, num_layers=2, bidirectional=True, batch_first=True)
        self.output = nn.Linear(2 * _GRU, LOCAL_SPEAKERS)

    def forward(self, waveform: Tensor) -> Tensor:
        hidden, _ = self.gru(self.convolutions(self.mels(waveform)).transpose(1, 2))
        return torch.sigmoid(self.output(hidden))


class Embedding(nn.Module):
    """Samples, and weights of shape (batch, FRAMES), to vectors of shape (batch, SIZE)."""

    def __init__(self) -> None:
        super().__init__()
        self.mels = Mels()
        self.convolutions = nn.Sequential(
            nn.Conv1d(_MELS, 128, 5, stride=2, padding=2), nn.ReLU(), nn.BatchNorm1d(128),
            nn.Conv1d(128, 128, 3, dilation=2, padding=2), nn.ReLU(), nn.BatchNorm1d(128),
            nn.Conv1d(128, 128, 5, stride=2, padding=2), nn.ReLU(), nn.BatchNorm1d(128),
        )  # fmt: skip
        self.output = nn.Linear(256, SIZE)

    def forward(self, waveform: Tensor, weights: Tensor) -> Tensor:
        hidden = self.convolutions(self.mels(waveform))
        shares = (weights / (weights.sum(1, keepdim=True) + 1e-6))[:, None]
        mean = (hidden * shares).sum(2)
        deviation = torch.sqrt(((hidden - mean[:, :, None]) ** 2 * shares).sum(2) + 1e-6)
        return self.output(torch.cat((mean, deviation), dim=1))
