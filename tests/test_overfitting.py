"""Every network learns one fixed mixture by heart: what it is built of can separate.

Real speech, half a second at 8 kHz, by the training code itself. SuDoRM-RF as registered, the
others, far slower on a CPU, as narrow networks of the same classes.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.asteroid_models import import_asteroid_models
from baselines.demucs import Demucs, DemucsConfig
from baselines.two_step_tdcn import TwoStepTDCN, TwoStepTDCNConfig
from bench.evaluation.metric import score_estimates
from bench.measuring.mixture import load_example
from bench.training.costs import Operations
from bench.training.parallel import Group
from bench.training.settings import Limits, TrainingSettings
from bench.training.training import Training
from models.sudormrf import sudormrf_0_5x, sudormrf_0_25x, sudormrf_1_0x

N_SAMPLES = 4000
MAX_STEPS = 1000
LOOK_STEPS = 20
ENOUGH_DB = 15.0


def conv_tasnet() -> nn.Module:
    return asteroid("ConvTasNet", n_filters=128, bn_chan=32, hid_chan=64, skip_chan=32, n_blocks=4)


def dprnn() -> nn.Module:
    sizes = {"bn_chan": 32, "hid_size": 32, "chunk_size": 40, "hop_size": 20, "n_repeats": 2}
    return asteroid("DPRNNTasNet", n_filters=64, kernel_size=8, stride=4, **sizes)


def asteroid(name: str, **sizes: Any) -> nn.Module:
    if importlib.util.find_spec("asteroid") is None:
        pytest.skip("asteroid is not installed: pip install '.[asteroid]'")
    network: nn.Module = getattr(import_asteroid_models(), name)(n_src=2, **sizes)
    return network


def demucs() -> nn.Module:
    return Demucs(
        DemucsConfig(
            n_src=2,
            channels=16,
            depth=4,
            kernel_size=8,
            stride=4,
            context=3,
            lstm_layers=2,
            n_zeros=440,
            rescale=0.1,
        )
    )


def two_step_tdcn() -> nn.Module:
    return TwoStepTDCN(
        TwoStepTDCNConfig(
            n_filters=128,
            kernel_size=21,
            bn_chan=128,
            hid_chan=64,
            conv_kernel_size=3,
            n_blocks=4,
            n_repeats=1,
            n_src=2,
        )
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("build", "learning_rate"),
    [
        (conv_tasnet, 1e-3),
        (demucs, 1e-3),
        (dprnn, 1e-3),
        (two_step_tdcn, 5e-3),
        (sudormrf_1_0x, 1e-3),
        (sudormrf_0_5x, 1e-3),
        (sudormrf_0_25x, 1e-3),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_one_mixture_is_learned_by_heart(
    build: Callable[[], nn.Module], learning_rate: float
) -> None:
    mixture, sources = fixed_batch(is_two_step=build is two_step_tdcn)
    settings = TrainingSettings(
        model="any",
        factory="a.b:c",
        corpus="two speakers",
        n_samples=N_SAMPLES,
        learning_rate=learning_rate,
    )
    torch.manual_seed(0)
    training = Training(
        settings,
        Limits(steps=MAX_STEPS),
        build(),
        [Operations(0, 0)] * 2,
        torch.device("cpu"),
        Group(0, 1),
    )
    improvement = -torch.inf
    while improvement < ENOUGH_DB and training.position.step < MAX_STEPS:
        training.advance_phase()
        training.update(mixture, sources)
        is_separation = training.phase_name == "separation"
        if is_separation and training.position.step % LOOK_STEPS == 0:
            training.model.eval()
            with torch.inference_mode():
                estimates = training.model(mixture)
            scores = score_estimates(estimates, mixture, sources)
            improvement = float(scores.improvement_db.mean())
    assert improvement >= ENOUGH_DB, f"{improvement:.1f} dB after {training.position.step} steps"


def fixed_batch(is_two_step: bool) -> tuple[Tensor, Tensor]:
    """One mixture; with its sources in both orders for a filterbank that trains in their order.

    Its two decoders would else learn a source each by heart, and be of no use to a separator
    that is free to name them the other way round.
    """
    example = load_example(N_SAMPLES)
    mixture, sources = example.mixture.float(), example.sources.float()
    if not is_two_step:
        return mixture, sources
    return torch.cat([mixture, mixture]), torch.cat([sources, sources.flip(1)])
