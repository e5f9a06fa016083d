"""Peak memory of one warmed step.

On the CPU: the kernel's own high-water mark of the process, reset just before the step, so
that nothing is sampled and nothing missed; in a second pass, the peak of torch's allocator. On
CUDA: the allocator's peak, reset just before the step.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from bench.measure.contract import CellError
from bench.measure.step import Step, prepare_step
from bench.results.record import Status, Workload

CLEAR_REFS = Path("/proc/self/clear_refs")
PROCESS_STATUS = Path("/proc/self/status")
RESET_PEAK = "5"  # proc(5): sets the peak of the resident set to its present size


def read_resident_bytes(field: str) -> int:
    """``VmRSS`` (now) or ``VmHWM`` (peak) of this process, from /proc/self/status."""
    for line in PROCESS_STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise KeyError(field)


def reset_peak() -> None:
    """Make the present resident set the peak.

    Raises:
        CellError: this system has no such switch.
    """
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
        read_resident_bytes("VmHWM")
    except (OSError, KeyError) as error:
        reason = (
            f"This system's kernel does not reset the peak of a process ({CLEAR_REFS}: {error})."
        )
        raise CellError(Status.UNSUPPORTED, reason) from error


def measure_peak_resident(run: Callable[[], object]) -> dict[str, int]:
    """The resident set before ``run``, and its peak during it, as the kernel kept it."""
    reset_peak()
    floor = read_resident_bytes("VmRSS")
    run()
    peak = read_resident_bytes("VmHWM")
    return {
        "floor_rss_bytes": floor,
        "peak_rss_bytes": peak,
        "growth_rss_bytes": max(0, peak - floor),
    }


def measure_peak_allocated(run: Callable[[], object]) -> int:
    """Bytes that torch's CPU allocator held at most during ``run``, above what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    held = peak = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def measure_cpu(step: Step) -> dict[str, Any]:
    """Two passes: the process as the kernel sees it, then torch's allocator."""
    resident = measure_peak_resident(step.run)
    return resident | {"peak_allocated_bytes": measure_peak_allocated(step.run)}


def measure_cuda(step: Step) -> dict[str, Any]:
    """The allocator's peaks of the device, weights and optimiser state included."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    floor = torch.cuda.memory_allocated()
    step.run()
    torch.cuda.synchronize()
    return {
        "floor_allocated_bytes": floor,
        "peak_allocated_bytes": torch.cuda.max_memory_allocated(),
        "peak_reserved_bytes": torch.cuda.max_memory_reserved(),
    }


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> dict[str, Any]:
    """The peak of one step after a first one has warmed caches, gradients and optimiser.

    Raises:
        CellError: the network breaks the contract, or this system can't tell.
    """
    if workload.device == "cpu":
        reset_peak()
    step = prepare_step(build().to(workload.device), workload)
    step.run_checked()
    return measure_cpu(step) if workload.device == "cpu" else measure_cuda(step)
