"""PyTorch as it is: every operator by itself."""

import torch
from torch import nn

from bench.runtimes.casting import Cast
from bench.runtimes.form import Asked, Prepared

PASSIVE = "passive"


def prepare(model: nn.Module, asked: Asked) -> Prepared:
    """The network itself, or a copy in another dtype."""
    forward = model if asked.dtype == "float32" else Cast(model, asked.dtype).eval()
    return Prepared(forward, f"torch {torch.__version__}", asked.dtype, PASSIVE)
