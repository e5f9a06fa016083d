"""Two-Step TDCN: the separation network of "Two-Step Sound Source Separation".

E. Tzinis, S. Venkataramani, Z. Wang, C. Subakan, P. Smaragdis, ICASSP 2020, arXiv:1910.09804,
in the configuration that the SuDoRM-RF paper measured (Table 1). Not here: the two training
steps; the class has the parts that they need.

Shapes: ``frames`` is ``ceil(time / (kernel_size // 2))``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

EPS = 1e-7


@dataclass(frozen=True)
class TwoStepTDCNConfig:
    """Sizes of one network.

    Raises:
        ValueError: a size below 1, an even or too small kernel, or ``bn_chan`` other than
            ``n_filters`` (the published network has no layer between the two).
    """

    n_filters: int  # <N> encoder filters
    kernel_size: int  # <L> samples of one encoder filter, odd; the hop is its half
    bn_chan: int  # <B> channels between blocks, equal to n_filters in the published network
    hid_chan: int  # <H> channels inside a block
    conv_kernel_size: int  # <P> kernel of the dilated depth-wise convolution, odd
    n_blocks: int  # <X> blocks in one repeat, dilated 1, 2, 4 ...
    n_repeats: int  # <R> repeats
    n_src: int  # <S> sources

    def __post_init__(self) -> None:
        for name in ("n_filters", "bn_chan", "hid_chan", "n_blocks", "n_repeats", "n_src"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name, least in (("kernel_size", 3), ("conv_kernel_size", 1)):
            size = getattr(self, name)
            if size < least or size % 2 == 0:
                raise ValueError(f"{name} must be odd and at least {least}, not {size}")
        if self.bn_chan != self.n_filters:
            raise ValueError(f"bn_chan must be n_filters ({self.n_filters}), not {self.bn_chan}")


class TDCNBlock(nn.Module):
    """Point-wise expansion, dilated depth-wise convolution, point-wise contraction, residual sum.

    Shape: ``[batch, bn_chan, frames] -> [batch, bn_chan, frames]``.
    """

    def __init__(self, dilation: int, config: TwoStepTDCNConfig) -> None:
        super().__init__()
        hid_chan, kernel_size = config.hid_chan, config.conv_kernel_size
        self.layers = nn.Sequential(
            nn.Conv1d(config.bn_chan, hid_chan, 1),
            nn.PReLU(),
            nn.GroupNorm(1, hid_chan, eps=EPS),
            nn.Conv1d(
                hid_chan,
                hid_chan,
                kernel_size,
                padding=dilation * (kernel_size - 1) // 2,
                dilation=dilation,
                groups=hid_chan,
            ),
            nn.PReLU(),
            nn.GroupNorm(1, hid_chan, eps=EPS),
            nn.Conv1d(hid_chan, config.bn_chan, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        residual: Tensor = self.layers(features)
        return features + residual


class MaskHead(nn.Module):
    """A norm, then one kernel slid over the filters for each source, ReLU, softmax over sources.

    Shape: ``[batch, n_filters, frames] -> [batch, n_src, n_filters, frames]``.
    """

    def __init__(self, config: TwoStepTDCNConfig) -> None:
        super().__init__()
        n_filters = config.n_filters
        self.n_filters = n_filters
        self.norm = nn.GroupNorm(1, n_filters, eps=EPS)
        self.across_filters = nn.Conv2d(
            1, config.n_src, (n_filters + 1, 1), padding=(n_filters - n_filters // 2, 0)
        )

    def forward(self, features: Tensor) -> Tensor:
        latent: Tensor = self.across_filters(self.norm(features).unsqueeze(1))
        latent = latent[:, :, : self.n_filters]  # an odd n_filters leaves one row too many
        return latent.relu().softmax(dim=1)  # [batch, n_src, n_filters, frames]


class TwoStepTDCN(nn.Module):
    """Encode, estimate masks, apply them, decode.

    Shape: ``[batch, 1, time] -> [batch, n_src, time]``, any ``batch`` and ``time`` >= 1.
    """

    def __init__(self, config: TwoStepTDCNConfig) -> None:
        super().__init__()
        n_filters, kernel_size = config.n_filters, config.kernel_size
        stride = kernel_size // 2
        self.encoder = nn.Sequential(
            nn.Conv1d(1, n_filters, kernel_size, stride=stride, padding=stride), nn.ReLU()
        )
        self.bottleneck = nn.Sequential(
            nn.GroupNorm(1, n_filters, eps=EPS), nn.Conv1d(n_filters, config.bn_chan, 1)
        )
        self.blocks = nn.Sequential(
            *(
                TDCNBlock(2**block, config)
                for _ in range(config.n_repeats)
                for block in range(config.n_blocks)
            )
        )
        self.mask_head = MaskHead(config)
        self.decoder = nn.ConvTranspose1d(
            config.n_src * n_filters,
            config.n_src,
            kernel_size,
            stride=stride,
            padding=stride,
            output_padding=stride - 1,
            groups=config.n_src,
        )

    def forward(self, mixture: Tensor) -> Tensor:
        return self.decode(self.separate_latents(mixture), mixture.shape[-1])

    def separate_latents(self, mixture: Tensor) -> Tensor:
        """The mixture's latents under the estimated masks.

        Shape: ``[batch, 1, time] -> [batch, n_src, n_filters, frames]``.
        """
        encoded: Tensor = self.encoder(mixture)  # [batch, n_filters, frames]
        features = self.blocks(self.bottleneck(encoded))  # [batch, bn_chan, frames]
        masks: Tensor = self.mask_head(features)  # [batch, n_src, n_filters, frames]
        return masks * encoded.unsqueeze(1)

    def ideal_latents(self, mixture: Tensor, sources: Tensor) -> Tensor:
        """The mixture's latents under masks from the sources' own latents: a softmax over them.

        These are the targets of the separator's training (section 2.2 of the two-step paper).
        Shape: ``[batch, 1, time], [batch, n_src, time] -> [batch, n_src, n_filters, frames]``.
        """
        batch, n_src, _ = sources.shape
        signals = torch.cat([mixture, sources], 1).flatten(0, 1).unsqueeze(1)
        encoded: Tensor = self.encoder(signals).unflatten(0, (batch, 1 + n_src))
        masks: Tensor = encoded[:, 1:].softmax(dim=1)
        return masks * encoded[:, :1]

    def decode(self, latents: Tensor, n_samples: int) -> Tensor:
        """One decoder for each source.

        Shape: ``[batch, n_src, n_filters, frames] -> [batch, n_src, n_samples]``.
        """
        decoded: Tensor = self.decoder(latents.flatten(1, 2))  # [batch, n_src, frames * stride]
        return decoded[..., :n_samples]

    def filterbank(self) -> tuple[nn.Module, nn.Module]:
        """What the first training step trains and the second leaves alone."""
        return self.encoder, self.decoder


def two_step_tdcn() -> TwoStepTDCN:
    """The network of the paper's Table 1: 8,628,038 parameters."""
    return TwoStepTDCN(
        TwoStepTDCNConfig(
            n_filters=256,
            kernel_size=21,
            bn_chan=256,
            hid_chan=512,
            conv_kernel_size=3,
            n_blocks=8,
            n_repeats=4,
            n_src=2,
        )
    )
