"""Convolutions, linear layers, plain matrix products and attention against the closed formulas."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.bench.counting.layer_counts import (
    DEVICES,
    GRADIENT_MODES,
    count,
    count_layer,
    total,
    unknown,
)
from tests.oracle import elementwise as oracle
from tests.oracle.matmul import (
    Attention,
    Macs,
    convolution,
    convolved_length,
    linear,
    transposed_convolution,
)

law = settings(max_examples=30, deadline=None, derandomize=True)
small = st.integers(1, 3)


@dataclass(frozen=True)
class Case:
    """A layer, the shape to feed it, its multiply-adds and the elements of its output."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    macs: Macs
    n_out: int
    bias: bool


def check(case: Case) -> None:
    """Both devices, with each choice of gradients: exact multiply-adds and FLOPs."""
    for device, weights, inputs in product(DEVICES, (False, True), (False, True)):
        there, whole = count_layer(
            case.build(), case.shape, device=device, weights=weights, inputs=inputs
        )
        where = f"{case.build()} {case.shape} on {device}, gradients {weights=} {inputs=}"
        macs = case.macs.step(weights=weights, inputs=inputs)
        assert (total(there), total(whole)) == (case.macs.forward, macs), where
        # A bias: one addition for each output, and one to sum its gradient back.
        bias = case.n_out if case.bias else 0
        assert total(there, "flops") == 2 * total(there) + bias, where
        assert total(whole, "flops") == 2 * total(whole) + (2 if weights else 1) * bias, where
        assert not unknown(whole), where


@st.composite
def convolutions(draw: st.DrawFn, dimensions: int) -> Case:
    groups, batch = draw(small), draw(small)
    in_chan, out_chan = groups * draw(small), groups * draw(small)
    axes: list[tuple[int, ...]] = []
    for _ in range(dimensions):
        kernel, stride, dilation = draw(st.integers(1, 4)), draw(small), draw(small)
        padding = draw(st.integers(0, 3))
        shortest = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
        length = draw(st.integers(shortest, shortest + 7))
        axes.append((length, kernel, stride, padding, dilation))
    lengths, kernels, strides, paddings, dilations = (
        tuple(axis) for axis in zip(*axes, strict=True)
    )
    out_sizes = [convolved_length(*axis) for axis in axes]
    bias, batched = draw(st.booleans()), draw(st.booleans())
    batch = batch if batched else 1
    layer: Any = (nn.Conv1d, nn.Conv2d)[dimensions - 1]
    return Case(
        lambda: layer(
            in_chan, out_chan, kernels, strides, paddings, dilations, groups=groups, bias=bias
        ),
        (*((batch,) if batched else ()), in_chan, *lengths),
        convolution(batch, in_chan, out_chan, kernels, out_sizes, groups),
        batch * out_chan * prod(out_sizes),
        bias,
    )


