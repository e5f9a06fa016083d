"""SuDoRM-RF by hand, as the paper's code is ("code") and as its text reads ("text")."""

import torch
from torch import Tensor

from tests.textbook.operators import (
    Parameters,
    convolution,
    decode_sources,
    decode_together,
    depthwise_convolution,
    double_in_time,
    extend,
    global_norm,
    logistic,
    part,
    parts,
    prelu,
    relu,
    slide_across_filters,
    softmax_over_sources,
    temporal_norm,
)

EPS = 1e-8


def sudormrf(
    parameters: Parameters, mixture: Tensor, n_src: int, variant: str, row_2: bool = False
) -> Tensor:
    """``[batch, 1, time] -> [batch, n_src, time]``; Table 2's second row has ReLU, one decoder."""
    n_samples = mixture.shape[-1]
    stride = part(parameters, "encoder.0")["weight"].shape[-1] // 2
    depth = len(parts(parameters, "separator.blocks.0.levels"))
    n_zeros = 0
    while not fits(n_samples + n_zeros, stride, depth):
        n_zeros += 1
    padded = extend(mixture, 0, n_zeros)
    encoded = relu(convolution(padded, part(parameters, "encoder.0"), stride, padding=stride))
    latent = separate(part(parameters, "separator"), encoded, n_src, variant)
    if row_2:
        decoder = part(parameters, "decoder")
        decoded = decode_together(relu(latent) * encoded[:, None], decoder["weight"], stride)
        return decoded[..., stride : stride + n_samples] + decoder["bias"][:, None]
    masked = activate(latent) * encoded[:, None]
    return decode_sources(masked, part(parameters, "decoder"), stride)[..., :n_samples]


def fits(n_samples: int, stride: int, depth: int) -> bool:
    """Whether the encoder and each halving divide without a rest, and 2 ** depth does as well."""
    if n_samples % 2**depth:
        return False
    for divisor in [stride] + [2] * (depth - 1):
        if n_samples % divisor:
            return False
        n_samples //= divisor
    return True


def separate(parameters: Parameters, encoded: Tensor, n_src: int, variant: str) -> Tensor:
    """Norm, bottleneck, blocks, one latent mask for each source."""
    features = norm(encoded, part(parameters, "bottleneck.0"), variant)
    features = convolution(features, part(parameters, "bottleneck.1"))
    for block in parts(parameters, "blocks"):
        features = u_conv_block(block, features, variant)
    return mask_latents(part(parameters, "mask_head"), features, n_src, variant)


def activate(latent: Tensor) -> Tensor:
    """Shares of the sources (equation 6), and of a single source a logistic function."""
    return softmax_over_sources(latent) if latent.shape[1] > 1 else logistic(latent)


def norm(features: Tensor, parameters: Parameters, variant: str) -> Tensor:
    """The code's LN is global, the text's takes each channel on its own."""
    if variant == "code":
        return global_norm(features, parameters, EPS)
    return temporal_norm(features, parameters, EPS)


def u_conv_block(block: Parameters, y: Tensor, variant: str) -> Tensor:
    """Algorithm 1, with its letters."""
    q = convolution(y, part(block, "expand.0"))
    q = prelu(norm(q, part(block, "expand.1"), variant), part(block, "expand.2"))
    d: list[Tensor] = []
    for i, level in enumerate(parts(block, "levels")):
        source = d[-1] if d else q
        down = depthwise_convolution(source, part(level, "0"), stride=2 if i else 1, padding=2)
        down = norm(down, part(level, "1"), variant)
        d.append(prelu(down, part(level, "2")) if variant == "text" else down)
    u = d[-1]
    for i in range(len(d) - 2, -1, -1):
        u = d[i] + double_in_time(u)
    u = prelu(norm(u, part(block, "contract.0"), variant), part(block, "contract.1"))
    o = norm(convolution(u, part(block, "contract.2")), part(block, "contract.3"), variant)
    total = y + o
    if variant == "code":
        total = global_norm(total, part(block, "activate.0"), EPS)
    return prelu(total, part(block, "activate.1"))


def mask_latents(parameters: Parameters, features: Tensor, n_src: int, variant: str) -> Tensor:
    """What the softmax is taken of, ``[batch, n_src, n_filters, frames]``."""
    rows = convolution(features, part(parameters, "pointwise"))
    if variant == "code":
        n_filters = rows.shape[1]
        kernels = part(parameters, "across_filters")
        return slide_across_filters(rows, kernels, n_before=n_filters - n_filters // 2)
    return torch.stack(rows.chunk(n_src, dim=1), dim=1)
