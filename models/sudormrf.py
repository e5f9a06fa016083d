"""SuDoRM-RF: Efficient Networks for Universal Audio Source Separation.

E. Tzinis, Z. Wang, P. Smaragdis, MLSP 2020, arXiv:2007.06833. Implements Figures 1 and 2,
Algorithm 1 and the three configurations of section 3.4 (the last rows of Table 1). Not here:
the other rows of Table 2, and training.

The paper's text and the code that its Table 1 was measured with differ in five points (the
norm, two activations, the last norm of a block, the mask head). Both are built here from the
same parts: ``variant="code"`` has the published parameter counts, ``variant="text"`` follows
the printed equations.

The code's mask head and the decoder are computed as matrix products: the same function of the
same parameters, up to rounding, in a fraction of the time (a third of an update step at 1.0x).
Their ``computes_as_defined`` brings back the convolutions, by which operations are counted.

Shapes: ``frames`` is the number of encoder hops, ``padded_time / (kernel_size // 2)``.
"""

import math
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-8
RESAMPLING_KERNEL = 5  # <K_U>, section 3.4
RESAMPLING_STRIDE = 2  # <S_U>, section 3.4


@dataclass(frozen=True)
class SuDoRMRFConfig:
    """Sizes of one network; the defaults are those of section 3.4.

    Raises:
        ValueError: an even or too small ``kernel_size`` (the hop would not divide the padded
            length), any size below 1, or an unknown ``variant``.
    """

    n_blocks: int  # <B> U-ConvBlocks in the separator
    n_src: int = 2  # <N> sources
    kernel_size: int = 21  # <K_E> samples of one encoder filter, odd; the hop is its half
    n_filters: int = 512  # <C_E> encoder filters
    bn_chan: int = 128  # <C> channels between blocks
    hid_chan: int = 512  # <C_U> channels inside a block
    upsampling_depth: int = 5  # <Q> + 1 time resolutions, the full one included
    variant: Literal["code", "text"] = "code"

    def __post_init__(self) -> None:
        if self.kernel_size < 3 or self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd and at least 3, not {self.kernel_size}")
        for name in ("n_blocks", "n_src", "n_filters", "bn_chan", "hid_chan", "upsampling_depth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.variant not in ("code", "text"):
            raise ValueError(f"variant must be 'code' or 'text', not {self.variant!r}")

    @property
    def stride(self) -> int:
        """Samples between two frames."""
        return self.kernel_size // 2


def padded_length(n_samples: int, config: SuDoRMRFConfig) -> int:
    """The smallest length >= ``n_samples`` that every level of the U divides without a rest.

    >>> published = SuDoRMRFConfig(n_blocks=4)
    >>> padded_length(8000, published), padded_length(1, published)
    (8000, 160)
    """
    deepest_hop = config.stride * RESAMPLING_STRIDE ** (config.upsampling_depth - 1)
    multiple = math.lcm(deepest_hop, RESAMPLING_STRIDE**config.upsampling_depth)
    return math.ceil(n_samples / multiple) * multiple


class TemporalNorm(nn.Module):
    """LN as the text defines it: moments over time, for each channel on its own.

    A single frame is allowed (it becomes the bias), which torch's InstanceNorm1d refuses.
    Shape: ``[batch, n_chan, frames] -> [batch, n_chan, frames]``.
    """

    def __init__(self, n_chan: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_chan, 1))
        self.bias = nn.Parameter(torch.zeros(n_chan, 1))

    def forward(self, features: Tensor) -> Tensor:
        return F.layer_norm(features, features.shape[-1:], eps=EPS) * self.weight + self.bias


def make_norm(n_chan: int, config: SuDoRMRFConfig) -> nn.Module:
    """The variant's normalisation: gLN (one group over channels and time) or the text's LN."""
    if config.variant == "code":
        return nn.GroupNorm(1, n_chan, eps=EPS)
    return TemporalNorm(n_chan)


