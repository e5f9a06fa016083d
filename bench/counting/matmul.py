"""Multiply-adds of the operators that are matrix products: pure functions of shapes.

``torch.utils.flop_counter`` supplies the plain products. The formulas here replace its
convolution backward, which counts the weight gradient of a grouped convolution ``groups``
times, and they add the recurrent layers, which it does not know. Attention is in ``attention``.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten

Arguments = Mapping[str, Any]
"""What an operator was called with, by the names of its schema, and its result as ``out``."""


def conv_macs(
    data: Sequence[int], weight: Sequence[int], out: Sequence[int], is_transposed: bool
) -> int:
    """A convolution, from the shapes ``[batch, n_chan, *space]`` of its input and output.

    A convolution uses each weight of ``[out_chan, in_chan / groups, *kernel]`` once for each
    output position; a transposed one, of ``[in_chan, out_chan / groups, *kernel]``, once for
    each input position. Taps that fall on padding count, as everywhere in the literature.
    """
    positions = data if is_transposed else out
    return positions[0] * prod(positions[2:]) * prod(weight)


def rnn_macs(n_steps: int, weights: Sequence[Tensor]) -> int:
    """Recurrent layers over ``n_steps`` (time x batch): each matrix meets each step."""
    return n_steps * sum(weight.numel() for weight in weights if weight.ndim == 2)


def rnn_backward_macs(
    n_steps: int, weights: Sequence[Tensor], n_first: int, needs_input: bool, needs_weights: bool
) -> int:
    """The gradients of recurrent layers: back through every step, and of the weights.

    ``weights`` are in torch's flat order, ``n_first`` of them the first layer's. Its input
    matrices carry no gradient back where the input needs none.
    """
    forward = rnn_macs(n_steps, weights)
    unneeded = 0 if needs_input else rnn_macs(n_steps, first_input_weights(weights[:n_first]))
    return forward - unneeded + (forward if needs_weights else 0)


def first_input_weights(first_layer: Sequence[Tensor]) -> list[Tensor]:
    """The input matrices of one layer: each direction's weights begin with one.

    Directions repeat the same shapes, so the layer splits into equal halves or not at all.
    """
    shapes = [tuple(weight.shape) for weight in first_layer]
    half = len(shapes) // 2
    n_directions = 2 if len(shapes) > 2 and shapes[:half] == shapes[half:] else 1
    return [first_layer[direction * half] for direction in range(n_directions)]


def _convolution(call: Arguments) -> int:
    shapes = call["input"].shape, call["weight"].shape, call["out"].shape
    return conv_macs(*shapes, call["transposed"])


def _plain_convolution(call: Arguments) -> int:
    return conv_macs(call["self"].shape, call["weight"].shape, call["out"].shape, False)


def _convolution_backward(call: Arguments) -> int:
    """Each of the two gradients, where it is asked for, pairs the same numbers as the forward."""
    shapes = call["input"].shape, call["weight"].shape, call["grad_output"].shape
    n_gradients: int = sum(call["output_mask"][:2])
    return n_gradients * conv_macs(*shapes, call["transposed"])


def _mkldnn_rnn(call: Arguments) -> int:
    return rnn_macs(prod(call["input"].shape[:-1]), (call["weight0"], call["weight1"]))


def _mkldnn_rnn_backward(call: Arguments) -> int:
    """One layer and direction. oneDNN computes the input's gradient whether needed or not."""
    return 2 * rnn_macs(prod(call["input"].shape[:-1]), (call["weight1"], call["weight2"]))


def _cudnn_rnn(call: Arguments) -> int:
    return rnn_macs(prod(call["input"].shape[:-1]), call["weight"])


def _cudnn_rnn_backward(call: Arguments) -> int:
    needs_input, _, _, needs_weights = call["output_mask"]
    weights = call["weight"]
    n_first = len(weights) // call["num_layers"]
    n_steps = prod(call["input"].shape[:-1])
    return rnn_backward_macs(n_steps, weights, n_first, needs_input, needs_weights)


