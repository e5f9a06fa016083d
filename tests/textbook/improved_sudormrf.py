"""The authors' improved SuDoRM-RF by hand; each function says what differs from the first one."""

from collections.abc import Callable

import torch
from torch import Tensor

from tests.textbook.operators import (
    Parameters,
    convolution,
    decode_together,
    depthwise_convolution,
    double_in_time,
    extend,
    global_norm,
    part,
    parts,
    prelu,
    relu,
    standardise,
)

Norm = Callable[[Tensor, Parameters], Tensor]
EPS = 1e-8


def gln(features: Tensor, parameters: Parameters) -> Tensor:
    """Moments over channels and time."""
    return global_norm(features, parameters, EPS)


def improved_sudormrf(parameters: Parameters, mixture: Tensor, n_src: int) -> Tensor:
    """``[batch, 1, time] -> [batch, n_src, time]``."""
    n_samples = mixture.shape[-1]
    stride = part(parameters, "encoder.0")["weight"].shape[-1] // 2
    depth = len(parts(parameters, "separator.blocks.0.levels"))
    n_zeros = -n_samples % (stride * 2**depth)
    padded = extend(mixture, stride, n_zeros + stride)
    encoded = encode(padded, part(parameters, "encoder.0")["weight"], stride)
    masks = separate(part(parameters, "separator"), encoded, n_src, after=2, norm=gln)
    masked = masks * encoded[:, None]
    decoded = decode_together(masked, part(parameters, "decoder")["weight"], stride)
    return decoded[..., stride : stride + n_samples]


def causal_sudormrf(parameters: Parameters, mixture: Tensor, n_src: int) -> Tensor:
    """The same with windows that end on their frame, and moments of each frame on its own."""
    n_samples = mixture.shape[-1]
    stride = part(parameters, "encoder.0")["weight"].shape[-1] // 2
    depth = len(parts(parameters, "separator.blocks.0.levels"))
    n_zeros = -(n_samples + 2 * stride) % (stride * 2 ** (depth - 1))
    padded = extend(mixture, 2 * stride, 2 * stride + n_zeros)
    encoded = encode(padded, part(parameters, "encoder.0")["weight"], stride)
    masks = separate(part(parameters, "separator"), encoded, n_src, after=0, norm=frame_norm)
    masked = masks * encoded[:, None]
    decoded = decode_together(masked, part(parameters, "decoder")["weight"], stride)
    return decoded[..., 2 * stride : 2 * stride + n_samples]


def frame_norm(features: Tensor, parameters: Parameters) -> Tensor:
    """Moments over the channels of each frame."""
    return standardise(features, (1,), EPS) * parameters["weight"] + parameters["bias"]


def encode(padded: Tensor, filters: Tensor, stride: int) -> Tensor:
    """No bias, and nothing that makes the frames positive."""
    without = {"weight": filters, "bias": filters.new_zeros(filters.shape[0])}
    return convolution(padded, without, stride)


def separate(separator: Parameters, encoded: Tensor, n_src: int, after: int, norm: Norm) -> Tensor:
    """One PReLU before the masks, and masks without bound. ``after`` zeros follow each level."""
    features = norm(encoded, part(separator, "bottleneck.0"))
    features = convolution(features, part(separator, "bottleneck.1"))
    for block in parts(separator, "blocks"):
        features = u_conv_block(block, features, after, norm)
    head = part(separator, "mask_head")
    rows = convolution(prelu(features, part(head, "activate")), part(head, "pointwise"))
    return relu(torch.stack(rows.chunk(n_src, dim=1), dim=1))


def u_conv_block(block: Parameters, y: Tensor, after: int, norm: Norm) -> Tensor:
    """Algorithm 1 with one slope for all channels, and nothing after the last convolution."""
    q = convolution(y, part(block, "expand.0"))
    q = prelu(norm(q, part(block, "expand.1")), part(block, "expand.2"))
    d: list[Tensor] = []
    for i, level in enumerate(parts(block, "levels")):
        source = extend(d[-1] if d else q, 4 - after, after)
        down = depthwise_convolution(source, part(level, "0"), stride=2 if i else 1)
        d.append(norm(down, part(level, "1")))
    u = d[-1]
    for i in range(len(d) - 2, -1, -1):
        u = d[i] + double_in_time(u)
    u = prelu(norm(u, part(block, "contract.0")), part(block, "contract.1"))
    return y + convolution(u, part(block, "contract.2"))
