"""Band-split transformers from the package ``bs-roformer`` (MIT licence), music at 44.1 kHz.

W.-T. Lu, J.-C. Wang, Q. Kong, Y.-N. Hung, "Music Source Separation with Band-Split RoPE
Transformer", 2023, arXiv:2309.02612; J.-C. Wang, W.-T. Lu, M. Won, "Mel-Band RoFormer", 2023,
arXiv:2310.01809. One channel and one source, as in the package's README, and a quarter as wide
and as deep as there (512 and 12), so that a training step of a second takes less than 4 GB.
"""

from importlib import import_module
from typing import Any

from torch import nn

from baselines.channels import OneChannel

SIZES: dict[str, Any] = {
    "dim": 128,
    "depth": 3,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 1,
}


class OneSource(nn.Module):
    """Has an axis for sources. Shape: ``[batch, 1, time] -> [batch, 1, 1, time]``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, mixture: Any) -> Any:
        return self.network(mixture).unsqueeze(1)


def bs_roformer() -> nn.Module:
    """``bs_roformer.BSRoformer``, 62 bands."""
    return OneChannel(OneSource(import_module("bs_roformer").BSRoformer(**SIZES)), channels=1)


def mel_band_roformer() -> nn.Module:
    """``bs_roformer.MelBandRoformer``, 60 bands."""
    build = import_module("bs_roformer").MelBandRoformer
    return OneChannel(OneSource(build(**SIZES)), channels=1)
