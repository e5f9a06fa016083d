"""The operations of a step: multiply-adds and FLOPs, with what they are made of."""

from collections.abc import Callable

from torch import nn

from bench.measuring.counted_step import count_step, without_data_if_possible
from bench.results.measurements import OperationCount
from bench.results.workload import Workload


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> OperationCount:
    """The count of one step.

    Raises:
        CellError: the network breaks the contract.
    """
    return without_data_if_possible(lambda device: count_step(build, workload, device), workload)
