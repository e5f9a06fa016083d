"""Demucs v1 by hand."""

import torch
from torch import Tensor

from tests.textbook.operators import (
    Parameters,
    convolution,
    extend,
    gated_linear_unit,
    logistic,
    part,
    parts,
    relu,
    transposed_convolution,
)


def demucs(parameters: Parameters, mixture: Tensor, stride: int, n_zeros: int) -> Tensor:
    """``[batch, 1, time] -> [batch, n_src, time]`` with ``n_zeros`` put on each side first."""
    features = extend(mixture, n_zeros, n_zeros)
    skips = []
    for level in parts(parameters, "encoder"):
        features = relu(convolution(features, part(level, "downsample"), stride))
        features = gated_linear_unit(convolution(features, part(level, "rewrite")))
        skips.append(features)
    features = recur(part(parameters, "bottleneck"), features)
    for level in parts(parameters, "decoder"):
        features = features + middle(skips.pop(), features.shape[-1])
        features = gated_linear_unit(convolution(features, part(level, "rewrite")))
        upsample = part(level, "upsample")
        features = transposed_convolution(features, upsample["weight"], upsample["bias"], stride)
        features = relu(features) if skips else features
    return middle(features, mixture.shape[-1])


def middle(signal: Tensor, n_samples: int) -> Tensor:
    """Samples dropped in turns, the last one first, until ``n_samples`` are left."""
    while signal.shape[-1] > n_samples:
        surplus = signal.shape[-1] - n_samples
        signal = signal[..., :-1] if surplus % 2 else signal[..., 1:]
    return signal


def recur(parameters: Parameters, features: Tensor) -> Tensor:
    """Layers of two LSTMs, one for each direction, then a linear layer."""
    lstm, linear = part(parameters, "lstm"), part(parameters, "linear")
    steps = list(features.unbind(dim=-1))  # one [batch, channels] for each step
    layer = 0
    while f"weight_ih_l{layer}" in lstm:
        forwards = run_lstm(lstm, f"l{layer}", steps)
        backwards = run_lstm(lstm, f"l{layer}_reverse", steps[::-1])[::-1]
        steps = [torch.cat(pair, dim=1) for pair in zip(forwards, backwards, strict=True)]
        layer += 1
    return torch.stack([step @ linear["weight"].T + linear["bias"] for step in steps], dim=-1)


def run_lstm(lstm: Parameters, name: str, steps: list[Tensor]) -> list[Tensor]:
    """One direction of one layer: input, forget and output gates, a cell that starts empty."""
    input_weight, hidden_weight = lstm[f"weight_ih_{name}"], lstm[f"weight_hh_{name}"]
    bias = lstm[f"bias_ih_{name}"] + lstm[f"bias_hh_{name}"]
    hidden = steps[0].new_zeros(len(steps[0]), hidden_weight.shape[1])
    cell = torch.zeros_like(hidden)
    outputs = []
    for step in steps:
        gates = step @ input_weight.T + hidden @ hidden_weight.T + bias
        i, f, g, o = gates.chunk(4, dim=1)
        cell = logistic(f) * cell + logistic(i) * torch.tanh(g)
        hidden = logistic(o) * torch.tanh(cell)
        outputs.append(hidden)
    return outputs
