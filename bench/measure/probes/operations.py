"""The operations of a step.

Counted on the meta device, which knows shapes and holds no data, unless a network can't run
there; then on the workload's own device.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from bench.measure.counted_step import count_step
from bench.results.record import CellError, Workload


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> dict[str, Any]:
    """Multiply-adds and FLOPs of one step, with what they are made of.

    Raises:
        CellError: the network breaks the contract.
    """
    try:
        return count_step(build, workload, "meta")
    except CellError:
        raise
    except Exception:  # whatever a network does that needs data; its own errors come again
        return count_step(build, workload, workload.device)
