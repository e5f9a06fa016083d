"""Conv-TasNet and DPRNN from asteroid, in the configurations that the paper measured.

Y. Luo, N. Mesgarani, "Conv-TasNet", TASLP 2019, arXiv:1809.07454; Y. Luo, Z. Chen,
T. Yoshioka, "Dual-path RNN", ICASSP 2020, arXiv:1910.06379. asteroid still holds what the
paper measured, so its classes are used as they are: both map ``[batch, 1, time]`` to
``[batch, n_src, time]``.

The authors' own code pads Conv-TasNet otherwise (4.9866 instead of 4.9471 G multiply-adds
for 8000 samples) and has 64 parameters less in DPRNN.
"""

import sys
from types import ModuleType

from torch import nn


def _import_asteroid_models() -> ModuleType:
    """asteroid's models, on machines where its rarer dependencies are broken or absent.

    asteroid tolerates a torchaudio that is not there, but not one that is there and can't
    load its libraries (torchaudio's wheel beside a CPU build of torch). None of these models
    uses it, so such a one is marked as absent.
    """
    try:
        import torchaudio  # noqa: F401  (only whether it loads)
    except (ImportError, OSError):
        sys.modules["torchaudio"] = None  # type: ignore[assignment]  (marks it as absent)
    import asteroid.models

    return asteroid.models


def conv_tasnet() -> nn.Module:
    """asteroid's defaults, two sources: 5,050,545 parameters."""
    model: nn.Module = _import_asteroid_models().ConvTasNet(n_src=2)
    return model


def dprnn() -> nn.Module:
    """The configuration of the SuDoRM-RF paper: 2,633,793 parameters."""
    model: nn.Module = _import_asteroid_models().DPRNNTasNet(
        n_src=2,
        n_filters=256,
        bn_chan=64,
        hid_size=128,
        chunk_size=250,
        hop_size=125,
        n_repeats=6,
        kernel_size=2,
        stride=1,
        mask_act="relu",
    )
    return model
