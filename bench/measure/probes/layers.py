"""Where the operations of a forward go."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from bench.counting.counter import OperationCounter
from bench.counting.modules import ModulePath, summarize_modules
from bench.measure.contract import as_defined
from bench.measure.step import prepare_step
from bench.results.record import Workload


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> dict[str, Any]:
    """The rows of a forward on the meta device.

    Raises:
        CellError: the network breaks the contract.
    """
    with torch.device("meta"):
        model = as_defined(build())
    with OperationCounter():
        step = prepare_step(model, workload, "meta")
    path = ModulePath(model)
    with OperationCounter(path.current) as counter:
        step.run()
    return {"modules": summarize_modules(model, counter, path)}
