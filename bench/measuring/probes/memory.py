"""Peak memory of one warmed step, and where it goes.

On the CPU three steps run. memory-profiler samples the first, which warms the rest; of the
second the kernel keeps the process's high-water mark, reset just before, so that nothing is sampled
and nothing missed; of the third torch's profiler gives the allocator's peak. On CUDA: the
allocator's peaks of the first step (cold: libraries load their kernels) and of the second (warm).

The allocator's peak includes what is held from step to step, on both.
"""

from collections.abc import Callable

import msgspec
from torch import nn

from bench.measuring.memory.held import count_storage_bytes, find_held
from bench.measuring.memory.known import Known
from bench.measuring.memory.liveness import measure_minimum
from bench.measuring.memory.peaks import (
    measure_cublas_workspace,
    measure_cuda,
    measure_peak_held,
    measure_peak_resident,
    reset_peak,
)
from bench.measuring.memory.sampled import measure_sampled
from bench.measuring.step import Step, prepare_step
from bench.results.measurements import MemoryPeaks
from bench.results.workload import Workload


def measure_cpu(step: Step) -> Known:
    """Two passes over a warm step: the process as the kernel sees it, then torch's allocator."""
    resident = measure_peak_resident(step.run)
    return resident | Known({"peak_allocated_bytes": measure_peak_held(step)})


def split_peak(step: Step, peak_allocated_bytes: int, workspace_bytes: int = 0) -> Known:
    """Where the allocator's peak goes, after a step.

    ``weight_bytes``: parameters and buffers. ``gradient_bytes`` and ``optimiser_bytes``: what a
    training step leaves behind for the next (inference: 0). ``activation_bytes``: all that the
    step holds beyond those at its peak, so activations, workspace and the example itself. Gradients
    that do not exist yet at the peak leave their space to activations, so of a training step
    this is the least that these can have taken. ``workspace_bytes`` of the peak are known to be a
    library's own.
    """
    held = find_held(step)
    split = {
        "weight_bytes": count_storage_bytes(held.weights),
        "gradient_bytes": count_storage_bytes(held.gradients),
        "optimiser_bytes": count_storage_bytes(held.optimiser),
    }
    activation_bytes = peak_allocated_bytes - workspace_bytes - sum(split.values())
    return Known({**split, "activation_bytes": activation_bytes})


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> MemoryPeaks:
    """The peaks of a step, their split, and the theoretical minimum beside them.

    Raises:
        CellError: the network breaks the contract, or this system can't tell.
    """
    model = build().to(workload.device)
    if workload.device == "cpu":
        reset_peak()
        step = prepare_step(model, workload)
        found = measure_sampled(step.run_checked)
        step.settle()
        found |= measure_cpu(step)
        workspace_bytes = 0
    else:
        step = prepare_step(model, workload)
        found = measure_cuda(step.run_checked, "cold_")
        step.settle()
        found |= measure_cuda(step.run)
        workspace_bytes = measure_cublas_workspace()
        found |= Known({"workspace_bytes": workspace_bytes})
    peak_bytes = int(found.values["peak_allocated_bytes"])
    found |= split_peak(step, peak_bytes, workspace_bytes)
    found |= measure_minimum(build, workload, step)
    return msgspec.convert({**found.values, "notes": found.notes}, MemoryPeaks)
