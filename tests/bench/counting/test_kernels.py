"""Kernels that a network meets on other devices or releases, called by their own schema.

Each is run as it would be dispatched there, so that its formula is seen without the device.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.bench.counting.layer_counts import DEVICES, count, total, unknown
from tests.oracle import elementwise as oracle
from tests.oracle.matmul import Attention, Recurrent, convolution

aten: Any = torch.ops.aten
law = settings(max_examples=25, deadline=None, derandomize=True)
CUDNN_MODES = {"RNN": (0, 1), "LSTM": (2,), "GRU": (3,)}  # of a plain cell: ReLU, tanh
ONEDNN_LSTM = 2
MASKS = list(product((False, True), (False, True)))


def meta(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def weights_of(sizes: Recurrent, bias: bool) -> list[Tensor]:
    """In torch's flat order: each layer's, each direction's, matrices before biases."""
    weights = []
    for index in range(sizes.num_layers):
        width = sizes.input_size if index == 0 else sizes.directions * sizes.state_size
        for _ in range(sizes.directions):
            weights += [meta(sizes.rows, width), meta(sizes.rows, sizes.state_size)]
            weights += [meta(sizes.rows), meta(sizes.rows)] if bias else []
            weights += [meta(sizes.proj_size, sizes.hidden_size)] if sizes.proj_size else []
    return weights


@st.composite
def stacks(draw: st.DrawFn) -> Recurrent:
    cell = draw(st.sampled_from(sorted(CUDNN_MODES)))
    hidden = draw(st.integers(2, 5))
    return Recurrent(
        cell,
        input_size=draw(st.integers(1, 5)),
        hidden_size=hidden,
        num_layers=draw(st.integers(1, 3)),
        directions=draw(st.integers(1, 2)),
        proj_size=draw(st.integers(0, hidden - 1)) if cell == "LSTM" else 0,
    )


def cudnn_options(sizes: Recurrent, mode: int) -> tuple[Any, ...]:
    """From ``mode`` to ``dropout_state``, as both kernels take them."""
    bidirectional = sizes.directions == 2
    which = mode, sizes.hidden_size, sizes.proj_size, sizes.num_layers
    return (*which, False, 0.0, True, bidirectional, [], None)


@contextmanager
def shapes_of_cudnn_backward() -> Iterator[None]:
    """Torch has no meta kernel for it: without one it can't be called here at all."""

    def shapes(data: Tensor, weight: list[Tensor], *_: object) -> tuple[Any, ...]:
        state = data.new_empty(1)
        return data.new_empty(data.shape), state, state, [w.new_empty(w.shape) for w in weight]

    with torch.library._scoped_library("aten", "IMPL") as library:
        library.impl("_cudnn_rnn_backward", shapes, "Meta")
        yield