@st.composite
def transposed_convolutions(draw: st.DrawFn) -> Case:
    groups, batch = draw(small), draw(small)
    in_chan, out_chan = groups * draw(small), groups * draw(small)
    kernel, stride, dilation = draw(st.integers(1, 4)), draw(small), draw(small)
    output_padding = draw(st.integers(0, max(stride, dilation) - 1))
    length = draw(st.integers(1, 8))
    full = (length - 1) * stride + dilation * (kernel - 1) + output_padding + 1
    padding = draw(st.integers(0, min(3, (full - 1) // 2)))
    bias = draw(st.booleans())
    return Case(
        lambda: nn.ConvTranspose1d(
            in_chan, out_chan, kernel, stride, padding, output_padding, groups, bias, dilation
        ),
        (batch, in_chan, length),
        transposed_convolution(batch, in_chan, out_chan, [kernel], [length], groups),
        batch * out_chan * (full - 2 * padding),
        bias,
    )


@st.composite
def linears(draw: st.DrawFn) -> Case:
    leading = draw(st.lists(small, min_size=1, max_size=3))
    in_features, out_features = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    bias = draw(st.booleans())
    return Case(
        lambda: nn.Linear(in_features, out_features, bias=bias),
        (*leading, in_features),
        linear(leading, in_features, out_features),
        prod(leading) * out_features,
        bias,
    )


@law
@given(convolutions(1))
def test_conv1d(case: Case) -> None:
    check(case)


@law
@given(convolutions(2))
def test_conv2d(case: Case) -> None:
    check(case)


@law
@given(transposed_convolutions())
def test_conv_transpose1d(case: Case) -> None:
    check(case)


@law
@given(linears())
def test_linear(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    "bias",
    [
        True,
        pytest.param(
            False,
        ),
    ],
)
def test_linear_of_a_single_vector(bias: bool) -> None:
    check(Case(lambda: nn.Linear(3, 4, bias=bias), (3,), linear([], 3, 4), 4, bias))


@pytest.mark.parametrize("kernel", [1, 4, 5])
@pytest.mark.parametrize("padding_mode", ["zeros", "circular", "reflect"])
def test_conv1d_that_keeps_the_length(kernel: int, padding_mode: Any) -> None:
    layer = nn.Conv1d(4, 6, kernel, padding="same", dilation=2, groups=2, padding_mode=padding_mode)
    expected = convolution(2, 4, 6, [kernel], [11], groups=2)
    for device in DEVICES:
        tallies, _ = count_layer(layer, (2, 4, 11), device=device, weights=True, inputs=True)
        assert total(tallies) == expected.forward
        assert not unknown(tallies)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("layer_class", [nn.Conv1d, nn.Linear])
def test_a_bias_alone_needs_no_products_back(layer_class: Any, device: str) -> None:
    layer = nn.Conv1d(4, 6, 3) if layer_class is nn.Conv1d else nn.Linear(5, 6)
    layer = layer.to(device)
    layer.weight.requires_grad_(False)
    out = layer(torch.ones(2, 4, 5, device=device))
    tallies = count(lambda: out.backward(torch.ones_like(out)))
    assert (total(tallies), total(tallies, "flops")) == (0, out.numel())


def ones(*shape: int) -> Tensor:
    return torch.ones(shape)


MATMULS: dict[str, tuple[Callable[[], Tensor], int, int]] = {
    # a function, its multiply-adds, its further additions
    "mm": (lambda: ones(2, 3) @ ones(3, 5), 2 * 3 * 5, 0),
    "addmm": (lambda: torch.addmm(ones(5), ones(2, 3), ones(3, 5)), 2 * 3 * 5, 2 * 5),
    "bmm": (lambda: torch.bmm(ones(4, 2, 3), ones(4, 3, 5)), 4 * 2 * 3 * 5, 0),
    "baddbmm": (
        lambda: torch.baddbmm(ones(4, 2, 5), ones(4, 2, 3), ones(4, 3, 5)),
        4 * 2 * 3 * 5,
        4 * 2 * 5,
    ),
    "mv": (lambda: ones(2, 3) @ ones(3), 2 * 3, 0),
    "dot": (lambda: ones(7) @ ones(7), 7, 0),
    "einsum": (lambda: torch.einsum("bij,kj->bki", ones(4, 2, 3), ones(5, 3)), 4 * 2 * 3 * 5, 0),
    "broadcast": (lambda: ones(2, 1, 3, 4) @ ones(5, 4, 6), 2 * 5 * 3 * 4 * 6, 0),
    "chain": (
        lambda: torch.linalg.multi_dot([ones(2, 3), ones(3, 4), ones(4, 5)]),
        2 * 3 * 4 + 2 * 4 * 5,
        0,
    ),
    "lstm cell": (
        lambda: nn.LSTMCell(3, 4)(ones(2, 3))[0],
        2 * 16 * (3 + 4),
        2 * (2 * 16 + 16 + 36),
    ),
    "conv3d": (lambda: F.conv3d(ones(1, 2, 4, 4, 4), ones(3, 2, 2, 2, 2)), 3 * 2 * 8 * 27, 0),
}


@pytest.mark.parametrize("mode", GRADIENT_MODES)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("run", "macs", "additions"), MATMULS.values(), ids=MATMULS)
def test_plain_products(
    run: Callable[[], Tensor], macs: int, additions: int, device: str, mode: str
) -> None:
    def on_device() -> None:
        with torch.device(device), GRADIENT_MODES[mode]():
            run()

    tallies = count(on_device)
    assert total(tallies) == macs
    assert total(tallies, "flops") == 2 * macs + additions
    assert not unknown(tallies)


MISSING: dict[str, Callable[[], Tensor]] = {
    "addmv": lambda: torch.addmv(ones(2), ones(2, 3), ones(3)),
    "addbmm": lambda: torch.addbmm(ones(2, 5), ones(4, 2, 3), ones(4, 3, 5)),
    "vdot": lambda: torch.vdot(ones(3), ones(3)),
    "_trilinear": lambda: F.bilinear(ones(2, 3), ones(2, 4), ones(5, 3, 4)),
    "_cdist_forward": lambda: torch.cdist(ones(2, 3), ones(5, 3)),
}


@pytest.mark.parametrize("name", MISSING)
def test_products_without_a_formula_are_listed(name: str) -> None:
    assert unknown(count(MISSING[name])) == {name: 1}


@st.composite
def attentions(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], Attention, bool]:
    leading = tuple(draw(st.lists(small, min_size=2, max_size=2)))
    n_queries, n_keys = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    width, value_width = draw(st.integers(2, 5)), draw(st.integers(2, 5))
    shapes = [(n_queries, width), (n_keys, width), (n_keys, value_width)]
    pairs = prod(leading) * n_queries * n_keys
    causal = draw(st.booleans())
    return [(*leading, *shape) for shape in shapes], Attention(pairs, width, value_width), causal


def count_attention(
    shapes: Sequence[Sequence[int]], needs: Sequence[bool], device: str, causal: bool
) -> tuple[int, int]:
    query, key, value = [
        torch.ones(*shape, device=device).requires_grad_(need)
        for shape, need in zip(shapes, needs, strict=True)
    ]
    outs: list[Tensor] = []
    there = count(
        lambda: outs.append(F.scaled_dot_product_attention(query, key, value, is_causal=causal))
    )
    if not any(needs):
        return total(there), 0
    gradient = torch.ones_like(outs[0])
    return total(there), total(count(lambda: outs[0].backward(gradient)))


@law
@given(attentions(), st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_attention(
    case: tuple[list[tuple[int, ...]], Attention, bool], needs: tuple[bool, bool, bool]
) -> None:
    shapes, expected, causal = case
    back = dict(zip(("query", "key", "value"), needs, strict=True))
    counted = count_attention(shapes, needs, "meta", causal)
    assert counted == (expected.forward, expected.backward(**back))
    on_cpu = count_attention(shapes, needs, "cpu", causal)
    if shapes[0][-1] == shapes[2][-1]:  # torch's fused kernel, which computes every gradient
        assert on_cpu == (expected.forward, 2 * expected.forward if any(needs) else 0)
    else:
        assert on_cpu == counted


@pytest.mark.parametrize("value_width", [4, 6])
@pytest.mark.parametrize("device", DEVICES)
def test_flops_of_attention_beside_its_products(device: str, value_width: int) -> None:
    expected = Attention(2 * 3 * 5 * 7, 4, value_width)
    query, key = ones(2, 3, 5, 4).to(device), ones(2, 3, 7, 4).to(device)
    value = ones(2, 3, 7, value_width).to(device)
    tallies = count(lambda: F.scaled_dot_product_attention(query, key, value))
    if device == "cpu" and value_width == 4:
        further = oracle.attention_in_one(expected.pairs)
    else:
        further = oracle.attention_of_matrices(expected.pairs, query.numel() + key.numel())
    assert not unknown(tallies)
    assert total(tallies, "flops") == 2 * expected.forward + further


def test_the_backward_of_fused_attention_has_a_softmax() -> None:
    operand = ones(2, 3, 5, 4).requires_grad_()
    out = F.scaled_dot_product_attention(operand, operand, operand)
    tallies = count(lambda: out.backward(torch.ones_like(out)))
    (backward,) = (tally for name, tally in tallies.items() if "attention" in name)
    pairs = 2 * 3 * 5 * 5
    assert backward.flops - 2 * backward.macs >= oracle.softmax(pairs).input_grad
