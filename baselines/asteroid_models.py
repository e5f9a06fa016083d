"""Conv-TasNet and DPRNN from asteroid, in the configurations that the paper measured.

Y. Luo, N. Mesgarani, "Conv-TasNet", TASLP 2019, arXiv:1809.07454; Y. Luo, Z. Chen,
T. Yoshioka, "Dual-path RNN", ICASSP 2020, arXiv:1910.06379. asteroid still holds what the
paper measured, so its classes are used as they are: both map ``[batch, 1, time]`` to
``[batch, n_src, time]``.

The authors' own code pads Conv-TasNet otherwise (4.9866 instead of 4.9717 G multiply-adds
for 8000 samples) and has 64 parameters less in DPRNN.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from torch import nn


@contextmanager
def _without_what_neither_needs() -> Iterator[None]:
    """Lets asteroid be imported without two packages that neither network needs.

    torchaudio counts as absent, which asteroid allows for: it would add 30 MB to the resident
    memory of what is measured, and can't always load (its wheel for CUDA beside a torch that is
    not). soundfile, which only reads and writes audio files, asteroid insists on; an empty module
    stands in for one that can't load.
    """
    stand_ins: dict[str, ModuleType | None] = {"torchaudio": None}
    if not _loads("soundfile"):
        stand_ins["soundfile"] = ModuleType("soundfile")
    stand_ins = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.modules.update(stand_ins)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]


def _loads(package: str) -> bool:
    try:
        importlib.import_module(package)
    except (ImportError, OSError):
        return False
    return True


def import_asteroid_models() -> Any:
    """The module ``asteroid.models``."""
    with _without_what_neither_needs():
        return importlib.import_module("asteroid.models")


def conv_tasnet() -> nn.Module:
    """Asteroid's defaults, two sources: 5,050,545 parameters."""
    model: nn.Module = import_asteroid_models().ConvTasNet(n_src=2)
    return model


def dprnn() -> nn.Module:
    """The configuration of the SuDoRM-RF paper: 2,633,793 parameters."""
    model: nn.Module = import_asteroid_models().DPRNNTasNet(
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
