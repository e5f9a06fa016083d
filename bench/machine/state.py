"""What changes on a machine from minute to minute or at an administrator's word.

None of it says whether two records come from the same machine (``description.py`` does); all of
it may explain why their times differ. What is not available here is None, never 0.
"""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from bench.machine.attempt import attempt
from bench.machine.contention import read_counters
from bench.machine.free_memory import free_memory_bytes, memory_sizes
from bench.machine.gpu import Gpu, GpuProcess, open_gpu
from bench.machine.kernel_files import read_number, read_numbers, read_text
from bench.machine.own_run import own_processes
from bench.results.environment import GpuReading, MachineState

ROOT = Path("/")
ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc", "hoard", "snmalloc")
"""Libraries that take malloc over, as their file names begin after ``lib``."""
WATCHED_S = 1.0
"""Before a reading of a GPU: what others took of its time since then counts."""


def describe_state(
    root: Path = ROOT, has_cuda_context: bool = False, gpu_uuid: str | None = None
) -> MachineState:
    """Settings and load of processors, memory and GPU at this moment.

    ``has_cuda_context``: this process uses the GPU itself. ``gpu_uuid`` is of the GPU that torch
    uses, where one is known.
    """
    problems: dict[str, str] = {}
    processors = root / "sys/devices/system/cpu"
    governors = {read_text(path) for path in processors.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    throttles = read_numbers(processors, "cpu[0-9]*/thermal_throttle/core_throttle_count")
    sizes = memory_sizes(root)
    swap, free_swap = sizes.get("SwapTotal"), sizes.get("SwapFree")
    return MachineState(
        governor=", ".join(sorted(filter(None, governors))) or None,
        is_boost_on=_boost(processors),
        cpu_frequency_hz=_frequency(root),
        n_thermal_throttles=sum(throttles) if throttles else None,
        steal_s=read_counters(root / "proc").steal_s,
        memory_available_bytes=free_memory_bytes(root),
        swap_used_bytes=None if swap is None or free_swap is None else swap - free_swap,
        transparent_huge_pages=_huge_pages(root),
        load_average=attempt(problems, "load_average", psutil.getloadavg),
        pressure={name: pressure_share(root, name) for name in ("cpu", "memory", "io")},
        is_address_layout_random=_address_layout(root),
        preloaded=tuple(preloaded_libraries(os.environ)),
        allocator=allocator(root),
        gpu=attempt(problems, "gpu", lambda: _own_gpu(gpu_uuid, has_cuda_context)),
        problems=problems,
    )


def _boost(processors: Path) -> bool | None:
    """Whether clocks may rise above the base: the generic switch, or Intel's inverted one."""
    boost = read_number(processors / "cpufreq/boost")
    if boost is not None:
        return boost == 1
    no_turbo = read_number(processors / "intel_pstate/no_turbo")
    return None if no_turbo is None else no_turbo == 0


def _frequency(root: Path) -> float | None:
    """The mean over processors, from the scaling driver (kHz) or else /proc/cpuinfo (MHz)."""
    scaling = read_numbers(root / "sys/devices/system/cpu", "cpu[0-9]*/cpufreq/scaling_cur_freq")
    clocks = [1e3 * frequency for frequency in scaling]
    if not clocks:
        lines = re.findall(r"^cpu MHz\s*: ([\d.]+)$", read_text(root / "proc/cpuinfo") or "", re.M)
        clocks = [1e6 * float(frequency) for frequency in lines]
    return sum(clocks) / len(clocks) if clocks else None


def _huge_pages(root: Path) -> str | None:
    """How huge pages are given out: always, madvise or never."""
    pages = read_text(root / "sys/kernel/mm/transparent_hugepage/enabled") or ""
    chosen = re.search(r"\[(\w+)\]", pages)
    return chosen.group(1) if chosen else None


def pressure_share(root: Path, resource: str) -> float | None:
    """Of the last 10 s, the share in which some process waited for the resource; from 0 to 1."""
    found = re.search(r"some avg10=([\d.]+)", read_text(root / f"proc/pressure/{resource}") or "")
    return float(found.group(1)) / 100 if found else None


def _address_layout(root: Path) -> bool | None:
    """Whether each new process gets another layout of its address space (ASLR)."""
    level = read_number(root / "proc/sys/kernel/randomize_va_space")
    return None if level is None else level > 0


def preloaded_libraries(variables: Mapping[str, str]) -> list[str]:
    """File names in LD_PRELOAD; their folders may name a person."""
    return [Path(path).name for path in re.split(r"[ :]+", variables.get("LD_PRELOAD", "")) if path]


def allocator(root: Path = ROOT) -> str | None:
    """Whose malloc this process has loaded; ``libc`` when nobody else's."""
    maps = read_text(root / "proc/self/maps")
    if maps is None:
        return None
    return next((name for name in ALLOCATORS if f"/lib{name}" in maps), "libc")


def _own_gpu(uuid: str | None, has_context: bool) -> GpuReading | None:
    gpu = open_gpu(uuid=uuid)
    return None if gpu is None else read_gpu(gpu, os.getpid(), has_context)


def read_gpu(
    gpu: Gpu, own_pid: int, has_context: bool = False, now: Callable[[], float] = time.time
) -> GpuReading:
    """The driver's view; of processes of others their number, memory and time, not which they are.

    In a container the driver may list processes by the host's numbers, or none. Where ``own_pid``
    has a context and is not listed, it and the other processes of its run are among those that
    compute, and which these are is not known.
    """
    processes = gpu.processes()
    own = own_processes(own_pid)
    others = [process for process in processes or () if process.pid not in own]
    drawing = [process for process in others if process.draws]
    computing = [process for process in others if not process.draws]
    is_listed = len(others) < len(processes or ())
    is_hidden = has_context and bool(computing) and not is_listed
    n_hidden = min(len(computing), len(own)) if is_hidden else 0
    is_blind = has_context and not computing and not is_listed
    n_others = None if processes is None or is_blind else len(others) - n_hidden
    known = drawing if n_hidden == len(computing) else others
    is_told_apart = n_others is not None and n_hidden in (0, len(computing))
    return replace(
        gpu.read(),
        n_other_processes=n_others,
        other_processes_bytes=_sum_bytes(known) if is_told_apart else None,
        n_other_graphics=None if processes is None else len(drawing),
        other_graphics_bytes=None if processes is None else _sum_bytes(drawing),
        other_graphics_share=None if processes is None else _share(gpu, drawing, now() - WATCHED_S),
    )


def _sum_bytes(processes: Sequence[GpuProcess]) -> int | None:
    """What they hold together, where it is known of each."""
    sizes = [process.memory_bytes for process in processes]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _share(gpu: Gpu, processes: Sequence[GpuProcess], since_s: float) -> float | None:
    """Of the GPU's time, what some processes have taken together."""
    if not processes:
        return 0.0
    shares = gpu.busy_shares(since_s)
    return None if shares is None else sum(shares.get(process.pid, 0.0) for process in processes)
