"""SuDoRM-RF: Efficient Networks for Universal Audio Source Separation.

E. Tzinis, Z. Wang, P. Smaragdis, MLSP 2020, arXiv:2007.06833. Implements Figures 1 and 2,
Algorithm 1, the three configurations of section 3.4 (the last rows of Table 1), those of Table 2,
the authors' later networks (improved, with group communication, causal), and a causal form of the
improved one (the paper's future work). Not here: training.

The paper's text and the code that its Table 1 was measured with differ in five points (the
norm, two activations, the last norm of a block, the mask head). The improved code differs from it
in seven: no bias and no ReLU in the encoder, PReLUs with one slope for all channels, no norm after
a block's contraction, no norm and activation after its residual sum, a PReLU before a point-wise
mask head, a decoder without bias, and another padding. All are built here from the same parts:
``SuDoRMRFConfig.variant`` says which.

Shapes: ``frames`` is the number of encoder hops, ``padded_time / (kernel_size // 2)``.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import CAUSAL_V3_KERNEL, RESAMPLING_KERNEL, RESAMPLING_STRIDE, zeros_around
from models.config import SuDoRMRFConfig as SuDoRMRFConfig
from models.config import padded_length as padded_length
from models.decoder import Decoder
from models.group_communication import GroupCommunicationBlock, TransformAverageConcatenate
from models.masks import PointwiseMaskHead, SlidingMaskHead
from models.past import Gain, PastConv1d

EPS = 1e-8

Extend = Callable[[Tensor], Tensor]
"""Puts before a depth-wise convolution's frames those that its first window sees."""


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


class FrameNorm(nn.Module):
    """Moments over the channels of each frame on its own: the causal networks' norm.

    Moments over all frames so far would depend on how long a stream has run, so that a network
    trained on seconds would meet others after minutes; and they are one more state.
    Shape: ``[batch, n_chan, frames] -> [batch, n_chan, frames]``.
    """

    def __init__(self, n_chan: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_chan, 1))
        self.bias = nn.Parameter(torch.zeros(n_chan, 1))

    def forward(self, features: Tensor) -> Tensor:
        # Layer norm takes moments along the last axis only, and a transposed copy costs more.
        centred = features - features.mean(dim=1, keepdim=True)
        variance = centred.square().mean(dim=1, keepdim=True)
        return torch.addcmul(self.bias, centred * (variance + EPS).rsqrt(), self.weight)


def make_norm(n_chan: int, config: SuDoRMRFConfig) -> nn.Module:
    """The normalisation that the configuration names."""
    if config.norm == "gln":
        return nn.GroupNorm(1, n_chan, eps=EPS)
    if config.norm == "none":
        return nn.Identity()
    return TemporalNorm(n_chan) if config.norm == "ln" else FrameNorm(n_chan)


def make_prelu(n_chan: int, config: SuDoRMRFConfig) -> nn.PReLU:
    """A slope for each channel (definition 2.4), or one for all in the later codes."""
    return nn.PReLU(1 if config.is_later_code else n_chan)


def make_block_end(config: SuDoRMRFConfig) -> nn.Sequential:
    """What follows a block's residual sum; nothing in the later codes."""
    if config.is_later_code:
        return nn.Sequential()
    norm = make_norm(config.bn_chan, config) if config.variant == "code" else nn.Identity()
    return nn.Sequential(norm, make_prelu(config.bn_chan, config))


