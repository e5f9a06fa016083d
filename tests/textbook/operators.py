"""Textbook operators on ``[batch, channels, time]``, each from its definition.

Parameters come as a mapping from torch's names (``weight``, ``bias``) to tensors.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

Parameters = Mapping[str, Tensor]


def part(parameters: Parameters, name: str) -> Parameters:
    """The parameters below ``name``, their names without it."""
    prefix = name + "."
    return {
        key.removeprefix(prefix): tensor
        for key, tensor in parameters.items()
        if key.startswith(prefix)
    }


def parts(parameters: Parameters, name: str) -> list[Parameters]:
    """The parameters below ``name.0``, ``name.1`` and so on, as many as there are."""
    below = part(parameters, name)
    n_parts = len({key.split(".")[0] for key in below})
    return [part(below, str(index)) for index in range(n_parts)]


def extend(signal: Tensor, n_before: int, n_after: int) -> Tensor:
    """Zeros written before and after the last axis."""
    before = signal.new_zeros(*signal.shape[:-1], n_before)
    after = signal.new_zeros(*signal.shape[:-1], n_after)
    return torch.cat([before, signal, after], dim=-1)


def taps(signal: Tensor, kernel_size: int, stride: int, dilation: int) -> list[Tensor]:
    """For each tap of a kernel, the samples it sees, one for each output frame."""
    n_frames = (signal.shape[-1] - dilation * (kernel_size - 1) - 1) // stride + 1
    return [
        signal[..., tap * dilation : tap * dilation + (n_frames - 1) * stride + 1 : stride]
        for tap in range(kernel_size)
    ]


def convolution(
    signal: Tensor, parameters: Parameters, stride: int = 1, padding: int = 0
) -> Tensor:
    """One matrix ``[out, in]`` for each tap."""
    weight, bias = parameters["weight"], parameters["bias"]  # [out, in, kernel_size], [out]
    seen = taps(extend(signal, padding, padding), weight.shape[-1], stride, dilation=1)
    products = [weight[:, :, tap] @ samples for tap, samples in enumerate(seen)]
    return torch.stack(products).sum(dim=0) + bias[:, None]


def depthwise_convolution(
    signal: Tensor, parameters: Parameters, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """Each channel times its own number, for each tap."""
    weight, bias = parameters["weight"], parameters["bias"]  # [channels, 1, kernel_size]
    seen = taps(extend(signal, padding, padding), weight.shape[-1], stride, dilation)
    products = [weight[:, :, tap] * samples for tap, samples in enumerate(seen)]
    return torch.stack(products).sum(dim=0) + bias[:, None]


def transposed_convolution(signal: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """Every frame adds its scaled kernel, ``stride`` samples after the last one."""
    batch, _, n_frames = signal.shape
    _, out_chan, kernel_size = weight.shape
    total = signal.new_zeros(batch, out_chan, (n_frames - 1) * stride + kernel_size)
    for frame in range(n_frames):
        kernels = torch.einsum("bi,iok->bok", signal[:, :, frame], weight)
        total[:, :, frame * stride : frame * stride + kernel_size] += kernels
    return total + bias[:, None]


def decode_sources(masked: Tensor, parameters: Parameters, stride: int) -> Tensor:
    """One transposed convolution for each source of ``[batch, n_src, n_filters, frames]``.

    Starts ``stride`` samples late, where the padding of the encoder ended, and is as long as
    the frames say: ``frames * stride``.
    """
    n_src, n_filters, n_frames = masked.shape[1:]
    weights = parameters["weight"].reshape(n_src, n_filters, 1, -1)
    estimates = [
        transposed_convolution(
            masked[:, source], weights[source], parameters["bias"][source : source + 1], stride
        )
        for source in range(n_src)
    ]
    return torch.cat(estimates, dim=1)[..., stride : stride + n_frames * stride]


def decode_together(masked: Tensor, weight: Tensor, stride: int) -> Tensor:
    """One transposed convolution over the channels of all sources, uncut and without bias.

    ``[batch, n_src, n_filters, frames] -> [batch, n_src, (frames - 1) * stride + kernel_size]``.
    """
    bias = weight.new_zeros(weight.shape[1])
    return transposed_convolution(masked.flatten(1, 2), weight, bias, stride)


def slide_across_filters(latent: Tensor, parameters: Parameters, n_before: int) -> Tensor:
    """For each source a kernel of ``n_filters + 1`` slid along the filter axis.

    ``[batch, n_filters, frames] -> [batch, n_src, n_filters, frames]``; ``n_before`` zeros lie
    before the first filter.
    """
    kernels = parameters["weight"][:, 0, :, 0]  # [n_src, n_filters + 1]
    n_filters = latent.shape[1]
    rows = extend(latent.transpose(1, 2), n_before, n_filters).transpose(1, 2)
    masks = []
    for kernel, bias in zip(kernels, parameters["bias"], strict=True):
        windows = [rows[:, first : first + n_filters + 1] for first in range(n_filters)]
        slid = [(kernel[:, None] * window).sum(dim=1) + bias for window in windows]
        masks.append(torch.stack(slid, dim=1))
    return torch.stack(masks, dim=1)


def standardise(signal: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """Zero mean and unit variance over ``axes``."""
    centred = signal - signal.mean(dim=axes, keepdim=True)
    variance = centred.square().mean(dim=axes, keepdim=True)
    return centred / (variance + eps).sqrt()


def global_norm(signal: Tensor, parameters: Parameters, eps: float) -> Tensor:
    """gLN: moments over channels and time, gain and bias for each channel."""
    gain, bias = parameters["weight"].reshape(-1, 1), parameters["bias"].reshape(-1, 1)
    return standardise(signal, (1, 2), eps) * gain + bias


def temporal_norm(signal: Tensor, parameters: Parameters, eps: float) -> Tensor:
    """Moments over time for each channel on its own, gain and bias for each channel."""
    gain, bias = parameters["weight"].reshape(-1, 1), parameters["bias"].reshape(-1, 1)
    return standardise(signal, (2,), eps) * gain + bias


def prelu(signal: Tensor, parameters: Parameters) -> Tensor:
    """Negative samples times the slope: one for all channels, or one for each."""
    return torch.where(signal > 0, signal, parameters["weight"][:, None] * signal)


def relu(signal: Tensor) -> Tensor:
    """Negative samples are zero."""
    return torch.where(signal > 0, signal, 0.0)


def logistic(signal: Tensor) -> Tensor:
    """1 / (1 + e^-x)."""
    return 1 / (1 + torch.exp(-signal))


def softmax_over_sources(latent: Tensor) -> Tensor:
    """Each source's share of the exponentials; the largest is taken out so that none overflows."""
    exponentials = torch.exp(latent - latent.max(dim=1, keepdim=True).values)
    return exponentials / exponentials.sum(dim=1, keepdim=True)


def gated_linear_unit(signal: Tensor) -> Tensor:
    """The first half of the channels, gated by the second."""
    half = signal.shape[1] // 2
    return signal[:, :half] * logistic(signal[:, half:])


def double_in_time(signal: Tensor) -> Tensor:
    """Nearest-neighbour interpolation by two."""
    return signal.repeat_interleave(2, dim=-1)