class UConvBlock(nn.Module):
    """U-ConvBlock (Figure 2, Algorithm 1): expand, go down in time, come up adding, contract.

    Shape: ``[batch, bn_chan, frames] -> [batch, bn_chan, frames]``, where ``frames`` is a
    multiple of ``2 ** (upsampling_depth - 1)``.
    """

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__()
        bn_chan, hid_chan = config.bn_chan, config.hid_chan
        self.expand = nn.Sequential(
            nn.Conv1d(bn_chan, hid_chan, 1), make_norm(hid_chan, config), nn.PReLU(hid_chan)
        )
        self.levels = nn.ModuleList(
            self._make_level(1 if level == 0 else RESAMPLING_STRIDE, config)
            for level in range(config.upsampling_depth)
        )
        self.contract = nn.Sequential(
            make_norm(hid_chan, config),
            nn.PReLU(hid_chan),
            nn.Conv1d(hid_chan, bn_chan, 1),
            make_norm(bn_chan, config),
        )
        final_norm = make_norm(bn_chan, config) if config.variant == "code" else nn.Identity()
        self.activate = nn.Sequential(final_norm, nn.PReLU(bn_chan))

    @staticmethod
    def _make_level(stride: int, config: SuDoRMRFConfig) -> nn.Sequential:
        """One depth-wise convolution of the way down."""
        hid_chan = config.hid_chan
        level: list[nn.Module] = [
            nn.Conv1d(
                hid_chan,
                hid_chan,
                RESAMPLING_KERNEL,
                stride=stride,
                padding=RESAMPLING_KERNEL // 2,
                groups=hid_chan,
            ),
            make_norm(hid_chan, config),
        ]
        if config.variant == "text":
            level.append(nn.PReLU(hid_chan))
        return nn.Sequential(*level)

    def forward(self, features: Tensor) -> Tensor:
        resolutions = []
        level_features = self.expand(features)  # [batch, hid_chan, frames]
        for level in self.levels:
            level_features = level(level_features)  # [batch, hid_chan, frames / 2 ** i]
            resolutions.append(level_features)
        merged = resolutions.pop()  # [batch, hid_chan, frames / 2 ** Q]
        while resolutions:
            upsampled = F.interpolate(merged, scale_factor=float(RESAMPLING_STRIDE))
            merged = resolutions.pop() + upsampled  # [batch, hid_chan, frames / 2 ** i]
        contracted: Tensor = self.contract(merged)  # [batch, bn_chan, frames]
        activated: Tensor = self.activate(features + contracted)
        return activated


class CodeMaskHead(nn.Module):
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


class TextMaskHead(nn.Module):
    """Equation 5: one point-wise convolution for each source.

    Shape: ``[batch, bn_chan, frames] -> [batch, n_src, n_filters, frames]``.
    """

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__()
        self.n_src = config.n_src
        self.pointwise = nn.Conv1d(config.bn_chan, config.n_src * config.n_filters, 1)

    def forward(self, features: Tensor) -> Tensor:
        masks: Tensor = self.pointwise(features).unflatten(1, (self.n_src, -1))
        return masks  # [batch, n_src, n_filters, frames]


class Separator(nn.Module):
    """The separator (section 2.2): from the encoded mixture to one mask for each source.

    Shape: ``[batch, n_filters, frames] -> [batch, n_src, n_filters, frames]``. The masks of a
    frame sum to one over the sources (equation 6); of a single source, a sigmoid is taken,
    because a softmax over one source is one whatever the network says.
    """

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__()
        self.n_src = config.n_src
        self.bottleneck = nn.Sequential(
            make_norm(config.n_filters, config), nn.Conv1d(config.n_filters, config.bn_chan, 1)
        )
        self.blocks = nn.Sequential(*(UConvBlock(config) for _ in range(config.n_blocks)))
        head = CodeMaskHead if config.variant == "code" else TextMaskHead
        self.mask_head = head(config)

    def forward(self, encoded: Tensor) -> Tensor:
        features = self.blocks(self.bottleneck(encoded))  # [batch, bn_chan, frames]
        latent: Tensor = self.mask_head(features)  # [batch, n_src, n_filters, frames]
        return latent.softmax(dim=1) if self.n_src > 1 else latent.sigmoid()


