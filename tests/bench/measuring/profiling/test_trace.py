"""Operators in their order, with the module and the line they run for, also in backward."""

import inspect
from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from bench.counting.counter import OperationCounter
from bench.measuring.profiling.trace import Trace, trace_step
from tests.bench.measuring.profiling import networks
from tests.bench.measuring.profiling.networks import N_SAMPLES, WIDTH, Chain, warm_step

POINTWISE = {"encoder": WIDTH, "decoder": 2 * WIDTH} | {
    f"blocks.{n}.0": WIDTH * WIDTH for n in range(3)
}
"""Multiply-adds of each convolution for each sample."""


def macs_by_module(trace: Trace, part: str) -> dict[str, int]:
    found = Counter[str]()
    for run in trace.runs:
        if run.place.part == part and run.tally.macs:
            found[run.place.module] += run.tally.macs
    return dict(found)


def test_forward_belongs_to_the_modules_that_run_it() -> None:
    trace = trace_step(warm_step(Chain(), "inference"))
    expected = {module: macs * N_SAMPLES for module, macs in POINTWISE.items()}
    assert macs_by_module(trace, "forward") == expected
    assert {run.place.part for run in trace.runs} == {"forward"}


def test_backward_belongs_to_the_modules_that_it_differentiates() -> None:
    """Twice the forward's products; of the encoder only the weight's, as nobody needs the input's.

    PReLUs have no multiply-adds: their operators are looked for by name.
    """
    trace = trace_step(warm_step(Chain(), "update"))
    expected = {module: 2 * macs * N_SAMPLES for module, macs in POINTWISE.items()}
    expected["encoder"] //= 2
    assert macs_by_module(trace, "backward") == expected
    prelus = [r for r in trace.runs if r.place.operator == "_prelu_kernel_backward"]
    assert [r.place.module for r in prelus] == ["blocks.2.1", "blocks.1.1", "blocks.0.1"]


@pytest.mark.parametrize("phase", ["inference", "update"])
def test_nothing_that_the_counter_counts_is_missing(phase: str) -> None:
    step = warm_step(Chain(), "update" if phase == "update" else "inference")
    trace = trace_step(step)
    with OperationCounter() as counter:
        step.run()
    assert sum(run.tally.macs for run in trace.runs) == counter.macs > 0
    assert sum(run.tally.flops for run in trace.runs) == counter.flops


def test_lines_are_those_of_the_network() -> None:
    trace = trace_step(warm_step(Chain(), "update"))
    source, first = inspect.getsourcelines(Chain.forward)
    additions = [r.place.line for r in trace.runs if r.place.operator == "add"][:3]
    (place,) = [n for n, text in enumerate(source, first) if "+ block" in text]
    name = networks.__name__.replace(".", "/")
    assert additions == [f"{name}.py:{place}"] * 3


def test_what_autograd_keeps_is_known_by_hand() -> None:
    """Of each block the features (for its convolution) and the product (for its PReLU).

    The decoder keeps the last features. The encoder keeps the mixture, which is there anyway.
    """
    trace = trace_step(warm_step(Chain(), "update"))
    n_bytes = 4 * WIDTH * N_SAMPLES
    runs = trace.runs
    features = [
        kept
        for kept in trace.kept.values()
        if kept.n_bytes == n_bytes and runs[kept.kept_for[0]].place.part == "forward"
    ]
    keepers = [tuple(runs[run].place.module for run in kept.kept_for) for kept in features]
    expected = [(f"blocks.{n}.{m}",) for n in range(3) for m in range(2)] + [("decoder",)]
    assert sorted(keepers) == sorted(expected)
    makers = {runs[kept.made_by].place.operator for kept in features if kept.made_by is not None}
    assert makers == {"convolution", "add"}


class Detour(nn.Module):
    """Its second half is computed by a function of its own, as checkpoints and fused layers are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 1)

    def forward(self, mixture: Tensor) -> Tensor:
        doubled: Tensor = Double.apply(self.conv(mixture))  # type: ignore[no-untyped-call]
        return doubled


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        return values + values

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return grad * 2


def test_functions_with_their_own_backward_are_followed_too() -> None:
    trace = trace_step(warm_step(Detour(), "update"))
    lines = [run.place.line for run in trace.runs if run.place.operator == "add"]
    found = [run for run in trace.runs if run.place.part == "backward"]
    assert lines[0] in {run.place.line for run in found if run.place.operator == "mul"}


def test_hooks_are_gone_afterwards() -> None:
    model = Chain()
    trace_step(warm_step(model, "inference"))
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
