"""From the driver's view of a GPU to what makes it unfit for measuring: a pure function."""

from collections.abc import Iterator, Sequence

from bench.machine.finding import Finding, Severity, ok, unknown
from bench.machine.gpu import SLOWDOWNS
from bench.results.environment import (
    GRAPHICS_BYTES,
    GRAPHICS_SHARE,
    NO_CUDA,
    Environment,
    GpuReading,
)
from bench.units import format_si

GPU_IDLE_BYTES = 1e9  # more than a driver itself holds on an idle GPU


def find_gpu_faults(gpu: GpuReading | None, environment: Environment) -> Iterator[Finding]:
    """What the driver says, held against what torch sees."""
    seen_by_torch, problem = environment.machine.gpu, environment.problems.get(NO_CUDA)
    if gpu is None and not seen_by_torch and not problem:
        yield ok("GPU", "none to be seen")
        return
    names = [found.name for found in (gpu, seen_by_torch) if found is not None]
    name = next(filter(None, names), "a GPU without a name")
    yield _gpu_build(name, environment.torch.cuda_build, bool(seen_by_torch), problem)
    if gpu is None:
        yield unknown("GPU load")
        return
    yield _gpu_neighbours(gpu)
    yield _gpu_clock(gpu.throttle_reasons)
    yield _gpu_persistence(gpu.is_persistent)


def _gpu_build(name: str, cuda_build: str | None, is_seen: bool, problem: str | None) -> Finding:
    build = f"torch is built for CUDA {cuda_build}" if cuda_build else "torch is built without CUDA"
    found = f"{name}; {build}"
    if problem:
        found = f"{found} and can't use it: {problem}"
    elif cuda_build and not is_seen:
        found = f"{found} and does not see it"
    elif cuda_build:
        return ok("GPU", found)
    return Finding(
        "GPU",
        Severity.WARN,
        found,
        "The training step would run on the CPU.",
        "Install a build of torch for this driver (selector on pytorch.org, Get Started).",
    )


def _gpu_neighbours(gpu: GpuReading) -> Finding:
    """A container can hide processes; it does not hide that memory or time is in use."""
    used_bytes, busy_share = gpu.memory_used_bytes, gpu.busy_share
    if gpu.n_other_computing:
        who = f"{gpu.n_other_computing} other process(es)"
    elif gpu.is_drawn_on:
        who = f"{gpu.n_other_graphics} process(es) that draw much"
    elif (used_bytes or 0) > GPU_IDLE_BYTES + _drawn_bytes(gpu):
        who = "processes that are not listed"
    elif (busy_share or 0.0) > GRAPHICS_SHARE:
        who = "processes that are not listed, or that draw much"
    elif gpu.n_other_processes is None:
        return unknown("GPU load")
    elif gpu.n_other_graphics:
        return ok("GPU load", f"no other process but {gpu.n_other_graphics} of a desktop at rest")
    else:
        return ok("GPU load", "no other process")
    memory = "" if used_bytes is None else f"; {format_si(used_bytes, 'B')} in use"
    busy = "" if busy_share is None else f"; {busy_share:.0%} busy"
    return Finding(
        "GPU load",
        Severity.UNFIT,
        who + memory + busy,
        "Kernels of two processes take turns, and each takes memory from the other.",
        "End it, or choose another GPU with CUDA_VISIBLE_DEVICES (nvidia-smi shows it).",
    )


def _drawn_bytes(gpu: GpuReading) -> float:
    """What listed processes that draw hold; what they may hold, where it is not told."""
    if gpu.other_graphics_bytes is None:
        return GRAPHICS_BYTES if gpu.n_other_graphics else 0.0
    return gpu.other_graphics_bytes


def _gpu_clock(reasons: Sequence[str] | None) -> Finding:
    if reasons is None:
        return unknown("GPU clock")
    slowed = [reason for reason in reasons if reason in SLOWDOWNS]
    if not slowed:
        return ok("GPU clock", ", ".join(reasons) or "not held back")
    return Finding(
        "GPU clock",
        Severity.UNFIT,
        f"held back: {', '.join(slowed)}",
        "The clock moves with heat and power while a measurement runs.",
        "Let it cool, then fix the clock below the cap: sudo nvidia-smi --lock-gpu-clocks=MHZ",
    )


def _gpu_persistence(is_persistent: bool | None) -> Finding:
    if is_persistent is None:
        return unknown("GPU driver")
    if is_persistent:
        return ok("GPU driver", "stays loaded between processes")
    return Finding(
        "GPU driver",
        Severity.WARN,
        "unloaded when no process uses it",
        "Each process then loads it again, and clock settings are lost in between.",
        "sudo nvidia-smi --persistence-mode=1",
    )
