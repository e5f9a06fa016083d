"""The rules behind the paper's “GFLOPs”, as far as they can be known.

The paper's notebook used a release of thop. As released today, thop multiplies a transposed
convolution by its output positions (``stride`` times too often) and adds a convolution's bias.
The paper's numbers for the three sizes of SuDoRM-RF, though, lie on a line whose fixed part
does not allow for that factor: they fit the same rules with transposed convolutions counted
once, and norms and activations counted too.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch

from bench.counting.counter import ALL_MATMULS, EveryOperator, name_arguments
from bench.counting.matmul import Arguments
from bench.counting.other_counters import Counted
from bench.counting.recurrent import WholeRecurrentLayers

aten = torch.ops.aten
Rules = Mapping[Any, Callable[[Arguments], int]]


def _bias(call: Arguments) -> int:
    n_elements: int = call["out"].numel()
    return 0 if call["bias"] is None else n_elements


def _at_output_positions(call: Arguments) -> int:
    """Weights times output positions, also of a transposed convolution, and the bias."""
    out = call["out"]
    in_chan = 0 if call["transposed"] else 1
    weight = call["weight"]
    per_output = weight.shape[in_chan] * prod(weight.shape[2:])
    if call["transposed"]:
        per_output //= call["groups"]
    return int(per_output * out.numel()) + _bias(call)


def _elements(factor: int) -> Callable[[Arguments], int]:
    def count(call: Arguments) -> int:
        out = call["out"]
        return factor * int((out[0] if isinstance(out, tuple) else out).numel())

    return count


THOP: Rules = {**ALL_MATMULS, aten.convolution: _at_output_positions}
"""thop 0.1.1: the column that the paper's numbers for the other networks fit best."""

TRANSPOSED_ONCE: Rules = {
    **ALL_MATMULS,
    aten.convolution: lambda call: ALL_MATMULS[aten.convolution](call) + _bias(call),
    aten.native_group_norm: _elements(4),
    aten._prelu_kernel: _elements(1),
    aten.upsample_nearest1d: _elements(1),
    aten._softmax: _elements(2),
}
"""The same without the factor, with norms, activations and upsampling."""


def count_by_rules(counted: Counted, rules: Rules) -> float:
    """What a step adds up to by the rules for its operators; others are nothing."""
    total = 0

    def add_operator(func: Any, args: Any, kwargs: Any, out: Any) -> None:
        nonlocal total
        rule = rules.get(func._overloadpacket)
        if rule is not None:
            total += rule({**name_arguments(func, args, kwargs), "out": out})

    with EveryOperator(add_operator), WholeRecurrentLayers():
        counted.run()
    return float(total)
