"""A network and mixtures so small that a whole training takes part of a second."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from baselines.two_step_tdcn import TwoStepTDCN, TwoStepTDCNConfig
from bench.corpora.mixing import Mixture
from bench.training.batches import Mixtures
from bench.training.costs import Operations
from bench.training.parallel import Group
from bench.training.settings import Limits, TrainingSettings
from bench.training.training import Training

FACTORY = "tests.bench.tiny_corpora:masker"
SETTINGS = TrainingSettings(
    model="tiny",
    factory=FACTORY,
    corpus="noises",
    n_samples=400,
    batch=4,
    epoch_size=12,
    n_validation=6,
)
ALONE = Group(0, 1)
THREE_EPOCHS = Limits(epochs=3)
OPERATIONS = [Operations(1000, 3000)] * 2


class Noises:
    """A low and a high noise: sources that a mask can tell apart."""

    def __init__(self, n_samples: int, seed: int) -> None:
        self.n_samples, self.seed = n_samples, seed

    def draw(self, epoch: int, index: int) -> Mixture:
        random = np.random.default_rng([self.seed, epoch, index])
        noise = random.standard_normal((2, self.n_samples + 1))
        low = noise[0, 1:] + noise[0, :-1]
        high = noise[1, 1:] - noise[1, :-1]
        sources = np.stack([low, high]).astype(np.float32)
        return Mixture(sources.sum(0), sources)


class Masker(nn.Module):
    """Encoder, one hidden layer with dropout, masks, decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, 16, 8, stride=4, bias=False)
        self.masks = nn.Sequential(
            nn.Conv1d(16, 16, 1), nn.PReLU(), nn.Dropout(0.1), nn.Conv1d(16, 32, 1)
        )
        self.decoder = nn.ConvTranspose1d(16, 1, 8, stride=4, bias=False)

    def forward(self, mixture: Tensor) -> Tensor:
        batch, _, time = mixture.shape
        encoded = self.encoder(mixture)  # [batch, 16, frames]
        masks = self.masks(encoded).unflatten(1, (2, 16)).softmax(1)
        masked = (masks * encoded.unsqueeze(1)).flatten(0, 1)
        estimates: Tensor = self.decoder(masked)
        return estimates.view(batch, 2, time)


class Deterministic(Masker):
    """Without dropout, whose masks depend on the number of processes."""

    def __init__(self) -> None:
        super().__init__()
        del self.masks[2]


def masker() -> nn.Module:
    return Masker()


def two_step() -> TwoStepTDCN:
    return TwoStepTDCN(
        TwoStepTDCNConfig(
            n_filters=16,
            kernel_size=9,
            bn_chan=16,
            hid_chan=16,
            conv_kernel_size=3,
            n_blocks=2,
            n_repeats=1,
            n_src=2,
        )
    )


def mixtures(settings: TrainingSettings, group: Group = ALONE) -> Mixtures:
    drawers = [Noises(settings.n_samples, seed) for seed in (1, 2)]
    return Mixtures(drawers[0], drawers[1], settings, group)


def training(
    settings: TrainingSettings = SETTINGS,
    limits: Limits = THREE_EPOCHS,
    build: Callable[[], nn.Module] = masker,
    **options: int | str | float,
) -> Training:
    """Of a network whose first weights follow from the settings' seed, as the command's do."""
    if options:
        settings = replace(settings, **options)  # type: ignore[arg-type]
    torch.manual_seed(settings.seed)
    return Training(settings, limits, build(), OPERATIONS, torch.device("cpu"), ALONE)
