"""The authors' two networks by hand, over state dicts in their names.

Written from the paper and from the facts about their code, with none of ``models``' names: what
is read from a checkpoint is held against this.
"""

import math

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
)

EPS = 1e-8


def sudormrf(weights: Parameters, mixture: Tensor) -> Tensor:
    """The code behind Table 1: ``[batch, 1, time] -> [batch, n_src, time]``."""
    stride = weights["encoder.0.weight"].shape[-1] // 2
    padded = extend(mixture, 0, -mixture.shape[-1] % math.lcm(stride, 2 ** n_levels(weights)))
    encoded = relu(convolution(padded, part(weights, "encoder.0"), stride, padding=stride))
    x = global_norm(encoded, part(weights, "ln"), EPS)
    x = convolution(x, part(weights, "l1"))
    for block in parts(weights, "sm"):
        o = global_norm(*named(merge(block, x), block, "conv_1x1_exp"), EPS)
        total = global_norm(x + o, part(block, "module_act.norm"), EPS)
        x = prelu(total, part(block, "module_act.act"))
    if "reshape_before_masks.weight" in weights:
        x = convolution(x, part(weights, "reshape_before_masks"))
    n_filters = x.shape[1]
    latent = slide_across_filters(x, part(weights, "m"), n_before=n_filters - n_filters // 2)
    masks = softmax_over_sources(latent) if latent.shape[1] > 1 else logistic(latent)
    decoded = decode_sources(masks * encoded[:, None], part(weights, "decoder"), stride)
    return decoded[..., : mixture.shape[-1]]


def improved_sudormrf(weights: Parameters, mixture: Tensor) -> Tensor:
    """The improved code: ``[batch, 1, time] -> [batch, n_src, time]``."""
    weights = with_torch_names(weights)
    stride = weights["encoder.weight"].shape[-1] // 2
    padded = extend(mixture, 0, -mixture.shape[-1] % (stride * 2 ** n_levels(weights)))
    silent = {"bias": padded.new_zeros(weights["encoder.weight"].shape[0])}
    encoded = convolution(padded, {**part(weights, "encoder"), **silent}, stride, padding=stride)
    x = convolution(global_norm(encoded, part(weights, "ln"), EPS), part(weights, "bottleneck"))
    for block in parts(weights, "sm"):
        x = x + convolution(merge(block, x), part(block, "res_conv"))
    latent = convolution(prelu(x, part(weights, "mask_net.0")), part(weights, "mask_net.1"))
    n_src = weights["decoder.weight"].shape[1]
    masks = relu(torch.stack(latent.chunk(n_src, dim=1), dim=1))
    decoded = decode_together(masks * encoded[:, None], weights["decoder.weight"], stride)
    return decoded[..., stride : stride + mixture.shape[-1]]


def n_levels(weights: Parameters) -> int:
    """The time resolutions of a block."""
    return len(parts(weights, "sm.0.spp_dw"))


def merge(block: Parameters, x: Tensor) -> Tensor:
    """A block's way down and up, to before its last convolution."""
    q = prelu(global_norm(*named(x, block, "proj_1x1"), EPS), part(block, "proj_1x1.act"))
    d: list[Tensor] = []
    for i, level in enumerate(parts(block, "spp_dw")):
        kernels = part(level, "conv")
        down = depthwise_convolution(d[-1] if d else q, kernels, stride=2 if i else 1, padding=2)
        d.append(global_norm(down, part(level, "norm"), EPS))
    u = d.pop()
    while d:
        u = d.pop() + double_in_time(u)
    return prelu(global_norm(u, part(block, "final_norm.norm"), EPS), part(block, "final_norm.act"))


def named(x: Tensor, block: Parameters, name: str) -> tuple[Tensor, Parameters]:
    """A convolution's output with the parameters of the norm that follows it."""
    return convolution(x, part(block, f"{name}.conv")), part(block, f"{name}.norm")


def with_torch_names(weights: Parameters) -> Parameters:
    """The improved code's norms call their gain gamma and their bias beta."""
    return {
        name.replace(".gamma", ".weight").replace(".beta", ".bias"): tensor
        for name, tensor in weights.items()
    }
