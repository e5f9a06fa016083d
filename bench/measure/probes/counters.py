"""Other people's counters beside ours, and the rules behind the paper's numbers."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import nn

from bench.counting.counter import OperationCounter
from bench.counting.other_counters import (
    Counted,
    attempt,
    count_with_fvcore,
    count_with_ptflops,
    count_with_torch,
)
from bench.counting.published_rules import THOP, TRANSPOSED_ONCE, count_by_rules
from bench.measure.counted_step import count_step, prepare_counted_step, without_data_if_possible
from bench.results.measurements import CounterComparison, CounterResult, OperationCount
from bench.results.workload import Workload


def count_with_ours(counted: Counted) -> float:
    """This project's counter."""
    with OperationCounter() as counter:
        counted.run()
    return float(counter.macs)


def measure(
    build: Callable[[], nn.Module], workload: Workload, budget_s: float
) -> CounterComparison:
    """Ours and theirs of one forward; of a training step, ours and torch's.

    Ours and the paper's rules run without data where the network allows it, theirs with data. What
    another counter can't do takes nothing away from ours.

    Raises:
        CellError: the network breaks the contract.
    """
    training = replace(workload, phase="update")
    counted = count(build, workload)
    counted_training = count(build, training)

    def prepare(of: Workload, device: str) -> Callable[[], Counted]:
        return lambda: _prepare(build, of, device)

    without_data, with_data = prepare(workload, counted.counted_on), prepare(workload, "cpu")
    ours = attempt(count_with_ours, without_data)
    return CounterComparison(
        inference={
            "ours": replace(ours, macs=counted.macs, flops=counted.flops),
            "torch": attempt(count_with_torch, with_data),
            "fvcore": attempt(count_with_fvcore, with_data),
            "ptflops": attempt(count_with_ptflops, with_data),
            "thop_rules": attempt(partial(count_by_rules, rules=THOP), without_data),
            "transposed_once_rules": attempt(
                partial(count_by_rules, rules=TRANSPOSED_ONCE), without_data
            ),
        },
        update={
            "ours": CounterResult(counted_training.macs, counted_training.flops),
            "torch": attempt(count_with_torch, prepare(training, "cpu")),
        },
    )


def count(build: Callable[[], nn.Module], workload: Workload) -> OperationCount:
    """Our count of a step."""
    return without_data_if_possible(lambda device: count_step(build, workload, device), workload)


def _prepare(build: Callable[[], nn.Module], workload: Workload, device: str) -> Counted:
    step = prepare_counted_step(build, workload, device)
    return Counted(step.model, step.example.mixture, step.run)
