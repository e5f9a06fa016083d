"""Networks for music, on a mixture that everything here takes: one channel in, one out."""

from torch import Tensor, nn
from torch.nn import functional as F


class OneChannel(nn.Module):
    """Gives a network the mixture on each of its channels, and averages those of its estimates.

    Estimates that lose samples at the end get zeros there.

    Shape: ``[batch, 1, time] -> [batch, n_src, time]``; inside
    ``[batch, channels, time] -> [batch, n_src, channels, time]``.
    """

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network, self.channels = network, channels

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.network(mixture.expand(-1, self.channels, -1))
        n_missing = mixture.shape[-1] - estimates.shape[-1]
        return F.pad(estimates.mean(2), (0, n_missing))
