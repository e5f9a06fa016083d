"""Demucs v1: "Music Source Separation in the Waveform Domain".

A. Défossez, N. Usunier, L. Bottou, F. Bach, 2019, arXiv:1911.13254, in the configuration that
the SuDoRM-RF paper measured (Table 1): mono, two sources, 80 channels. Not here: the later
versions, which pad inside and cost less than half.

Shapes: ``level_time`` is the time left at a level of the U.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class DemucsConfig:
    """Sizes of one network.

    Raises:
        ValueError: a size below 1, negative ``n_zeros``, or ``rescale`` not above 0.
    """

    n_src: int  # <S> sources
    channels: int  # <C_1> channels of the first level; doubled at each further one
    depth: int  # <L> levels
    kernel_size: int  # <K> of the strided convolutions
    stride: int  # <S> of the strided convolutions
    context: int  # kernel of the convolution before each transposed one
    lstm_layers: int
    n_zeros: int  # zeros on each side of the mixture, what the unpadded convolutions eat up
    rescale: float  # reference deviation of the weights at the start

    def __post_init__(self) -> None:
        for name in (
            "n_src", "channels", "depth", "kernel_size", "stride", "context", "lstm_layers",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.n_zeros < 0:
            raise ValueError(f"n_zeros must be at least 0, not {self.n_zeros}")
        if self.rescale <= 0:
            raise ValueError(f"rescale must be above 0, not {self.rescale}")


def output_length(n_samples: int, config: DemucsConfig) -> int:
    """Samples that come out of a padded input of ``n_samples``; 0 where a kernel finds no room.

    Levels drop the rest of a division, so the result moves in steps.
    """
    for _ in range(config.depth):
        n_samples = max(0, (n_samples - config.kernel_size) // config.stride + 1)
    for _ in range(config.depth):
        if n_samples < config.context:
            return 0
        n_samples = (n_samples - config.context) * config.stride + config.kernel_size
    return n_samples


def padding_per_side(n_samples: int, config: DemucsConfig) -> int:
    """Zeros on each side: the published number, or more where that would eat into the output."""
    n_zeros = config.n_zeros
    while output_length(n_samples + 2 * n_zeros, config) < n_samples:
        n_zeros += 1
    return n_zeros


def trim_centre(signal: Tensor, n_samples: int) -> Tensor:
    """The middle ``n_samples`` of ``[..., time]``; an odd surplus loses one more on the right."""
    start = (signal.shape[-1] - n_samples) // 2
    return signal[..., start : start + n_samples]


class EncoderLevel(nn.Module):
    """A strided convolution, ReLU, a point-wise convolution with a gated linear unit.

    Shape: ``[batch, in_chan, level_time] -> [batch, out_chan, level_time / stride]``.
    """

    def __init__(self, in_chan: int, out_chan: int, config: DemucsConfig) -> None:
        super().__init__()
        self.downsample = nn.Conv1d(in_chan, out_chan, config.kernel_size, config.stride)
        self.rewrite = nn.Conv1d(out_chan, 2 * out_chan, 1)

    def forward(self, features: Tensor) -> Tensor:
        return F.glu(self.rewrite(self.downsample(features).relu()), dim=1)


class DecoderLevel(nn.Module):
    """A convolution over its context with a gated linear unit, then a transposed convolution.

    Shape: ``[batch, in_chan, level_time] -> [batch, out_chan, level_time * stride]``, about.
    """

    def __init__(self, in_chan: int, out_chan: int, config: DemucsConfig) -> None:
        super().__init__()
        self.rewrite = nn.Conv1d(in_chan, 2 * in_chan, config.context)
        self.upsample = nn.ConvTranspose1d(in_chan, out_chan, config.kernel_size, config.stride)

    def forward(self, features: Tensor) -> Tensor:
        upsampled: Tensor = self.upsample(F.glu(self.rewrite(features), dim=1))
        return upsampled


class Bottleneck(nn.Module):
    """A bidirectional LSTM that speaks the layout of convolutions, and a linear layer back.

    Shape: ``[batch, channels, level_time] -> [batch, channels, level_time]``.
    """

    def __init__(self, channels: int, lstm_layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, lstm_layers, bidirectional=True)
        self.linear = nn.Linear(2 * channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        hidden, _ = self.lstm(features.permute(2, 0, 1))  # [level_time, batch, 2 * channels]
        projected: Tensor = self.linear(hidden)  # [level_time, batch, channels]
        return projected.permute(1, 2, 0)


class Demucs(nn.Module):
    """The U-Net: down, through the LSTM, up with the skip connections added.

    Shape: ``[batch, 1, time] -> [batch, n_src, time]``, any ``batch`` and ``time`` >= 1.
    """

    def __init__(self, config: DemucsConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.channels * 2**level for level in range(config.depth)]
        self.encoder = nn.ModuleList(
            EncoderLevel(in_chan, out_chan, config)
            for in_chan, out_chan in zip([1, *widths], widths, strict=False)
        )
        self.bottleneck = Bottleneck(widths[-1], config.lstm_layers)
        self.decoder = nn.ModuleList(
            DecoderLevel(in_chan, out_chan, config)
            for in_chan, out_chan in zip(
                reversed(widths), [*reversed(widths[:-1]), config.n_src], strict=True
            )
        )
        rescale_convolutions(self, config.rescale)

    def forward(self, mixture: Tensor) -> Tensor:
        n_samples = mixture.shape[-1]
        n_zeros = padding_per_side(n_samples, self.config)
        features = F.pad(mixture, (n_zeros, n_zeros))  # [batch, 1, padded_time]
        skips = []
        for level in self.encoder:
            features = level(features)  # [batch, channels * 2 ** i, level_time]
            skips.append(features)
        features = self.bottleneck(features)  # [batch, channels * 2 ** (depth - 1), level_time]
        for index, level in enumerate(self.decoder):
            features = level(features + trim_centre(skips.pop(), features.shape[-1]))
            if index < len(self.decoder) - 1:
                features = features.relu()  # [batch, channels * 2 ** i, level_time]
        return trim_centre(features, n_samples)  # [batch, n_src, time]


@torch.no_grad()
def rescale_convolutions(model: nn.Module, reference: float) -> None:
    """Divide weights and biases of each convolution so that deviations come near ``reference``."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
            scale = (module.weight.std() / reference) ** 0.5
            module.weight /= scale
            if module.bias is not None:
                module.bias /= scale


def demucs() -> Demucs:
    """The network of the paper's Table 1: 415,090,082 parameters."""
    return Demucs(
        DemucsConfig(
            n_src=2,
            channels=80,
            depth=6,
            kernel_size=8,
            stride=4,
            context=3,
            lstm_layers=2,
            n_zeros=7210,
            rescale=0.1,
        )
    )