def _from_torch(operator: Any) -> Callable[[Arguments], int]:
    """A formula of torch's registry (2 FLOPs a multiply-add), called with the operands."""
    formula = flop_registry[operator]

    def macs(call: Arguments) -> int:
        operands = [
            value for name, value in call.items() if isinstance(value, Tensor) and name != "out"
        ]
        flops: int = formula(*operands, out_val=call["out"])
        return flops // 2

    return macs


MATMULS: dict[Any, Callable[[Arguments], int]] = {
    aten.convolution: _convolution,
    aten._convolution: _convolution,
    aten.mkldnn_convolution: _plain_convolution,
    aten.convolution_backward: _convolution_backward,
    aten.mkldnn_rnn_layer: _mkldnn_rnn,
    aten.mkldnn_rnn_layer_backward: _mkldnn_rnn_backward,
    aten._cudnn_rnn: _cudnn_rnn,
    aten._cudnn_rnn_backward: _cudnn_rnn_backward,
    aten.mv: lambda call: call["self"].numel(),
    aten.dot: lambda call: call["self"].numel(),
    **{
        operator: _from_torch(operator)
        for operator in (aten.mm, aten.addmm, aten.bmm, aten.baddbmm)
    },
}
"""Multiply-adds of each operator that is a matrix product."""


def _output_additions(call: Arguments) -> int:
    out: Tensor = call["out"]
    return out.numel()


def _bias_additions(call: Arguments) -> int:
    return 0 if call["bias"] is None else _output_additions(call)


def _bias_gradient(call: Arguments) -> int:
    grad_output: Tensor = call["grad_output"]
    return grad_output.numel() if call["output_mask"][2] else 0


N_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
CELL_FLOPS = {"lstm": 9, "gru": 8, "rnn": 1}
"""For each hidden unit and step, beside the gates' sums. LSTM: 3 sigmoids, 2 tanhs, f c + i g,
o tanh(c). GRU: 2 sigmoids, a tanh, the reset state, (1 - z) n + z h. Plain: the activation."""

RNN_MODES = {0: "rnn", 1: "rnn", 2: "lstm", 3: "gru"}
"""cuDNN's and oneDNN's numbers of the cells."""


def gate_flops(cell: str, n_units: int, has_biases: bool) -> int:
    """What a recurrent layer does beside its products.

    ``n_units`` counts hidden units over steps, layers and directions. Each gate sums the
    products of input and state, and two biases.
    """
    sums = 3 if has_biases else 1
    return n_units * (N_GATES[cell] * sums + CELL_FLOPS[cell])


def _mkldnn_gates(call: Arguments) -> int:
    n_units = prod(call["input"].shape[:-1]) * call["hidden_size"]
    return gate_flops(RNN_MODES[call["mode"]], n_units, call["has_biases"])


def _cudnn_gates(call: Arguments) -> int:
    n_layers = call["num_layers"] * (2 if call["bidirectional"] else 1)
    n_units = prod(call["input"].shape[:-1]) * call["hidden_size"] * n_layers
    has_biases = any(weight.ndim == 1 for weight in call["weight"])
    return gate_flops(RNN_MODES[call["mode"]], n_units, has_biases)


MORE_FLOPS: dict[Any, Callable[[Arguments], int]] = {
    aten.convolution: _bias_additions,
    aten._convolution: _bias_additions,
    aten.mkldnn_convolution: _bias_additions,
    aten.convolution_backward: _bias_gradient,
    aten.addmm: _output_additions,
    aten.baddbmm: _output_additions,
    aten.mkldnn_rnn_layer: _mkldnn_gates,
    aten.mkldnn_rnn_layer_backward: lambda call: 2 * _mkldnn_gates(call),
    aten._cudnn_rnn: _cudnn_gates,
    aten._cudnn_rnn_backward: lambda call: 2 * _cudnn_gates(call),
}
"""FLOPs that an operator performs beside two for each multiply-add."""
