"""From the driver's view of a GPU to what makes it unfit for measuring: a pure function."""

from collections.abc import Iterator, Sequence

from bench.machine.finding import Finding, Severity, ok, unknown
from bench.machine.gpu import SLOWDOWNS
from bench.results.environment import Environment, GpuReading
from bench.units import format_si

GPU_IDLE_BYTES = 1e9  # more than a driver itself holds on an idle GPU


def find_gpu_faults(gpu: GpuReading | None, environment: Environment) -> Iterator[Finding]:
    """What the driver says, held against what torch sees."""
    seen_by_torch = environment.machine.gpu
    if gpu is None:
        yield unknown("GPU load") if seen_by_torch else ok("GPU", "none to be seen")
        return
    yield _gpu_build(gpu.name, environment.torch.cuda_build, bool(seen_by_torch))
    yield _gpu_neighbours(gpu)
    yield _gpu_clock(gpu.throttle_reasons)
    yield _gpu_persistence(gpu.is_persistent)


def _gpu_build(name: str | None, cuda_build: str | None, is_seen: bool) -> Finding:
    build = f"torch is built for CUDA {cuda_build}" if cuda_build else "torch is built without CUDA"
    found = f"{name or 'a GPU without a name'}; {build}"
    if cuda_build and is_seen:
        return ok("GPU", found)
    return Finding(
        "GPU",
        Severity.WARN,
        f"{found} and does not see it" if cuda_build else found,
        "The training step would run on the CPU.",
        "Install a build of torch for this driver (selector on pytorch.org, Get Started).",
    )


def _gpu_neighbours(gpu: GpuReading) -> Finding:
    """A container can hide processes; it does not hide that memory is in use."""
    n_others, used_bytes = gpu.n_other_processes, gpu.memory_used_bytes
    is_held = used_bytes is not None and used_bytes > GPU_IDLE_BYTES
    if not n_others and not is_held:
        return unknown("GPU load") if n_others is None else ok("GPU load", "no other process")
    who = f"{n_others} other process(es)" if n_others else "processes that are not listed"
    memory = "" if used_bytes is None else f"; {format_si(used_bytes, 'B')} in use"
    return Finding(
        "GPU load",
        Severity.UNFIT,
        who + memory,
        "Kernels of two processes take turns, and each takes memory from the other.",
        "End it, or choose another GPU with CUDA_VISIBLE_DEVICES (nvidia-smi shows it).",
    )


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
