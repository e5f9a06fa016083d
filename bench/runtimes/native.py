"""The network's own fast form, where it has one: kernels in C++ of this project."""

from typing import Any

import torch
from torch import nn

from bench.results.record import CellError, Status
from bench.runtimes.form import Asked, Prepared


def prepare(model: nn.Module, asked: Asked) -> Prepared:
    """What the network's method ``fuse`` makes of it.

    Raises:
        CellError: it has none, or its kernels can't be built.
    """
    fuse: Any = getattr(model, "fuse", None)
    if not callable(fuse):
        reason = f"{type(model).__name__} has no native form (a method `fuse`)."
        raise CellError(Status.UNSUPPORTED, reason)
    try:
        fused: nn.Module = fuse()
    except RuntimeError as error:
        raise CellError(Status.UNSUPPORTED, str(error)) from error
    return Prepared(fused.eval(), f"torch {torch.__version__}", "float32", "passive")
