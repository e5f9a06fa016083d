"""Counters that are known operator by operator: our multiply-adds, and what they add to them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from torch import Tensor, nn

from bench.counting.counter import ALL_MATMULS, EveryOperator, count_macs, name_arguments
from bench.counting.matmul import Arguments
from bench.counting.recurrent import WholeRecurrentLayers
from bench.results.measurements import Cause, CauseKind, CounterResult


class Counted(NamedTuple):
    """What is counted: one run of a network on a mixture ``[batch, 1, time]``."""

    model: nn.Module
    mixture: Tensor
    run: Callable[[], object]


class Addition(NamedTuple):
    """What a counter adds to our multiply-adds of one operator (negative: leaves out), and why."""

    kind: CauseKind
    operator: Any
    count: Callable[[Arguments], int]


def add_up(counted: Counted, additions: Sequence[Addition]) -> tuple[int, tuple[Cause, ...]]:
    """Our multiply-adds of a run, and a cause for each addition that is not 0."""
    macs, sums = 0, [0] * len(additions)
    operators = {*ALL_MATMULS, *(addition.operator for addition in additions)}

    def add_operator(func: Any, args: Any, kwargs: Any, out: Any) -> None:
        nonlocal macs
        operator = func._overloadpacket
        if operator not in operators:
            return
        call = {**name_arguments(func, args, kwargs), "out": out}
        if operator in ALL_MATMULS:
            macs += count_macs(operator, call)
        for place, addition in enumerate(additions):
            if addition.operator is operator:
                sums[place] += addition.count(call)

    # With data, a function mode would keep torch from its fast paths.
    with EveryOperator(add_operator), ExitStack() as modes:
        if counted.mixture.is_meta:
            modes.enter_context(WholeRecurrentLayers())
        counted.run()
    causes = (
        Cause(addition.kind, addition.operator.__name__, added)
        for addition, added in zip(additions, sums, strict=True)
        if added
    )
    return macs, tuple(causes)


def count_with_additions(counted: Counted, additions: Sequence[Addition]) -> CounterResult:
    """What such a counter says of a run."""
    macs, causes = add_up(counted, additions)
    return CounterResult(float(macs + sum(cause.macs for cause in causes)), causes=causes)
