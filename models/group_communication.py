"""Group communication: channels in groups that share a narrow block, and exchange before it.

Y. Luo, C. Han, N. Mesgarani, "Group Communication with Context Codec for Lightweight Source
Separation", TASLP 2021, arXiv:2012.07291, after transform-average-concatenate (Y. Luo et al.,
ICASSP 2020, arXiv:1910.14104), as E. Tzinis et al. put them into SuDoRM-RF: "Compute and Memory
Efficient Universal Sound Source Separation", Journal of Signal Processing Systems 2022,
arXiv:2103.02644.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN_RATIO = 3  # hidden units of an exchange for each of a group's channels


class TransformAverageConcatenate(nn.Module):
    """What groups tell each other: each adds what it makes of itself and of the mean of all.

    In every frame each group's channels are transformed, the mean of all groups is transformed
    once more, both are joined and brought back to the group's channels, all by layers that the
    groups share. The joining layer is a sum of two products, of which that with the mean is the
    same for all groups: it is computed once, unless ``computes_as_defined``.
    Shape: ``[batch * n_groups, n_chan, frames]``, and the same.
    """

    computes_as_defined = False  # True: the joined features one group after another

    def __init__(self, n_chan: int, norm: nn.Module, n_groups: int) -> None:
        super().__init__()
        n_hidden = HIDDEN_RATIO * n_chan
        self.n_groups = n_groups
        self.transform = nn.Linear(n_chan, n_hidden)
        self.activate_transformed = nn.PReLU()
        self.average = nn.Linear(n_hidden, n_hidden)
        self.activate_average = nn.PReLU()
        self.concatenate = nn.Linear(2 * n_hidden, n_chan)
        self.activate_joined = nn.PReLU()
        self.norm = norm

    def forward(self, grouped: Tensor) -> Tensor:
        join = self._join_as_defined if self.computes_as_defined else self._join
        told: Tensor = self.norm(self.activate_joined(join(grouped)))
        return grouped + told

    def _join(self, grouped: Tensor) -> Tensor:
        hidden: Tensor = self.activate_transformed(
            pointwise(grouped, self.transform.weight, self.transform.bias)
        )
        mean = hidden.unflatten(0, (-1, self.n_groups)).mean(1)  # [batch, n_hidden, frames]
        mean = self.activate_average(pointwise(mean, self.average.weight, self.average.bias))
        of_own, of_mean = self.concatenate.weight.chunk(2, dim=1)
        own = pointwise(hidden, of_own).unflatten(0, (-1, self.n_groups))
        told = pointwise(mean, of_mean, self.concatenate.bias)  # [batch, n_chan, frames]
        joined: Tensor = own + told.unsqueeze(1)
        return joined.reshape(grouped.shape)

    def _join_as_defined(self, grouped: Tensor) -> Tensor:
        by_frame = grouped.unflatten(0, (-1, self.n_groups)).permute(0, 3, 1, 2)
        hidden = self.activate_transformed(self.transform(by_frame))
        mean = self.activate_average(self.average(hidden.mean(2)))  # [batch, frames, n_hidden]
        joined = torch.cat([hidden, mean.unsqueeze(2).expand_as(hidden)], dim=-1)
        told: Tensor = self.concatenate(joined)  # [batch, frames, n_groups, n_chan]
        return told.permute(0, 2, 3, 1).reshape(grouped.shape)


def pointwise(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer over the channels of every frame."""
    return F.conv1d(features, weight.unsqueeze(-1), bias)


class GroupCommunicationBlock(nn.Module):
    """An exchange between groups of channels, then one narrow block for each of them.

    Shape: ``[batch, n_groups * n_chan, frames]``, and the same.
    """

    def __init__(self, exchange: TransformAverageConcatenate, block: nn.Module) -> None:
        super().__init__()
        self.exchange = exchange
        self.block = block

    def forward(self, features: Tensor, extend: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        n_chan = features.shape[1] // self.exchange.n_groups
        groups = features.reshape(-1, n_chan, features.shape[2])
        changed: Tensor = self.block(self.exchange(groups), extend)
        return changed.reshape(features.shape)