class UConvBlock(nn.Module):
    """U-ConvBlock (Figure 2, Algorithm 1): expand, go down in time, come up adding, contract.

    Shape: ``[batch, bn_chan, frames] -> [batch, bn_chan, frames]``, where ``frames`` is a
    multiple of ``2 ** (upsampling_depth - 1)``. In a causal network ``extend`` replaces the zeros
    before each level's frames by the frames that came before, when there were some.
    """

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__()
        bn_chan, hid_chan = config.bn_chan, config.hid_chan
        self.expand = nn.Sequential(
            nn.Conv1d(bn_chan, hid_chan, 1),
            make_norm(hid_chan, config),
            make_prelu(hid_chan, config),
        )
        self.levels = nn.ModuleList(
            self._make_level(1 if level == 0 else RESAMPLING_STRIDE, config)
            for level in range(config.upsampling_depth)
        )
        self.contract = make_contraction(config)
        self.activate = make_block_end(config)
        self.extend: Extend = keep
        if config.is_causal:
            self.extend = partial(extend_by_zeros, n_frames=config.n_past_frames)

    @staticmethod
    def _make_level(stride: int, config: SuDoRMRFConfig) -> nn.Sequential:
        """One depth-wise convolution of the way down."""
        hid_chan = config.hid_chan
        if config.variant == "causal_v3":
            windows = PastConv1d(
                hid_chan, hid_chan, CAUSAL_V3_KERNEL, stride=stride, groups=hid_chan
            )
            return nn.Sequential(windows, make_prelu(hid_chan, config))
        level: list[nn.Module] = [
            nn.Conv1d(
                hid_chan,
                hid_chan,
                RESAMPLING_KERNEL,
                stride=stride,
                padding=0 if config.is_causal else RESAMPLING_KERNEL // 2,
                groups=hid_chan,
            ),
            make_norm(hid_chan, config),
        ]
        if config.variant == "text":
            level.append(make_prelu(hid_chan, config))
        return nn.Sequential(*level)

    def forward(self, features: Tensor, extend: Extend | None = None) -> Tensor:
        extend = extend or self.extend
        resolutions = []
        level_features = self.expand(features)  # [batch, hid_chan, frames]
        for level in self.levels:
            level_features = level(extend(level_features))  # [batch, hid_chan, frames / 2 ** i]
            resolutions.append(level_features)
        merged = resolutions.pop()  # [batch, hid_chan, frames / 2 ** Q]
        while resolutions:
            # A coarse frame never ends after the first of the fine frames it is copied to.
            upsampled = F.interpolate(merged, scale_factor=float(RESAMPLING_STRIDE))
            merged = resolutions.pop() + upsampled  # [batch, hid_chan, frames / 2 ** i]
        contracted: Tensor = self.contract(merged)  # [batch, bn_chan, frames]
        activated: Tensor = self.activate(features + contracted)
        return activated


def make_contraction(config: SuDoRMRFConfig) -> nn.Sequential:
    """From a block's merged resolutions to what is added to its input."""
    hid_chan, bn_chan = config.hid_chan, config.bn_chan
    pointwise = nn.Conv1d(hid_chan, bn_chan, 1)
    if config.variant == "causal_v3":
        return nn.Sequential(pointwise, Gain())
    layers = [make_norm(hid_chan, config), make_prelu(hid_chan, config), pointwise]
    if not config.is_later_code:
        layers.append(make_norm(bn_chan, config))
    return nn.Sequential(*layers)


def make_block(config: SuDoRMRFConfig) -> nn.Module:
    """One block, or one that all groups of channels pass on their own after an exchange."""
    if config.n_groups is None:
        return UConvBlock(config)
    narrow = config.of_one_group
    exchange = TransformAverageConcatenate(
        narrow.bn_chan, norm=make_norm(narrow.bn_chan, narrow), n_groups=config.n_groups
    )
    return GroupCommunicationBlock(exchange, UConvBlock(narrow))


def extend_by_zeros(frames: Tensor, n_frames: int) -> Tensor:
    """For causal windows, where nothing came before."""
    return F.pad(frames, (n_frames, 0))


def keep(frames: Tensor) -> Tensor:
    """For centred windows: the convolutions put zeros on both sides themselves."""
    return frames


class Separator(nn.Module):
    """The separator (section 2.2): from the encoded mixture to one mask for each source.

    Shape: ``[batch, n_filters, frames] -> [batch, n_src, n_filters, frames]``. With a softmax, the
    masks of a frame sum to one over the sources (equation 6); of a single source, a sigmoid is
    taken, because a softmax over one source is one whatever the network says.
    """

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__()
        self.config = config
        self.bottleneck = nn.Sequential(
            make_norm(config.n_filters, config), nn.Conv1d(config.n_filters, config.bn_chan, 1)
        )
        self.blocks = nn.ModuleList(make_block(config) for _ in range(config.n_blocks))
        head = SlidingMaskHead if config.variant == "code" else PointwiseMaskHead
        self.mask_head: SlidingMaskHead | PointwiseMaskHead = head(config)
        if config.mask_activation == "prelu":
            self.mask_activation = nn.PReLU()

    def forward(self, encoded: Tensor, extend: Extend | None = None) -> Tensor:
        features = self.bottleneck(encoded)  # [batch, bn_chan, frames]
        for block in self.blocks:
            features = block(features, extend)
        latent: Tensor = self.mask_head(features)  # [batch, n_src, n_filters, frames]
        if self.config.mask_activation == "relu":
            return latent.relu()
        if self.config.mask_activation == "prelu":
            activated: Tensor = self.mask_activation(latent)
            return activated
        return latent.softmax(dim=1) if self.config.n_src > 1 else latent.sigmoid()


