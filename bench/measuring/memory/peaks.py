"""Peaks of memory during a step: the process's, as the kernel keeps it, and the allocators'."""

import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from bench.measuring.gpu import open_own_gpu
from bench.measuring.memory.held import count_storage_bytes, find_held
from bench.measuring.memory.known import Known
from bench.measuring.step import Step
from bench.results.record import CellError, Status

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


def measure_peak_resident(run: Callable[[], object]) -> Known:
    """The resident set before ``run``, and its peak during it, as the kernel kept it."""
    reset_peak()
    floor = read_resident_bytes("VmRSS")
    run()
    peak = read_resident_bytes("VmHWM")
    return Known(
        {
            "floor_rss_bytes": floor,
            "peak_rss_bytes": peak,
            "growth_rss_bytes": max(0, peak - floor),
        }
    )


def measure_peak_allocated(run: Callable[[], object]) -> int:
    """Bytes that torch's CPU allocator held at most during ``run``, above what it held before.

    The profiler does not see that ``run`` frees what was allocated before it.
    """
    # There is one cycle; without acc_events torch 2.11 warns that earlier ones are lost.
    with profile(
        activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True
    ) as profiler:
        run()
    held = peak = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def measure_peak_held(step: Step) -> int:
    """Bytes that torch's CPU allocator held at most during a warm step.

    Gradients are let go before, as the step would, because the profiler would not see that.
    Nothing else that was there before is freed in a step.
    """
    if step.optimiser is not None:
        step.optimiser.zero_grad()
    held = find_held(step)
    before = count_storage_bytes((*held.weights, *held.optimiser, *held.example))
    return before + measure_peak_allocated(step.run)


def measure_cuda(run: Callable[[], object], prefix: str = "") -> Known:
    """The allocator's peaks on the device during ``run``, what it held before included."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    floor = torch.cuda.memory_allocated()
    run()
    torch.cuda.synchronize()
    peaks = {
        f"{prefix}floor_allocated_bytes": floor,
        f"{prefix}peak_allocated_bytes": torch.cuda.max_memory_allocated(),
        f"{prefix}peak_reserved_bytes": torch.cuda.max_memory_reserved(),
    }
    return Known(peaks) | _process_bytes(prefix)


def measure_cublas_workspace() -> int:
    """Bytes that cuBLAS holds between steps, for itself; they are given back to be counted.

    It takes them at its first product, from torch's allocator, for each of its handles (the
    backward pass has another) and keeps them: 8 MiB each, 32 MiB on Hopper
    (https://docs.pytorch.org/docs/stable/notes/cuda.html#cublas-workspaces).
    """
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch._C._cuda_clearCublasWorkspaces()
    return before - torch.cuda.memory_allocated()


def _process_bytes(prefix: str) -> Known:
    """What the driver says this process holds on the GPU, the CUDA context included."""
    driver = open_own_gpu()
    held = None if driver is None else driver.process_bytes(os.getpid())
    if held is None:
        return Known(
            notes={f"{prefix}process_bytes": "Not available here: the driver does not tell."}
        )
    return Known({f"{prefix}process_bytes": held})
