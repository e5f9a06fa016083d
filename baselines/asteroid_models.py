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
def _unused_packages_may_be_absent() -> Iterator[None]:
    """Lets asteroid be imported without packages that neither network needs.

    asteroid takes torchaudio as optional, but not one that is there and can't load its
    libraries (its wheel beside a CPU build of torch), so that one is marked as absent.
    soundfile, which only reads and writes audio files, it insists on; an empty module stands
    in for it meanwhile.
    """
    if not _loads("torchaudio"):
        sys.modules.update(torchaudio=None)  # type: ignore[call-overload]
    stands_in = not _loads("soundfile")
    if stands_in:
        sys.modules["soundfile"] = ModuleType("soundfile")
    try:
        yield
    finally:
        if stands_in:
            del sys.modules["soundfile"]


def _loads(package: str) -> bool:
    try:
        importlib.import_module(package)
    except (ImportError, OSError):
        return False
    return True


def _import_asteroid_models() -> Any:
    with _unused_packages_may_be_absent():
        return importlib.import_module("asteroid.models")


def conv_tasnet() -> nn.Module:
    """Asteroid's defaults, two sources: 5,050,545 parameters."""
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