class SuDoRMRF(nn.Module):
    """The whole network (Figure 1): encode, estimate masks, apply them, decode.

    Shape: ``[batch, 1, time] -> [batch, n_src, time]``, any ``batch`` and ``time`` >= 1.

    Raises:
        ValueError: an input of another shape, or without a sample.
    """

    def __init__(self, config: SuDoRMRFConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = make_encoder(config)
        self.separator = Separator(config)
        self.decoder = Decoder(config)

    @property
    def prescribed_consistency(self) -> str | None:
        """What those who trained it do with its estimates: ``mixture``, or nothing.

        ``mixture``: what the sum of the estimates lacks of the mixture is added in equal shares.
        """
        return None if self.config.consistency == "none" else self.config.consistency

    def forward(self, mixture: Tensor) -> Tensor:
        if mixture.ndim != 3 or mixture.shape[1] != 1 or mixture.shape[2] < 1:
            raise ValueError(f"expected a mixture [batch, 1, time >= 1], not {list(mixture.shape)}")
        n_samples = mixture.shape[-1]
        masked = self.mask(F.pad(mixture, zeros_around(n_samples, self.config)))
        decoded: Tensor = self.decoder(masked)  # [batch, n_src, padded_time]
        return decoded[..., :n_samples]

    def mask(self, padded: Tensor, extend: Extend | None = None) -> Tensor:
        """Every source's frames of a padded mixture, ``[batch, n_src * n_filters, frames]``.

        The variant ``causal_v3`` estimates the frames themselves, in the place of masks.
        """
        encoded = self.encoder(padded)  # [batch, n_filters, frames]
        masks: Tensor = self.separator(encoded, extend)  # [batch, n_src, n_filters, frames]
        if self.config.variant == "causal_v3":
            return masks.flatten(1, 2)
        masked: Tensor = masks * encoded.unsqueeze(1)
        return masked.flatten(1, 2)

    def native(self) -> "SuDoRMRF":
        """The same network around the same parameters, its blocks computed by native operators.

        Raises:
            NotBuilt: (of ``models.native``) they can't be built here; the message says why.
        """
        from models.native.network import make_native  # which imports this class

        return make_native(self)

    def fuse(self) -> nn.Module:
        """A copy for inference alone: native operators, everything folded that can be.

        Raises:
            NotBuilt: (of ``models.native``) they can't be built here; the message says why.
        """
        from models.native.fused import FusedSuDoRMRF  # which imports this class

        return FusedSuDoRMRF(self)


def make_encoder(config: SuDoRMRFConfig) -> nn.Sequential:
    """From a padded mixture to its frames."""
    n_filters, kernel_size = config.n_filters, config.kernel_size
    if config.variant == "causal_v3":
        # As many taps lie after the frame: they are parameters and never used.
        windows = PastConv1d(1, n_filters, 2 * kernel_size - 1, stride=config.stride, bias=False)
        return nn.Sequential(windows, nn.Identity())
    is_later = config.is_later_code
    return nn.Sequential(
        nn.Conv1d(1, n_filters, kernel_size, stride=config.stride, bias=not is_later),
        nn.Identity() if is_later else nn.ReLU(),
    )


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
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=16, variant="text", norm="ln"))


def sudormrf_text_0_5x() -> SuDoRMRF:
    """SuDoRM-RF 0.5x as the text has it: 1,497,218 parameters."""
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=8, variant="text", norm="ln"))


def sudormrf_text_0_25x() -> SuDoRMRF:
    """SuDoRM-RF 0.25x as the text has it: 864,386 parameters."""
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=4, variant="text", norm="ln"))
