"""The authors' group communication and third causal network by hand, over their names.

Written from the papers and from the facts about their code, with none of ``models``' names.
"""

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
)
from tests.textbook.reference_names import EPS, merge, with_torch_names


def groupcomm_sudormrf(weights: Parameters, mixture: Tensor, n_groups: int) -> Tensor:
    """``[batch, 1, time] -> [batch, n_src, time]``, one group of channels after another."""
    weights = with_torch_names(weights)
    stride = weights["encoder.weight"].shape[-1] // 2
    depth = len(parts(weights, "sm.0.UBlock.spp_dw"))
    padded = extend(mixture, 0, -mixture.shape[-1] % (stride * 2**depth))
    silent = {"bias": padded.new_zeros(weights["encoder.weight"].shape[0])}
    encoded = convolution(padded, {**part(weights, "encoder"), **silent}, stride, padding=stride)
    x = convolution(global_norm(encoded, part(weights, "ln"), EPS), part(weights, "bottleneck"))
    for block in parts(weights, "sm"):
        groups = exchange(part(block, "TAC"), list(x.chunk(n_groups, dim=1)))
        inner = part(block, "UBlock")
        changed = [g + convolution(merge(inner, g), part(inner, "res_conv")) for g in groups]
        x = torch.cat(changed, dim=1)
    masks = relu(by_source(weights, x))
    decoded = decode_together(masks * encoded[:, None], weights["decoder.weight"], stride)
    return decoded[..., stride : stride + mixture.shape[-1]]


def exchange(tac: Parameters, groups: list[Tensor]) -> list[Tensor]:
    """Transform, average, concatenate: every group hears of the mean of all."""
    hidden = [dense(group, tac, "TAC_input") for group in groups]
    mean = dense(sum(hidden, torch.zeros_like(hidden[0])) / len(hidden), tac, "TAC_mean")
    told = [dense(torch.cat([own, mean], dim=1), tac, "TAC_output") for own in hidden]
    return [
        group + global_norm(new, part(tac, "TAC_norm"), EPS)
        for group, new in zip(groups, told, strict=True)
    ]


def dense(features: Tensor, tac: Parameters, name: str) -> Tensor:
    """A linear layer over the channels of every frame, then a PReLU."""
    layer = part(tac, f"{name}.0")
    return prelu(layer["weight"] @ features + layer["bias"][:, None], part(tac, f"{name}.1"))


def by_source(weights: Parameters, x: Tensor) -> Tensor:
    """What the mask network makes of the last features, ``[batch, n_src, n_filters, frames]``."""
    latent = convolution(prelu(x, part(weights, "mask_net.0")), part(weights, "mask_net.1"))
    return torch.stack(latent.chunk(weights["decoder.weight"].shape[1], dim=1), dim=1)


def causal_v3_sudormrf(weights: Parameters, mixture: Tensor) -> Tensor:
    """``[batch, 1, time] -> [batch, n_src, time]``, without the taps that lie in the future."""
    stride = weights["decoder.weight"].shape[-1] // 2
    depth = len(parts(weights, "sm.0.spp_dw"))
    padded = extend(mixture, 0, -mixture.shape[-1] % (stride * 2**depth))
    filters = weights["encoder.weight"][..., : 2 * stride + 1]
    silent = filters.new_zeros(filters.shape[0])
    encoded = convolution(
        extend(padded, 2 * stride, 0), {"weight": filters, "bias": silent}, stride
    )
    x = convolution(encoded, part(weights, "bottleneck"))
    for block in parts(weights, "sm"):
        merged = convolution(merge_past(block, x), part(block, "res_conv"))
        x = x + block["skipinit_gain"] * merged
    estimated = prelu(by_source(weights, x), part(weights, "mask_nl_class"))
    decoded = decode_together(estimated, weights["decoder.weight"], stride)
    return decoded[..., stride : stride + mixture.shape[-1]]


def merge_past(block: Parameters, x: Tensor) -> Tensor:
    """A block's way down and up with windows of the 11 frames up to the own, and no norms."""
    q = prelu(convolution(x, part(block, "proj_1x1.conv")), part(block, "proj_1x1.act"))
    d: list[Tensor] = []
    for i, level in enumerate(parts(block, "spp_dw")):
        kernels = part(level, "conv")
        past = {"weight": kernels["weight"][..., :11], "bias": kernels["bias"]}
        source = extend(d[-1] if d else q, 10, 0)
        down = depthwise_convolution(source, past, stride=2 if i else 1)
        d.append(prelu(down, part(level, "act")))
    u = d.pop()
    while d:
        u = d.pop() + double_in_time(u)
    return u
