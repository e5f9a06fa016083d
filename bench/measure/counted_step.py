"""Counts the operations of a workload's step, forward and backward."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from bench.counting.counter import OperationCounter, summarize_tallies
from bench.measure.contract import as_defined
from bench.measure.step import prepare_step
from bench.results.record import Workload


def count_step(build: Callable[[], nn.Module], workload: Workload, device: str) -> dict[str, Any]:
    """The operations of one step of a workload, counted on ``device``.

    Layers are counted as they are defined, whatever equal form a network computes them in. A
    compiled network is counted as its eager graph, and the result says so.
    """
    from torch._dynamo import OptimizedModule  # late: other probes' processes do without it

    with torch.compiler.set_stance("force_eager"):
        with torch.device(device):
            model = as_defined(build())
        with OperationCounter():  # not for its tallies: it makes a check on meta tensors quick
            step = prepare_step(model, workload, device)
            step.match_beforehand()
        with OperationCounter() as counter:
            step.run()
    return summarize_tallies(counter.tallies) | {
        "counted_on": device,
        "is_eager_graph_of_compiled": any(
            isinstance(module, OptimizedModule) for module in model.modules()
        ),
    }
