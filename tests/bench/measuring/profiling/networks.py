"""Networks of known structure: what each operator costs and keeps is known by hand."""

import os
import signal

import torch
from torch import Tensor, nn

from bench.measuring.step import Step, prepare_step
from bench.results.workload import Phase, Workload

N_SAMPLES = 400
WIDTH = 6


class Chain(nn.Module):
    """Point-wise convolutions and activations, ``[batch, 1, time] -> [batch, 2, time]``."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, width, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv1d(width, width, 1), nn.PReLU()) for _ in range(3)
        )
        self.decoder = nn.Conv1d(width, 2, 1)

    def forward(self, mixture: Tensor) -> Tensor:
        features = self.encoder(mixture)
        for block in self.blocks:
            features = features + block(features)
        estimates: Tensor = self.decoder(features)
        return estimates


class Wider(Chain):
    def __init__(self) -> None:
        super().__init__(2 * WIDTH)


def workload(phase: Phase, n_samples: int = N_SAMPLES) -> Workload:
    return Workload(phase, "cpu", n_samples, 1, "float32", torch.get_num_threads(), 0)


def warm_step(model: nn.Module, phase: Phase, n_samples: int = N_SAMPLES) -> Step:
    """A step that has run twice."""
    step = prepare_step(model, workload(phase, n_samples))
    step.run_checked()
    step.run()
    return step


class KilledInThirdCall(Chain):
    """It keeps its contract, and ends while it is profiled."""

    n_calls = 0

    def forward(self, mixture: Tensor) -> Tensor:
        self.n_calls += 1
        if self.n_calls == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(mixture)
