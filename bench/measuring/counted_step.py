"""Counts the operations of a workload's step, forward and backward."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from bench.counting.counter import OperationCounter
from bench.counting.modules import ModulePath, summarize_modules
from bench.measuring.contract import as_defined
from bench.measuring.step import Step, prepare_step
from bench.results.measurements import ModuleCounts, OperationCount
from bench.results.record import CellError
from bench.results.workload import Workload

Build = Callable[[], nn.Module]
Counted = TypeVar("Counted")


def without_data_if_possible(count: Callable[[str], Counted], workload: Workload) -> Counted:
    """What ``count`` gives on the meta device, which knows shapes and holds no data.

    A network that needs data (it reads a value, say) is counted on the workload's own device.

    Raises:
        CellError: the network breaks the contract.
    """
    try:
        return count("meta")
    except CellError:
        raise
    except Exception:  # whatever a network does that needs data; its own errors come again
        return count(workload.device)


def prepare_counted_step(build: Build, workload: Workload, device: str) -> Step:
    """A workload's step on ``device``, with its layers computed as they are defined."""
    with torch.device(device):
        model = as_defined(build())
    with OperationCounter():  # not for its tallies: it makes a check on meta tensors quick
        step = prepare_step(model, workload, device)
        step.match_beforehand()
        step.settle()
    return step


def count_step(build: Build, workload: Workload, device: str) -> OperationCount:
    """The operations of one step of a workload, counted on ``device``.

    Layers are counted as they are defined, whatever equal form a network computes them in. A
    compiled network is counted as its eager graph, and the result says so.
    """
    from torch._dynamo import OptimizedModule  # late: other probes' processes do without it

    with torch.compiler.set_stance("force_eager"):
        step = prepare_counted_step(build, workload, device)
        with OperationCounter() as counter:
            step.run()
    return OperationCount(
        macs=counter.macs,
        flops=counter.flops,
        operators=dict(sorted(counter.tallies.items())),
        counted_on=device,
        is_eager_graph_of_compiled=any(
            isinstance(module, OptimizedModule) for module in step.model.modules()
        ),
    )


def count_modules(build: Build, workload: Workload, device: str) -> ModuleCounts:
    """The operations of one step of a workload by module, counted on ``device``."""
    step = prepare_counted_step(build, workload, device)
    path = ModulePath(step.model)
    with OperationCounter(path.current) as counter:
        step.run()
    return ModuleCounts(summarize_modules(step.model, counter, path))
