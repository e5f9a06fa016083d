"""Parts of the authors' third causal network: windows that end on their frame, and gains.

That network's convolutions have kernels as for centred windows, of which the half in the future is
set to zero. Its class of convolutions is named after scaled weight standardisation; the published
code standardises nothing, and nothing is standardised here.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PastConv1d(nn.Conv1d):
    """A convolution whose windows see the frame that they belong to and those before.

    It has ``kernel_size`` taps, an odd number, of which the last half are in the future: they count
    as parameters, have no gradient, and are left out of the sums. By ``computes_as_defined`` they
    are in them, as zeros, which operations are counted by.
    Shape: ``[batch, in_channels, kernel_size // 2 + frames] -> [batch, out_channels, frames]``,
    divided by the stride and rounded up; what comes before the first frame is given.
    """

    computes_as_defined = False  # True: all taps, those of the future times zero

    def forward(self, extended: Tensor) -> Tensor:
        n_future = self.kernel_size[0] // 2
        past = self.weight[..., : self.kernel_size[0] - n_future]
        if self.computes_as_defined:
            past, extended = F.pad(past, (0, n_future)), F.pad(extended, (0, n_future))
        return F.conv1d(extended, past, self.bias, self.stride, groups=self.groups)


class Gain(nn.Module):
    """One number times all features, zero at the start: a block then changes nothing.

    Shape: any, and the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        scaled: Tensor = features * self.gain
        return scaled
