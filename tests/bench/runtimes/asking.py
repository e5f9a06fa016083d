"""What tests ask runtimes for."""

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.runtimes.form import Asked


class Small(nn.Module):
    """A convolution, a product and a norm, ``[batch, 1, time] -> [batch, 2, time]``."""

    def __init__(self) -> None:
        super().__init__()
        self.across = nn.Conv1d(1, 8, 5, padding=2)
        self.pointwise = nn.Conv1d(8, 8, 1)
        self.out = nn.Linear(8, 2)

    def forward(self, mixture: Tensor) -> Tensor:
        features = torch.relu(self.pointwise(self.across(mixture)))
        features = features / (features.square().mean((1, 2), keepdim=True) + 1e-6).sqrt()
        estimates: Tensor = self.out(features.mT).mT
        return estimates


def small() -> nn.Module:
    torch.manual_seed(0)
    return Small().eval()


def ask(folder: Path, dtype: str = "float32", n_samples: int = 1600) -> Asked:
    torch.manual_seed(1)
    mixtures = torch.randn(5, 1, 1, n_samples)
    mixture, *speech = mixtures
    return Asked(mixture, tuple(speech), dtype, threads=1, folder=folder)
