"""Further networks of asteroid (MIT licence), each with the defaults of its class, two speakers.

All map ``[batch, 1, time]`` to ``[batch, n_src, time]`` at 8 kHz.
"""

from torch import nn

from baselines.asteroid_models import import_asteroid_models


def dptnet() -> nn.Module:
    """``asteroid.models.DPTNet`` (Chen, Mao, Liu 2020, arXiv:2007.13975)."""
    model: nn.Module = import_asteroid_models().DPTNet(n_src=2)
    return model


def sudormrf() -> nn.Module:
    """``asteroid.models.SuDORMRFNet``: depth 4 where the paper's code has 5."""
    model: nn.Module = import_asteroid_models().SuDORMRFNet(n_src=2)
    return model


def sudormrf_improved() -> nn.Module:
    """``asteroid.models.SuDORMRFImprovedNet``."""
    model: nn.Module = import_asteroid_models().SuDORMRFImprovedNet(n_src=2)
    return model


def lstm_tasnet() -> nn.Module:
    """``asteroid.models.LSTMTasNet`` (Luo, Mesgarani 2018, arXiv:1711.00541)."""
    model: nn.Module = import_asteroid_models().LSTMTasNet(n_src=2)
    return model
