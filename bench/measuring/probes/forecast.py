"""What a step must hold at least, told without running it: the liveness walk on the meta device.

The parent makes a forecast of it by the smaller cells that were measured (``bench.forecasting``).
"""

from collections.abc import Callable

import torch
from torch import nn

from bench.machine.free_memory import free_memory_bytes
from bench.measuring.memory.liveness import trace_without_data
from bench.measuring.memory.peaks import read_resident_bytes
from bench.networks.full_memory import is_memory_full
from bench.results.forecast import MemoryForecast
from bench.results.record import CellError, Status
from bench.results.workload import Phase, Workload

CUDA_CONTEXT_BYTES = 500_000_000
"""Of a process on a GPU beside what torch allocates, before any was measured."""


def measure_beside(phase: Phase) -> int:
    """Bytes that this process holds once torch has computed something, on the CPU.

    Pages of libraries count from when they are first used, so a small step uses them.
    """
    network = nn.Sequential(
        nn.Conv1d(1, 16, 4, stride=2),
        nn.PReLU(),
        nn.GroupNorm(1, 16),
        nn.Conv1d(16, 16, 3, groups=16),
        nn.ConvTranspose1d(16, 2, 4, stride=2),
    )
    with torch.set_grad_enabled(phase == "update"):
        loss = network(torch.ones(1, 1, 1000)).square().mean()
    if phase == "update":
        loss.backward()
        torch.optim.Adam(network.parameters()).step()
    return read_resident_bytes("VmRSS")


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> MemoryForecast:
    """The minimum, and with what this process holds itself a first forecast.

    Raises:
        CellError: the network needs data; it would have to run.
    """
    on_cuda = workload.device == "cuda"
    try:
        build()  # loads its code; without data it would load more, as the walk does
        beside = CUDA_CONTEXT_BYTES if on_cuda else measure_beside(workload.phase)
        known = trace_without_data(build, workload)
    except (CellError, ModuleNotFoundError):
        raise
    except Exception as error:
        if is_memory_full(error):
            raise
        reason = (
            "Its memory can't be told without running it: the network needs data "
            f"({type(error).__name__})."
        )
        raise CellError(Status.UNSUPPORTED, reason) from error
    minimum = int(known.values["minimum_bytes"])
    available = torch.cuda.mem_get_info()[0] if on_cuda else free_memory_bytes()
    if available is None:
        raise CellError(Status.UNSUPPORTED, "The kernel does not say how much memory is free.")
    return MemoryForecast(
        minimum_bytes=minimum,
        allocated_bytes=minimum,
        process_bytes=beside + minimum,
        available_bytes=available,
        n_smaller=0,
    )
