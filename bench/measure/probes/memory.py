"""Peak memory of one warmed step, and where it goes.

On the CPU three steps run. memory-profiler samples the first, which warms the rest; of the
second the kernel keeps the process's high-water mark, reset just before, so that nothing is sampled
and nothing missed; of the third torch's profiler gives the allocator's peak. On CUDA: the
allocator's peaks of the first step (cold: cuDNN searches) and of the second (warm).

The allocator's peak includes what is held from step to step, on both. So
``weight_bytes + gradient_bytes + optimiser_bytes + activation_bytes == peak_allocated_bytes``.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from bench.machine.gpu import open_gpu
from bench.measure.memory.held import count_storage_bytes, find_held
from bench.measure.memory.liveness import measure_minimum
from bench.measure.memory.sampled import measure_sampled
from bench.measure.step import Step, prepare_step
from bench.results.record import CellError, Status, Workload

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
    """Bytes that torch's CPU allocator held at most during ``run``, above what it held before.

    The profiler does not see that ``run`` frees what was allocated before it.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    held = peak = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def measure_cpu(step: Step) -> dict[str, Any]:
    """Two passes over a warm step: the process as the kernel sees it, then torch's allocator."""
    found: dict[str, Any] = measure_peak_resident(step.run)
    return found | {"peak_allocated_bytes": measure_peak_held(step)}


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


def measure_cuda(run: Callable[[], object], prefix: str = "") -> dict[str, Any]:
    """The allocator's peaks on the device during ``run``, what it held before included."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    floor = torch.cuda.memory_allocated()
    run()
    torch.cuda.synchronize()
    return {
        f"{prefix}floor_allocated_bytes": floor,
        f"{prefix}peak_allocated_bytes": torch.cuda.max_memory_allocated(),
        f"{prefix}peak_reserved_bytes": torch.cuda.max_memory_reserved(),
        **_process_bytes(prefix),
    }


def _process_bytes(prefix: str) -> dict[str, Any]:
    """What the driver says this process holds on the GPU, the CUDA context included."""
    driver = open_gpu()
    held = None if driver is None else driver.process_bytes(os.getpid())
    if held is None:
        return {f"{prefix}process_bytes_note": "Not available here: the driver does not tell."}
    return {f"{prefix}process_bytes": held}


def split_peak(step: Step, peak_allocated_bytes: int) -> dict[str, int]:
    """Where the allocator's peak goes, after a step.

    ``weight_bytes``: parameters and buffers. ``gradient_bytes`` and ``optimiser_bytes``: what an
    update step leaves behind for the next (inference: 0). ``activation_bytes``: all that the
    step holds beyond those at its peak, so activations, workspace and the example itself. Gradients
    that do not exist yet at the peak leave their room to activations, so of an update step
    this is the least that these can have taken.
    """
    held = find_held(step)
    split = {
        "weight_bytes": count_storage_bytes(held.weights),
        "gradient_bytes": count_storage_bytes(held.gradients),
        "optimiser_bytes": count_storage_bytes(held.optimiser),
    }
    return split | {"activation_bytes": peak_allocated_bytes - sum(split.values())}


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> dict[str, Any]:
    """The peaks of a step, their split, and the theoretical minimum beside them.

    Raises:
        CellError: the network breaks the contract, or this system can't tell.
    """
    model = build().to(workload.device)
    if workload.device == "cpu":
        reset_peak()
        step = prepare_step(model, workload)
        found = measure_sampled(step.run_checked) | measure_cpu(step)
    else:
        step = prepare_step(model, workload)
        found = measure_cuda(step.run_checked, "cold_") | measure_cuda(step.run)
    found |= split_peak(step, found["peak_allocated_bytes"])
    return found | measure_minimum(build, workload, step)
