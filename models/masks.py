"""The mask heads: from the separator's last features to one latent mask for each source.

The code's head is computed as one matrix product: the same function of the same parameters, up to
rounding, in a fraction of the time (a training step of 0.25x takes an eighth of it). Setting
``computes_as_defined`` brings back its convolutions, by which operations are counted.
"""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from models.config import SuDoRMRFConfig


class SlidingMaskHead(nn.Module):
    """The code's mask head: a point-wise convolution, then one kernel slid over the filters.

    Shape: ``[batch, bn_chan, frames] -> [batch, n_src, n_filters, frames]``.
    """

    computes_as_defined = False  # True: the two convolutions one after the other

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__()
        self.n_filters = config.n_filters
        self.pointwise = nn.Conv1d(config.bn_chan, config.n_filters, 1)
        self.across_filters = nn.Conv2d(
            1,
            config.n_src,
            kernel_size=(config.n_filters + 1, 1),
            padding=(config.n_filters - config.n_filters // 2, 0),
        )

    def forward(self, features: Tensor) -> Tensor:
        if self.computes_as_defined:
            latent = self.pointwise(features).unsqueeze(1)  # [batch, 1, n_filters, frames]
            # An odd n_filters leaves one row too many.
            masks: Tensor = self.across_filters(latent)[:, :, : self.n_filters]
            return masks  # [batch, n_src, n_filters, frames]
        weight, bias = self.fold()
        rows = F.conv1d(features, weight, bias)  # [batch, n_src * n_filters, frames]
        folded: Tensor = rows.unflatten(1, (-1, self.n_filters))
        return folded

    def fold(self) -> tuple[Tensor, Tensor]:
        """Both convolutions as one: ``[n_src * n_filters, bn_chan, 1]`` and its bias."""
        sliding = self.sliding_matrix().flatten(0, 1)  # [n_src * n_filters, n_filters]
        weight = sliding @ self.pointwise.weight.squeeze(-1)
        bias = sliding @ cast(Tensor, self.pointwise.bias)
        own_bias = cast(Tensor, self.across_filters.bias).repeat_interleave(self.n_filters)
        return weight.unsqueeze(-1), bias + own_bias

    def sliding_matrix(self) -> Tensor:
        """The kernels as banded matrices, ``[n_src, n_filters, n_filters]``.

        Sliding multiplies row j of the latent, for row i of the masks, with tap
        ``j - i + n_before``. So each row of the matrix is the one above, moved by one: a window
        on the same taps, with zeros where the kernel does not reach.
        """
        n_before = self.n_filters - self.n_filters // 2
        n_after = self.n_filters - n_before
        taps = self.across_filters.weight[:, 0, :, 0]  # [n_src, n_filters + 1]
        reach = F.pad(taps, (n_after - 1, n_before - 1))  # [n_src, 2 * n_filters - 1]
        return reach.unfold(1, self.n_filters, 1).flip(1)


class PointwiseMaskHead(nn.Module):
    """Equation 5: one point-wise convolution for each source; in later codes after a PReLU.

    Shape: ``[batch, bn_chan, frames] -> [batch, n_src, n_filters, frames]``.
    """

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__()
        self.n_src = config.n_src
        self.activate = nn.PReLU() if config.is_later_code else nn.Identity()
        self.pointwise = nn.Conv1d(config.bn_chan, config.n_src * config.n_filters, 1)

    def forward(self, features: Tensor) -> Tensor:
        rows = self.pointwise(self.activate(features))  # [batch, n_src * n_filters, frames]
        masks: Tensor = rows.unflatten(1, (self.n_src, -1))
        return masks  # [batch, n_src, n_filters, frames]
