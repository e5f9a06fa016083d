"""The decoder: from masked frames to samples."""

import torch.nn.functional as F
from torch import Tensor, nn

from models.config import SuDoRMRFConfig


class Decoder(nn.ConvTranspose1d):
    """Section 2.3: a transposed convolution for each source, or one over all of them.

    Computed as one matrix product, which gives every frame its ``kernel_size`` samples, and an
    overlap-add: the same sums in another order, in a fraction of the time. What the padding of the
    mixture put before it is cut off.
    Shape: ``[batch, n_src * n_filters, frames] -> [batch, n_src, time]``.
    """

    computes_as_defined = False  # True: torch's transposed convolution

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__(
            config.n_src * config.n_filters,
            config.n_src,
            config.kernel_size,
            stride=config.stride,
            padding=config.n_cut,
            output_padding=config.stride - 1,
            groups=config.n_src if config.decoders == "one_per_source" else 1,
            bias=not config.is_later_code,
        )
        self.n_cut = config.n_cut

    def forward(self, masked: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.computes_as_defined:
            return super().forward(masked, output_size)
        return self.add_bias(self.overlap_add(masked, self.n_cut))

    def overlap_add(self, masked: Tensor, n_cut: int) -> Tensor:
        """The sums of the frames without bias, ``(frames + 2) * stride`` samples less the cuts."""
        kernel_size, stride = self.kernel_size[0], self.stride[0]
        filters = self.weight.unflatten(0, (self.groups, -1)).flatten(2).mT
        samples = filters @ masked.unflatten(1, (self.groups, -1))
        return F.fold(
            samples.flatten(1, 2),  # [batch, n_src * kernel_size, frames]
            output_size=(1, (masked.shape[-1] + 2) * stride - 2 * n_cut),
            kernel_size=(1, kernel_size),
            stride=(1, stride),
            padding=(0, n_cut),
        ).squeeze(2)

    def add_bias(self, decoded: Tensor) -> Tensor:
        """The samples with their source's bias, where there is one."""
        return decoded if self.bias is None else decoded + self.bias[:, None]