class Decoder(nn.ConvTranspose1d):
    """Section 2.3: a transposed convolution for each source, cut to the length of the frames.

    One matrix product gives every frame its ``kernel_size`` samples; frames are then added
    where they overlap. Shape: ``[batch, n_src * n_filters, frames] -> [batch, n_src, time]``.
    """

    computes_as_defined = False  # True: torch's transposed convolution

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__(
            config.n_src * config.n_filters,
            config.n_src,
            config.kernel_size,
            stride=config.stride,
            padding=config.stride,
            output_padding=config.stride - 1,
            groups=config.n_src,
        )
        self.n_cut = config.stride  # samples that the encoder's padding put on each side

    def forward(self, masked: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.computes_as_defined:
            return super().forward(masked, output_size)
        filters = self.weight.unflatten(0, (self.groups, -1)).flatten(2).mT
        samples = filters @ masked.unflatten(1, (self.groups, -1))
        kernel_size, stride, padding = self.kernel_size[0], self.stride[0], self.n_cut
        decoded = F.fold(
            samples.flatten(1, 2),  # [batch, n_src * kernel_size, frames]
            output_size=(1, (masked.shape[-1] + 2) * stride - 2 * padding),
            kernel_size=(1, kernel_size),
            stride=(1, stride),
            padding=(0, padding),
        ).squeeze(2)
        return decoded + cast(Tensor, self.bias)[:, None]


class SuDoRMRF(nn.Module):
    """The whole network (Figure 1): encode, estimate masks, apply them, decode.

    Shape: ``[batch, 1, time] -> [batch, n_src, time]``, any ``batch`` and ``time`` >= 1.

    Raises:
        ValueError: an input of another shape, or without a sample.
    """

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__()
        self.config = config
        kernel_size, stride = config.kernel_size, config.stride
        self.encoder = nn.Sequential(
            nn.Conv1d(1, config.n_filters, kernel_size, stride=stride, padding=stride), nn.ReLU()
        )
        self.separator = Separator(config)
        self.decoder = Decoder(config)

    def forward(self, mixture: Tensor) -> Tensor:
        if mixture.ndim != 3 or mixture.shape[1] != 1 or mixture.shape[2] < 1:
            raise ValueError(f"expected a mixture [batch, 1, time >= 1], not {list(mixture.shape)}")
        n_samples = mixture.shape[-1]
        n_zeros = padded_length(n_samples, self.config) - n_samples
        encoded = self.encoder(F.pad(mixture, (0, n_zeros)))  # [batch, n_filters, frames]
        masks = self.separator(encoded)  # [batch, n_src, n_filters, frames]
        masked = masks * encoded.unsqueeze(1)  # [batch, n_src, n_filters, frames]
        decoded: Tensor = self.decoder(masked.flatten(1, 2))  # [batch, n_src, padded_time]
        return decoded[..., :n_samples]


def sudormrf_1_0x() -> SuDoRMRF:
    """SuDoRM-RF 1.0x, 16 blocks: 2,660,998 parameters."""
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=16))


def sudormrf_0_5x() -> SuDoRMRF:
    """SuDoRM-RF 0.5x, 8 blocks: 1,413,766 parameters."""
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=8))


def sudormrf_0_25x() -> SuDoRMRF:
    """SuDoRM-RF 0.25x, 4 blocks: 790,150 parameters."""
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=4))


def sudormrf_text_1_0x() -> SuDoRMRF:
    """SuDoRM-RF 1.0x as the text has it: 2,762,882 parameters."""
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=16, variant="text"))


def sudormrf_text_0_5x() -> SuDoRMRF:
    """SuDoRM-RF 0.5x as the text has it: 1,497,218 parameters."""
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=8, variant="text"))


def sudormrf_text_0_25x() -> SuDoRMRF:
    """SuDoRM-RF 0.25x as the text has it: 864,386 parameters."""
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=4, variant="text"))
