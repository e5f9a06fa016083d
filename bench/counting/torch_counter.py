"""``torch.utils.flop_counter``, and what its formulas add to our multiply-adds or leave out."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from bench.counting.additions import Addition, Counted, add_up
from bench.counting.counter import ALL_MATMULS, count_macs
from bench.counting.matmul import Arguments, conv_macs
from bench.results.measurements import Cause, CounterResult

aten = torch.ops.aten
SAME = (aten.mm, aten.addmm, aten.bmm, aten.baddbmm)
"""Operators that we count by its own formulas."""


def count_with_torch(counted: Counted) -> CounterResult:
    """Torch's counter, halved: it counts two for each multiply-add."""
    with FlopCounterMode(display=False) as counter:
        counted.run()
    return CounterResult(counter.get_total_flops() / 2)


def explain_torch(counted: Counted, ours: float) -> CounterResult:
    """The same, and why it is not ``ours``, a count that may have run without data."""
    with FlopCounterMode(display=False) as counter:
        macs, causes = add_up(counted, TORCH)
    if macs != ours:
        causes = (*causes, Cause("data", "", macs - ours))
    return CounterResult(counter.get_total_flops() / 2, causes=causes)


def _no_formula(operator: Any) -> Addition:
    return Addition("no formula", operator, lambda call: -ALL_MATMULS[operator](call))


def _surplus(operator: Any, call: Arguments) -> int:
    """What torch's own formula gives for a call beyond ours."""
    operands = [value for name, value in call.items() if name != "out"]
    flops: int = flop_registry[operator](*operands, out_val=call["out"])
    return flops // 2 - ALL_MATMULS[operator](call)


def _as_real(operator: Any) -> Addition:
    """Torch counts a product of complex numbers as one of real ones."""
    return Addition(
        "formula", operator, lambda call: ALL_MATMULS[operator](call) - count_macs(operator, call)
    )


def _other_formula(operator: Any) -> Addition:
    return Addition("formula", operator, lambda call: _surplus(operator, call))


def _is_times_groups(call: Arguments) -> bool:
    """Whether torch's surplus is the weight gradient once more for each further group."""
    shapes = call["input"].shape, call["weight"].shape, call["grad_output"].shape
    weight_gradient = conv_macs(*shapes, call["transposed"]) if call["output_mask"][1] else 0
    further: int = (call["groups"] - 1) * weight_gradient
    return _surplus(aten.convolution_backward, call) == further


def _gradient_surplus(call: Arguments, is_times_groups: bool) -> int:
    if _is_times_groups(call) != is_times_groups:
        return 0
    return _surplus(aten.convolution_backward, call)


TORCH = (
    *(_as_real(operator) for operator in SAME),
    *(_no_formula(operator) for operator in ALL_MATMULS if operator not in flop_registry),
    *(
        _other_formula(operator)
        for operator in ALL_MATMULS
        if operator in flop_registry and operator not in (*SAME, aten.convolution_backward)
    ),
    Addition("groups", aten.convolution_backward, lambda call: _gradient_surplus(call, True)),
    Addition("formula", aten.convolution_backward, lambda call: _gradient_surplus(call, False)),
)
"""Torch's counter as ours and what it adds, by the formulas that it has for each operator."""
