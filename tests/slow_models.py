"""A network, and the same with a known share of extra work: what a comparison must find."""

import torch
from torch import Tensor, nn

WIDTH = 192
N_LAYERS = 40


class Layers(nn.Module):
    """So many equal convolutions in a row, ``[batch, 1, time] -> [batch, 2, time]``."""

    def __init__(self, n_layers: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, WIDTH, kernel_size=16, stride=8, padding=4)
        self.layers = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 1) for _ in range(n_layers))
        self.last = nn.ConvTranspose1d(WIDTH, 2, kernel_size=16, stride=8, padding=4)

    def forward(self, mixture: Tensor) -> Tensor:
        features = self.first(mixture)  # [batch, WIDTH, frames]
        for layer in self.layers:
            features = torch.tanh(layer(features))
        estimates: Tensor = self.last(features)
        return estimates


def base() -> nn.Module:
    return Layers(N_LAYERS)


def same() -> nn.Module:
    return Layers(N_LAYERS)


def slower_by_10_percent() -> nn.Module:
    return Layers(N_LAYERS + N_LAYERS // 10)


def slower_by_5_percent() -> nn.Module:
    return Layers(N_LAYERS + N_LAYERS // 20)
