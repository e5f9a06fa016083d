"""The rules behind the paper's “GFLOPs”, as far as they can be known.

The paper's notebook used a release of thop. As released today, thop multiplies a transposed
convolution by its output positions (``stride`` times too often) and adds a convolution's bias.
The paper's numbers for the three sizes of SuDoRM-RF, though, lie on a line whose fixed part
does not allow for that factor: they fit the same rules with transposed convolutions counted
once, and norms and activations counted too.
"""

from collections.abc import Callable
from math import prod

import torch

from bench.counting.additions import Addition
from bench.counting.matmul import MATMULS, Arguments

aten = torch.ops.aten


def _bias(call: Arguments) -> int:
    n_elements: int = call["out"].numel()
    return 0 if call["bias"] is None else n_elements


def _further_positions(call: Arguments) -> int:
    """A transposed convolution's weights times its output positions, less those times its inputs.

    Both count for each item of the batch, as everywhere.
    """
    if not call["transposed"]:
        return 0
    weight = call["weight"]
    per_output = weight.shape[0] * prod(weight.shape[2:]) // call["groups"]
    return int(per_output * call["out"].numel()) - MATMULS[aten.convolution](call)


def _elements(factor: int) -> Callable[[Arguments], int]:
    def count(call: Arguments) -> int:
        out = call["out"]
        return factor * int((out[0] if isinstance(out, tuple) else out).numel())

    return count


BIAS = Addition("bias", aten.convolution, _bias)

THOP = (BIAS, Addition("positions", aten.convolution, _further_positions))
"""thop 0.1.1: the column that the paper's numbers for the other networks fit best."""

TRANSPOSED_ONCE = (
    BIAS,
    Addition("no matmul", aten.native_group_norm, _elements(4)),
    Addition("no matmul", aten._prelu_kernel, _elements(1)),
    Addition("no matmul", aten.upsample_nearest1d, _elements(1)),
    Addition("no matmul", aten._softmax, _elements(2)),
)
"""The same without the factor, with norms, activations and upsampling."""
