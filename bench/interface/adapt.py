"""Networks of other shapes than the contract's, wrapped in one line."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Takes = Literal["[batch, channels, time]", "[batch, time]"]
TAKES: tuple[Takes, ...] = ("[batch, channels, time]", "[batch, time]")


def adapt(
    network: nn.Module,
    *,
    takes: Takes = "[batch, channels, time]",
    channels: int = 1,
    pick: int | str | None = None,
) -> nn.Module:
    """A network that maps ``[batch, 1, time]`` to ``[batch, n_src, time]``, whatever is inside.

    ``takes`` is what the network wants, with the mixture on each of its ``channels``. Of what it
    returns, ``pick`` takes one item, by index or key. A list, tuple or dictionary of estimates is
    stacked; the channels of ``[batch, n_src, channels, time]`` are averaged; ``[batch, time]`` is
    one source; ``[batch, time, n_src]`` is turned. Estimates of another length are cut or filled
    up with zeros at the end.

    Raises:
        ValueError: ``takes`` is none of the two, ``channels`` is below 1, or several channels have
            no place in ``[batch, time]``.
    """
    if takes not in TAKES:
        raise ValueError(f"takes must be one of {', '.join(TAKES)}, not {takes!r}")
    if channels < 1 or (channels > 1 and takes == "[batch, time]"):
        raise ValueError(f"a network that takes {takes} can't have {channels} channels")
    return Adapted(network, takes, channels, pick)


class Adapted(nn.Module):
    """See ``adapt``. Shape: ``[batch, 1, time] -> [batch, n_src, time]``."""

    def __init__(
        self, network: nn.Module, takes: Takes, channels: int, pick: int | str | None
    ) -> None:
        super().__init__()
        self.network = network
        self.takes, self.channels, self.pick = takes, channels, pick

    def forward(self, mixture: Tensor) -> Tensor:
        """Give the network what it takes, and return what the contract wants."""
        if self.takes == "[batch, time]":
            returned = self.network(mixture[:, 0])
        else:
            returned = self.network(mixture.expand(-1, self.channels, -1))
        if self.pick is not None:
            returned = returned[self.pick]
        return as_estimates(returned, mixture)


def as_estimates(returned: object, mixture: Tensor) -> Tensor:
    """What a network returned, as ``[batch, n_src, time]``.

    Raises:
        TypeError: it is no tensor, nor a list, tuple or dictionary of tensors.
        ValueError: its shape means nothing.
    """
    if isinstance(returned, Mapping):
        returned = tuple(returned.values())
    if isinstance(returned, Sequence) and all(isinstance(item, Tensor) for item in returned):
        returned = torch.stack([_one_source(item) for item in returned], dim=1)
    if not isinstance(returned, Tensor):
        raise TypeError(f"estimates must be tensors, not {type(returned).__name__}")
    n_samples = mixture.shape[-1]
    if returned.ndim == 2:
        returned = returned.unsqueeze(1)  # [batch, 1, time]
    elif returned.ndim == 4:
        returned = returned.mean(2)  # [batch, n_src, time]
    if returned.ndim != 3:
        raise ValueError(f"a tensor {list(returned.shape)} holds no estimates")
    if returned.shape[-1] != n_samples == returned.shape[1]:
        returned = returned.transpose(1, 2)  # from [batch, time, n_src]
    return F.pad(returned, (0, n_samples - returned.shape[-1]))


def _one_source(estimate: Tensor) -> Tensor:
    """``[batch, time]``, or the average of the channels of ``[batch, channels, time]``."""
    return estimate if estimate.ndim == 2 else estimate.mean(1)
