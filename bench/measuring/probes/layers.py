"""Where the operations of a forward go."""

from collections.abc import Callable

from torch import nn

from bench.measuring.counted_step import count_modules, without_data_if_possible
from bench.results.measurements import ModuleCounts
from bench.results.workload import Workload


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> ModuleCounts:
    """The rows of a forward.

    Raises:
        CellError: the network breaks the contract.
    """
    return without_data_if_possible(lambda device: count_modules(build, workload, device), workload)
