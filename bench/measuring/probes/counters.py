"""Other people's counters beside ours, and the rules behind the paper's numbers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from torch import nn

from bench.counting.additions import Addition, Counted, count_with_additions
from bench.counting.counter import OperationCounter
from bench.counting.other_counters import attempt, count_with_fvcore, count_with_ptflops
from bench.counting.published_rules import THOP, TRANSPOSED_ONCE
from bench.counting.torch_counter import count_with_torch, explain_torch
from bench.measuring.counted_step import (
    count_modules,
    count_step,
    prepare_counted_step,
    without_data_if_possible,
)
from bench.results.measurements import CounterComparison, CounterResult, OperationCount
from bench.results.workload import Workload

Build = Callable[[], nn.Module]
Prepare = Callable[[], Counted]


def measure(build: Build, workload: Workload, budget_s: float) -> CounterComparison:
    """Ours and theirs of one forward; of a training step, ours and torch's.

    Ours and the paper's rules run without data where the network allows it, theirs with data. What
    another counter can't do takes nothing away from ours.

    Raises:
        CellError: the network breaks the contract.
    """
    counted = count(build, workload)
    return CounterComparison(
        inference=_inference(build, workload, counted),
        update=_update(build, replace(workload, phase="update")),
    )


def count(build: Build, workload: Workload) -> OperationCount:
    """Our count of a step."""
    return without_data_if_possible(lambda device: count_step(build, workload, device), workload)


def _inference(
    build: Build, workload: Workload, counted: OperationCount
) -> dict[str, CounterResult]:
    without_data = _preparing(build, workload, counted.counted_on)
    with_data = _preparing(build, workload, "cpu")
    modules = count_modules(build, workload, counted.counted_on).modules
    return {
        "ours": replace(
            _as_result(counted), elapsed_s=attempt(_count_with_ours, without_data).elapsed_s
        ),
        "torch": _torch(counted.macs, with_data),
        "fvcore": attempt(partial(count_with_fvcore, modules=modules), with_data),
        "ptflops": attempt(partial(count_with_ptflops, modules=modules), with_data),
        "thop_rules": attempt(_by(THOP), without_data),
        "transposed_once_rules": attempt(_by(TRANSPOSED_ONCE), without_data),
    }


def _update(build: Build, workload: Workload) -> dict[str, CounterResult]:
    ours = attempt(_as_result, lambda: count(build, workload))
    prepare = _preparing(build, workload, "cpu")
    theirs = CounterResult(reason="ours failed")
    if ours.macs is not None:
        theirs = attempt(partial(explain_torch, ours=ours.macs), prepare)
    if theirs.macs is None:
        theirs = attempt(count_with_torch, prepare)
    return {"ours": replace(ours, elapsed_s=None), "torch": replace(theirs, elapsed_s=None)}


def _as_result(counted: OperationCount) -> CounterResult:
    return CounterResult(
        counted.macs, counted.flops, unknown_operators=tuple(counted.unknown_operators)
    )


def _torch(ours: float, prepare: Prepare) -> CounterResult:
    """Torch's count with the time it took; the causes, where it is not ours, take another run."""
    theirs = attempt(count_with_torch, prepare)
    if theirs.macs is None or theirs.macs == ours:
        return theirs
    return replace(theirs, causes=attempt(partial(explain_torch, ours=ours), prepare).causes)


def _count_with_ours(counted: Counted) -> CounterResult:
    """This project's counter."""
    with OperationCounter() as counter:
        counted.run()
    return CounterResult(float(counter.macs), counter.flops)


def _by(additions: Sequence[Addition]) -> Callable[[Counted], CounterResult]:
    return partial(count_with_additions, additions=additions)


def _preparing(build: Build, workload: Workload, device: str) -> Prepare:
    def prepare() -> Counted:
        step = prepare_counted_step(build, workload, device)
        return Counted(step.model, step.example.mixture, step.run)

    return prepare
