"""The closed formulas against loops that do the work: one multiply-add at a time, counted."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.oracle.matmul import (
    Attention,
    Recurrent,
    convolution,
    convolved_length,
    linear,
    transposed_convolution,
)


def numbers(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


GEOMETRIES = list(product((1, 2), (0, 2), (1, 2), (1, 2)))  # stride, padding, dilation, groups


@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), GEOMETRIES)
def test_convolution(stride: int, padding: int, dilation: int, groups: int) -> None:
    data, weight = numbers(2, 2 * groups, 7), numbers(3 * groups, 2, 3)
    padded = F.pad(data, (padding, padding))
    length = convolved_length(7, 3, stride, padding, dilation)
    out, n_products = torch.zeros(2, 3 * groups, length, dtype=torch.float64), 0
    for batch, row, column, tap, at in product(
        range(2), range(3 * groups), range(2), range(3), range(length)
    ):
        value = padded[batch, row // 3 * 2 + column, at * stride + tap * dilation]
        out[batch, row, at] += weight[row, column, tap] * value
        n_products += 1
    real = F.conv1d(data, weight, None, stride, padding, dilation, groups)
    assert torch.allclose(out, real)
    macs = convolution(2, 2 * groups, 3 * groups, [3], [length], groups)
    assert macs.forward == macs.weight_grad == macs.input_grad == n_products


@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), GEOMETRIES)
def test_transposed_convolution(stride: int, padding: int, dilation: int, groups: int) -> None:
    data, weight = numbers(2, 2 * groups, 5), numbers(2 * groups, 3, 3)
    full = (5 - 1) * stride + dilation * 2 + 1
    out, n_products = torch.zeros(2, 3 * groups, full, dtype=torch.float64), 0
    for batch, row, column, tap, at in product(
        range(2), range(2 * groups), range(3), range(3), range(5)
    ):
        value = weight[row, column, tap] * data[batch, row, at]
        out[batch, row // 2 * 3 + column, at * stride + tap * dilation] += value
        n_products += 1
    real = F.conv_transpose1d(data, weight, None, stride, padding, 0, groups, dilation)
    assert torch.allclose(out[..., padding : full - padding], real)
    macs = transposed_convolution(2, 2 * groups, 3 * groups, [3], [5], groups)
    assert macs.forward == macs.weight_grad == macs.input_grad == n_products


def test_linear() -> None:
    data, weight = numbers(2, 3, 4), numbers(5, 4)
    out, n_products = torch.zeros(2, 3, 5, dtype=torch.float64), 0
    for first, second, row, column in product(range(2), range(3), range(5), range(4)):
        out[first, second, row] += weight[row, column] * data[first, second, column]
        n_products += 1
    assert torch.allclose(out, F.linear(data, weight))
    assert linear([2, 3], 4, 5).forward == n_products


class Products:
    """Matrix-vector products, counted."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, matrix: Tensor, vector: Tensor) -> Tensor:
        self.n += matrix.numel()
        return matrix @ vector


@pytest.mark.parametrize(
    ("layers", "directions", "proj_size"), list(product((1, 2), (1, 2), (0, 2)))
)
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
def test_lstm(layers: int, directions: int, proj_size: int) -> None:
    layer = torch.nn.LSTM(
        3, 4, layers, bias=False, bidirectional=directions == 2, proj_size=proj_size
    ).double()
    weights = dict(layer.named_parameters())
    data, times = numbers(5, 3), Products()
    sequence = list(data)
    for index in range(layers):
        outs: list[list[Tensor]] = []
        for suffix in ("", "_reverse")[:directions]:
            name = f"_l{index}{suffix}"
            state, cell = data.new_zeros(proj_size or 4), data.new_zeros(4)
            states = []
            for value in reversed(sequence) if suffix else sequence:
                gates = times(weights["weight_ih" + name], value)
                gates = gates + times(weights["weight_hh" + name], state)
                enter, forget, new, leave = gates.chunk(4)
                cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
                state = leave.sigmoid() * cell.tanh()
                if proj_size:
                    state = times(weights["weight_hr" + name], state)
                states.append(state)
            outs.append(states[::-1] if suffix else states)
        sequence = [torch.cat(values) for values in zip(*outs, strict=True)]
    assert torch.allclose(torch.stack(sequence), layer(data)[0])
    sizes = Recurrent("LSTM", 3, 4, layers, directions, proj_size)
    assert sizes.forward(5) == times.n
    whole = sizes.backward(5, weights=True, inputs=True)
    assert whole == 2 * times.n
    first = 5 * directions * 16 * 3
    assert whole - sizes.backward(5, weights=True, inputs=False) == first


def test_gru_and_rnn_have_three_gates_and_one() -> None:
    assert Recurrent("GRU", 3, 4).forward(5) == 5 * (3 * 4 * 3 + 3 * 4 * 4)
    assert Recurrent("RNN", 3, 4).forward(5) == 5 * (4 * 3 + 4 * 4)


def test_attention() -> None:
    case = Attention(pairs=2 * 5 * 7, width=3, value_width=4)
    assert case.forward == 2 * (5 * 3 * 7 + 5 * 7 * 4)
    assert case.backward(query=True, key=True, value=True) == 2 * case.forward
    assert case.backward(query=False, key=False, value=True) == 70 * 4
    assert case.backward(query=True, key=False, value=False) == 70 * (4 + 3)
