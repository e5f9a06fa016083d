"""PyTorch as it is: every operator by itself."""

from collections.abc import Callable

from torch import Tensor, nn


def prepare(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network itself."""
    return model
