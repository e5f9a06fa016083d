"""FLOPs of layers and functions without products, against formulas from their definition."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.bench.counting.layer_counts import (
    DEVICES,
    GRADIENT_MODES,
    backward,
    count,
    count_layer,
    total,
    unknown,
)
from tests.oracle import elementwise as oracle
from tests.oracle.elementwise import Flops

law = settings(max_examples=10, deadline=None, derandomize=True)
Build = Callable[[int], nn.Module]  # from the number of channels
several = st.integers(2, 5)


@dataclass(frozen=True)
class Case:
    """A layer for ``[batch, n_chan, time]``, and its FLOPs for so many elements of its output."""

    build: Build
    flops: Callable[[int], Flops]
    n_out: Callable[[int], int] = lambda n: n
    chan_multiple: int = 1


CASES = {
    "relu": Case(lambda c: nn.ReLU(), oracle.relu),
    "sigmoid": Case(lambda c: nn.Sigmoid(), oracle.sigmoid),
    "tanh": Case(lambda c: nn.Tanh(), oracle.tanh),
    "prelu": Case(lambda c: nn.PReLU(), oracle.prelu),
    "prelu of channels": Case(nn.PReLU, oracle.prelu),
    "leaky relu": Case(lambda c: nn.LeakyReLU(0.1), oracle.leaky_relu),
    "elu": Case(lambda c: nn.ELU(), oracle.elu),
    "silu": Case(lambda c: nn.SiLU(), oracle.silu),
    "gelu": Case(lambda c: nn.GELU(), oracle.gelu),
    "glu": Case(lambda c: nn.GLU(dim=1), oracle.glu, lambda n: n // 2, chan_multiple=2),
    "softmax": Case(lambda c: nn.Softmax(dim=1), oracle.softmax),
    "log softmax": Case(lambda c: nn.LogSoftmax(dim=-1), oracle.log_softmax),
    "global norm": Case(lambda c: nn.GroupNorm(1, c), oracle.norm),
    "group norm": Case(lambda c: nn.GroupNorm(2, c), oracle.norm, chan_multiple=2),
    "layer norm": Case(lambda c: nn.LayerNorm(6), oracle.norm),
    "batch norm": Case(nn.BatchNorm1d, lambda n: replace(oracle.norm(n), forward=7 * n + 1)),
    "nearest": Case(
        lambda c: nn.Upsample(scale_factor=3.0), oracle.upsample_nearest, lambda n: 3 * n
    ),
    "linear upsampling": Case(
        lambda c: nn.Upsample(scale_factor=2.0, mode="linear"),
        oracle.upsample_linear,
        lambda n: 2 * n,
    ),
}
"""Batch norm adds one to the number of batches that it has seen."""


def count_case(
    case: Case, n_batch: int, n_chan: int, n_time: int, device: str
) -> tuple[int, int, Flops]:
    """FLOPs there and back, and what they should be."""
    shape = (n_batch, n_chan, n_time)
    there, whole = count_layer(case.build(n_chan), shape, device=device, weights=True, inputs=True)
    assert not unknown(whole)
    assert total(whole) == 0, "multiply-adds are for matrix products"
    flops = total(there, "flops"), backward(there, whole, "flops")
    return *flops, case.flops(case.n_out(prod(shape)))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
@law
@given(n_batch=several, n_groups=several)
def test_flops_of_a_forward(name: str, device: str, n_batch: int, n_groups: int) -> None:
    case = CASES[name]
    there, _, flops = count_case(case, n_batch, n_groups * case.chan_multiple, 6, device)
    assert there == flops.forward


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
@law
@given(n_batch=several, n_groups=several)
def test_flops_of_a_backward(name: str, device: str, n_batch: int, n_groups: int) -> None:
    case = CASES[name]
    _, back, flops = count_case(case, n_batch, n_groups * case.chan_multiple, 6, device)
    assert back == flops.input_grad + flops.weight_grad


@pytest.mark.parametrize("mode", GRADIENT_MODES)
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_mode_does_not_change_a_forward(name: str, mode: str) -> None:
    case = CASES[name]
    layer, data = case.build(4), torch.ones(2, 4, 6)

    def forward() -> None:
        with GRADIENT_MODES[mode]():
            layer(data)

    assert total(count(forward), "flops") == case.flops(case.n_out(48)).forward


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("inputs", [False, True])
def test_a_frozen_prelu_sums_no_gradient_of_its_weight(device: str, inputs: bool) -> None:
    there, whole = count_layer(nn.PReLU(), (2, 3, 4), device=device, weights=False, inputs=inputs)
    assert backward(there, whole, "flops") == inputs * oracle.prelu(24).input_grad


FEWER = {
    "group norm, not affine": (nn.GroupNorm(1, 4, affine=False), {"affine": False}),
    "layer norm, not affine": (nn.LayerNorm(6, elementwise_affine=False), {"affine": False}),
    "batch norm, not affine": (nn.BatchNorm1d(4, affine=False).eval(), {
        "affine": False, "moments": False}),
    "batch norm that is not trained": (nn.BatchNorm1d(4).eval(), {"moments": False}),
}  # fmt: skip


@pytest.mark.parametrize(("layer", "options"), FEWER.values(), ids=FEWER)
def test_a_norm_that_does_less_costs_less(layer: nn.Module, options: dict[str, bool]) -> None:
    tallies = count(lambda: layer(torch.ones(2, 4, 6)))
    assert total(tallies, "flops") == oracle.norm(48, **options).forward


NORMS: dict[str, Callable[[], nn.Module]] = {
    "group norm": lambda: nn.GroupNorm(2, 4),
    "layer norm": lambda: nn.LayerNorm(6),
    "batch norm": lambda: nn.BatchNorm1d(4),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("weights", "inputs"), [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("build", NORMS.values(), ids=NORMS)
def test_a_norm_goes_back_only_where_it_is_asked_to(
    build: Callable[[], nn.Module], weights: bool, inputs: bool, device: str
) -> None:
    there, whole = count_layer(build(), (2, 4, 6), device=device, weights=weights, inputs=inputs)
    flops = oracle.norm(48)
    expected = inputs * flops.input_grad + weights * flops.weight_grad
    assert backward(there, whole, "flops") == expected


def test_the_gradient_through_fixed_moments_is_two_products() -> None:
    layer = nn.BatchNorm1d(4).eval()
    there, whole = count_layer(layer, (2, 4, 6), device="cpu", weights=False, inputs=True)
    assert backward(there, whole, "flops") == 2 * 48  # dy * deviation * w


Function = Callable[[Tensor], object]


def call(name: str) -> Function:
    """``torch.name(x)``."""
    return lambda x: getattr(torch, name)(x)


def call_with_itself(name: str) -> Function:
    """``torch.name(x, x)``."""
    return lambda x: getattr(torch, name)(x, x)


def call_with_a_row(name: str) -> Function:
    """``torch.name(x[:1], x)``: the first operand is smaller than the result."""
    return lambda x: getattr(torch, name)(x[:1], x)


def call_in_place(name: str, n_operands: int) -> Function:
    """``x.name_()`` or ``x.name_(x)``, on a copy."""
    return lambda x: getattr(x.clone(), name)(*[x] * (n_operands - 1))


UNARY = (
    "abs ceil cos erf exp floor log log10 log2 neg reciprocal round rsqrt sigmoid sign sin sqrt "
    "square tanh relu logical_not sum mean max min argmax argmin prod any all"
).split()
BINARY = (
    "add atan2 div eq ge gt le lt logical_and maximum minimum mul ne pow remainder sub"
).split()

FUNCTIONS: dict[str, tuple[Function, float]] = {
    # FLOPs for each of the 24 elements of the operand
    **{name: (call(name), 1) for name in UNARY},
    **{name: (call_with_itself(name), 1) for name in BINARY},
    **{name: (call_in_place(name, 2), 1) for name in ("add_", "sub_", "mul_", "div_")},
    **{
        name: (call_in_place(name, 1), 1)
        for name in ("exp_", "neg_", "relu_", "sigmoid_", "sqrt_", "tanh_")
    },
    "bitwise": (lambda x: ~((x > 0) & (x < 1) | (x > 2)), 3 + 3),
    **{f"{name}, broadcast": (call_with_a_row(name), 1) for name in BINARY},
    "where, broadcast": (lambda x: torch.where(x[:1] > 9, x, x), 1 + 0.25),
    "addcmul, broadcast": (lambda x: torch.addcmul(x[:1], x, x), 3),
    "addcdiv, broadcast": (lambda x: torch.addcdiv(x[:1], x, x), 3),
    "lerp, broadcast": (lambda x: torch.lerp(x[:1], x, 0.3), 3),
    "rsub": (lambda x: 1 - x, 1),
    "where": (lambda x: torch.where(x > 0, x, -x), 3),
    "clamp": (lambda x: x.clamp(min=0.0), 1),
    "clamp_": (lambda x: x.clone().clamp_(max=0.0), 1),
    "clamp_min": (lambda x: x.clamp_min(0), 1),
    "clamp_max": (lambda x: x.clamp_max(0), 1),
    "cumsum": (lambda x: x.cumsum(0), 1),
    "cumprod": (lambda x: x.cumprod(0), 1),
    "threshold": (lambda x: F.threshold(x, 0.1, 0.0), 1),
    "amax": (lambda x: x.amax(0), 1),
    "amin": (lambda x: x.amin(), 1),
    "var": (lambda x: x.var(0), 4),  # sum, minus the mean, square, sum
    "std": (lambda x: x.std(1), 4),
    "var_mean": (lambda x: torch.var_mean(x), 4),
    "norm of a vector": (lambda x: torch.linalg.vector_norm(x, dim=1), 2),  # square, sum
    "logsumexp": (lambda x: x.logsumexp(1), 4),  # largest, minus it, exp, sum
    "addcmul": (lambda x: torch.addcmul(x, x, x, value=0.3), 3),
    "addcdiv": (lambda x: torch.addcdiv(x, x, x, value=0.3), 3),
    "addcmul_": (lambda x: x.clone().addcmul_(x, x, value=0.3), 3),
    "addcdiv_": (lambda x: x.clone().addcdiv_(x, x, value=0.3), 3),
    "lerp": (lambda x: torch.lerp(x, x, 0.3), 3),  # a + w (b - a)
    "lerp_": (lambda x: x.clone().lerp_(x, 0.3), 3),
    "softplus": (F.softplus, 3),  # exp, plus one, log
    "dropout": (lambda x: F.dropout(x, 0.5), 2),  # keep or not, scale
    "dropout as one": (lambda x: torch.native_dropout(x, 0.5, train=True), 2),
    "average pooling": (lambda x: F.avg_pool2d(x[None, None], 2), 1),
    "overlap-add": (lambda x: F.fold(x[None], (1, 9), (1, 4)), 1),
    "scatter_add": (lambda x: x.scatter_add(0, torch.zeros_like(x, dtype=torch.long), x), 1),
    "scatter_add_": (
        lambda x: x.clone().scatter_add_(0, torch.zeros_like(x, dtype=torch.long), x), 1,
    ),
    "index_add_": (
        lambda x: x.clone().index_add_(0, torch.zeros(4, dtype=torch.long, device=x.device), x), 1,
    ),
    "index_add": (
        lambda x: x.index_add(0, torch.zeros(4, dtype=torch.long, device=x.device), x), 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["grad", "inference"])
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("function", "flops"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_flops_of_a_function(function: Function, flops: float, device: str, mode: str) -> None:
    operand = torch.full((4, 6), 0.5, device=device)

    def run() -> None:
        with GRADIENT_MODES[mode]():
            function(operand)

    tallies = count(run)
    assert not unknown(tallies)
    assert total(tallies, "flops") == flops * operand.numel()
    assert total(tallies) == 0


MOVES: dict[str, Function] = {
    "view": lambda x: x.view(24).t().unsqueeze(0).expand(3, 24)[1:],
    "copy": lambda x: x.clone().copy_(x).contiguous(),
    "cast": lambda x: x.to(torch.float64),
    "join": lambda x: torch.stack([torch.cat([x, x]), torch.cat([x, x])]),
    "pad": lambda x: F.pad(x, (1, 2)),
    "gather": lambda x: x[:, torch.tensor([1, 0], device=x.device)],
    "roll": lambda x: x.roll(1).flip(0).repeat(2, 2),
    "fill": lambda x: torch.zeros_like(x).fill_(1.0),
    "frames": lambda x: F.unfold(x[None, None], (2, 2)),
}


@pytest.mark.parametrize("mode", GRADIENT_MODES)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_moving_data_is_no_operation(move: Function, device: str, mode: str) -> None:
    operand = torch.full((4, 6), 0.5, device=device)

    def run() -> None:
        with GRADIENT_MODES[mode]():
            move(operand)

    tallies = count(run)
    assert {tally.kind for tally in tallies.values()} == {"movement"}
    assert total(tallies, "flops") == 0


@pytest.mark.parametrize("function", ["scatter_add", "scatter_add_", "index_add", "index_add_"])
def test_adding_few_values_to_many_costs_the_few(function: str) -> None:
    index = torch.zeros((1, 6) if "scatter" in function else 1, dtype=torch.long)
    tallies = count(lambda: getattr(torch.zeros(100, 6), function)(0, index, torch.ones(1, 6)))
    assert total(tallies, "flops") == 6


def test_two_bounds_are_two_comparisons() -> None:
    assert total(count(lambda: torch.ones(4, 6).clamp(0.0, 1.0)), "flops") == 2 * 24
