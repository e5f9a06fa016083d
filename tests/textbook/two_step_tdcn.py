"""Two-Step TDCN by hand."""

from torch import Tensor

from tests.textbook.operators import (
    Parameters,
    convolution,
    decode_sources,
    depthwise_convolution,
    global_norm,
    part,
    parts,
    prelu,
    relu,
    slide_across_filters,
    softmax_over_sources,
)

EPS = 1e-7


def two_step_tdcn(parameters: Parameters, mixture: Tensor, n_blocks: int) -> Tensor:
    """``[batch, 1, time] -> [batch, n_src, time]``; dilations start again after ``n_blocks``."""
    n_samples = mixture.shape[-1]
    stride = part(parameters, "encoder.0")["weight"].shape[-1] // 2
    encoded = relu(convolution(mixture, part(parameters, "encoder.0"), stride, padding=stride))
    features = global_norm(encoded, part(parameters, "bottleneck.0"), EPS)
    features = convolution(features, part(parameters, "bottleneck.1"))
    for index, block in enumerate(parts(parameters, "blocks")):
        features = features + residual(part(block, "layers"), features, 2 ** (index % n_blocks))
    features = global_norm(features, part(parameters, "mask_head.norm"), EPS)
    kernels = part(parameters, "mask_head.across_filters")
    latent = slide_across_filters(features, kernels, n_before=features.shape[1] // 2)
    masked = softmax_over_sources(relu(latent)) * encoded[:, None]
    return decode_sources(masked, part(parameters, "decoder"), stride)[..., :n_samples]


def residual(layers: Parameters, features: Tensor, dilation: int) -> Tensor:
    """Expand, PReLU, norm, dilated depth-wise convolution, PReLU, norm, contract."""
    hidden = prelu(convolution(features, part(layers, "0")), part(layers, "1"))
    hidden = global_norm(hidden, part(layers, "2"), EPS)
    reach = part(layers, "3")["weight"].shape[-1] // 2 * dilation
    hidden = depthwise_convolution(hidden, part(layers, "3"), padding=reach, dilation=dilation)
    hidden = global_norm(prelu(hidden, part(layers, "4")), part(layers, "5"), EPS)
    return convolution(hidden, part(layers, "6"))
