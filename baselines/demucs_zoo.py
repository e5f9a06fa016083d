"""Demucs 3 and 4 from the package ``demucs`` (MIT licence), for music at 44.1 kHz.

A. Défossez, "Hybrid Spectrogram and Waveform Source Separation", 2021, arXiv:2111.03600;
S. Rouard, F. Massa, A. Défossez, "Hybrid Transformers for Music Source Separation", 2022,
arXiv:2211.08553. Two channels and four sources, with the defaults of each class.
"""

from importlib import import_module

from torch import nn

from baselines.channels import OneChannel

SOURCES = ("drums", "bass", "other", "vocals")


def hdemucs() -> nn.Module:
    """``demucs.hdemucs.HDemucs``."""
    return OneChannel(import_module("demucs.hdemucs").HDemucs(sources=list(SOURCES)), channels=2)


def htdemucs() -> nn.Module:
    """``demucs.htdemucs.HTDemucs``.

    A second costs a second: by default, the class fills every mixture up to 10 s in inference.
    """
    build = import_module("demucs.htdemucs").HTDemucs
    return OneChannel(build(sources=list(SOURCES), use_train_segment=False), channels=2)
