"""Where the operations of a forward go."""

from collections.abc import Callable

from torch import nn

from bench.counting.counter import OperationCounter
from bench.counting.modules import ModulePath, summarize_modules
from bench.measure.counted_step import prepare_counted_step, without_data_if_possible
from bench.results.measurements import ModuleCounts
from bench.results.workload import Workload


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> ModuleCounts:
    """The rows of a forward.

    Raises:
        CellError: the network breaks the contract.
    """

    def count(device: str) -> ModuleCounts:
        step = prepare_counted_step(build, workload, device)
        path = ModulePath(step.model)
        with OperationCounter(path.current) as counter:
            step.run()
        return ModuleCounts(summarize_modules(step.model, counter, path))

    return without_data_if_possible(count, workload)