@law
@given(stacks(), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_cudnn_recurrent_layers(sizes: Recurrent, steps: int, batch: int, bias: bool) -> None:
    weights, per_layer = weights_of(sizes, bias), len(weights_of(sizes, bias)) // sizes.num_layers
    stride = per_layer // sizes.directions
    data = meta(steps, batch, sizes.input_size)
    states = meta(sizes.num_layers * sizes.directions, batch, sizes.hidden_size)
    out = meta(steps, batch, sizes.directions * sizes.state_size)
    modes, frames = CUDNN_MODES[sizes.cell], steps * batch
    options = cudnn_options(sizes, modes[steps % len(modes)])

    there = count(lambda: aten._cudnn_rnn(data, weights, stride, None, states, states, *options))
    assert there["_cudnn_rnn"].macs == sizes.forward(frames)
    units = frames * sizes.num_layers * sizes.directions * sizes.hidden_size
    gates = oracle.recurrent(sizes.cell, units, bias=bias)
    assert there["_cudnn_rnn"].flops == 2 * sizes.forward(frames) + gates
    assert not unknown(there)
    with shapes_of_cudnn_backward():
        for needs_weights, needs_input in MASKS:
            mask = [needs_input, True, True, needs_weights]
            call = (data, weights, stride, meta(1), states, states, out, out, None, None)
            back = count(
                lambda call=call, mask=mask: aten._cudnn_rnn_backward(  # type: ignore[misc]
                    *call, *options, meta(1), mask
                )
            )
            expected = sizes.backward(frames, weights=needs_weights, inputs=needs_input)
            if not (needs_weights or needs_input):
                continue  # back to the initial states alone: not what the closed formula is of
            tally = back["_cudnn_rnn_backward"]
            assert tally.macs == expected, (needs_weights, needs_input)
            assert tally.flops == 2 * expected + 2 * gates  # twice: the stated approximation


@law
@given(st.integers(1, 5), st.integers(2, 5), st.integers(1, 4), st.integers(1, 3))
def test_onednn_lstm_layer(n_in: int, hidden: int, steps: int, batch: int) -> None:
    sizes = Recurrent("LSTM", n_in, hidden)
    state = meta(1, batch, hidden)
    tallies = count(
        lambda: aten.mkldnn_rnn_layer(
            *(meta(steps, batch, n_in), *weights_of(sizes, bias=True), state, state),
            *(False, [], ONEDNN_LSTM, hidden, 1, True, False, False, True),
        )
    )
    assert total(tallies) == sizes.forward(steps * batch)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("bias", [False, True])
def test_convolutions_by_other_names(groups: int, bias: bool) -> None:
    data, weight = torch.ones(2, 4, 9), torch.ones(6, 4 // groups, 3)
    added = torch.ones(6) if bias else None
    expected = convolution(2, 4, 6, [3], [7], groups).forward
    calls: dict[str, Callable[[], object]] = {
        "_convolution": lambda: aten._convolution(
            data, weight, added, [1], [0], [1], False, [0], groups, False, False, True, True
        ),
        "mkldnn_convolution": lambda: aten.mkldnn_convolution(
            data, weight, added, [0], [1], [1], groups
        ),
    }
    for name, call in calls.items():
        if name == "mkldnn_convolution" and not torch.backends.mkldnn.is_available():
            continue
        tallies = count(call)
        assert tallies[name].macs == total(tallies) == expected
        assert tallies[name].flops == 2 * expected + (2 * 6 * 7 if bias else 0)


def test_fused_lstm_cell_of_cuda_is_the_gates_without_the_products() -> None:
    gates, cell, bias = meta(2, 16), meta(2, 4), meta(16)
    tallies = count(lambda: aten._thnn_fused_lstm_cell(gates, gates, cell, bias, bias))
    assert total(tallies, "flops") == oracle.recurrent("LSTM", 2 * 4)
    assert total(tallies) == 0


@pytest.mark.parametrize("device", DEVICES)
def test_gradients_that_are_added_where_they_came_from(device: str) -> None:
    """Each number of the gradient is added once: to a row, or where windows overlap."""
    rows = torch.zeros(2, dtype=torch.long, device=device)
    gradient = torch.ones(2, 16, device=device)
    tallies = count(lambda: aten.embedding_dense_backward(gradient, rows, 10, -1, False))
    assert total(tallies, "flops") == 2 * 16
    windows = torch.ones(2, 4, 3, device=device)
    tallies = count(lambda: aten.unfold_backward(windows, [2, 9], 1, 3, 2))
    assert total(tallies, "flops") == 2 * 4 * 3


FUSED_ATTENTIONS: dict[str, tuple[tuple[Any, ...], Callable[..., tuple[Any, ...]]]] = {
    # what follows query, key and value; what follows the gradient, the operands and the output
    "flash": ((), lambda out, n: (out[1], out[2], out[3], *n, 0.0, False, out[6], out[7])),
    "efficient": (
        (None, True),
        lambda out, n: (out[1], out[2], out[3], 0.0, [True, True, True, False]),
    ),
    "cudnn": (
        (None, True),
        lambda out, n: (out[1], out[6], out[7], None, None, None, *n, 0.0, False),
    ),
}


@pytest.mark.parametrize(
    ("kernel", "value_width"), [("flash", 8), ("efficient", 8), ("efficient", 16), ("cudnn", 8)]
)
def test_attention_kernels_of_cuda(kernel: str, value_width: int) -> None:
    query, key = meta(2, 3, 5, 8).half(), meta(2, 3, 7, 8).half()
    value = meta(2, 3, 7, value_width).half()
    name = f"_scaled_dot_product_{kernel}_attention"
    options, saved = FUSED_ATTENTIONS[kernel]
    expected = Attention(2 * 3 * 5 * 7, 8, value_width)
    outs: list[Any] = []
    there = count(lambda: outs.append(getattr(aten, name)(query, key, value, *options)))
    assert there[name].macs == expected.forward
    assert there[name].flops == 2 * expected.forward + oracle.attention_in_one(expected.pairs)
    out = outs[0]
    bias = (None,) if kernel == "efficient" else ()
    call = (out[0], query, key, value, *bias, out[0], *saved(out, (5, 7)))
    back = count(lambda: getattr(aten, f"{name}_backward")(*call))
    assert back[f"{name}_backward"].macs == 2 * expected.forward
