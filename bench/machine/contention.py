"""What else used the processors: the kernel's counters, read before and after a timed call.

Both readings are outside the timed region; their differences say how long this process waited for
a processor and what others did meanwhile (``bench.results.contention``). A counter that this
machine does not have is None, never 0.
"""

import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.results.contention import Contention

PROC = Path("/proc")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
"""The unit of /proc/stat."""


@dataclass(frozen=True)
class Counters:
    """What has been counted since the machine or the process started; None is not available."""

    thread_waits_s: Mapping[int, float] | None  # runnable, and not running, by own thread
    involuntary_switches: int  # own threads that were taken off a processor
    own_cpu_s: float  # used by this process
    busy_s: float | None  # used by all processes together, this one among them; in ticks
    steal_s: float | None  # that the hypervisor gave to other machines; in ticks
    pressure_s: float | None  # in which some process of the machine waited for a processor
    n_running: int | None  # processes and threads that run or wait, at this moment
    n_cpus: int | None  # that ``busy_s`` adds up


def contention_between(
    before: Counters, after: Counters, wall_s: float, threads: int
) -> Contention:
    """What happened between two readings around a call that took ``wall_s`` on ``threads``."""
    busy_s = _growth(before.busy_s, after.busy_s)
    own_cpu_s = after.own_cpu_s - before.own_cpu_s
    running = [n for n in (before.n_running, after.n_running) if n is not None]
    return Contention(
        wall_s=wall_s,
        threads=threads,
        n_cpus=after.n_cpus,
        wait_s=_waited(before.thread_waits_s, after.thread_waits_s, wall_s),
        involuntary_switches=after.involuntary_switches - before.involuntary_switches,
        others_cpu_s=None if busy_s is None else max(0.0, busy_s - own_cpu_s),
        steal_s=_growth(before.steal_s, after.steal_s),
        pressure_s=_growth(before.pressure_s, after.pressure_s),
        n_others_running=max(0, max(running) - threads) if running else None,
    )


def _growth(before: float | None, after: float | None) -> float | None:
    """The difference of a counter that is in both; the kernel may correct one downwards."""
    return None if before is None or after is None else max(0.0, after - before)


def _waited(
    before: Mapping[int, float] | None, after: Mapping[int, float] | None, wall_s: float
) -> float | None:
    """Thread by thread, since threads begin and end between two readings.

    The kernel books a wait when it ends, also the part that lies before the call: no thread has
    waited for longer than the call took.
    """
    if before is None or after is None:
        return None
    grown = (wait_s - before.get(thread, 0.0) for thread, wait_s in after.items())
    return sum(min(max(0.0, wait_s), wall_s) for wait_s in grown)


def read_counters(proc: Path = PROC) -> Counters:
    """The counters now; a file that is not there or says something else gives None."""
    busy_s, steal_s, n_cpus = _processors(proc)
    return Counters(
        thread_waits_s=_thread_waits(proc),
        involuntary_switches=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
        own_cpu_s=time.process_time(),
        busy_s=busy_s,
        steal_s=steal_s,
        pressure_s=_pressure(proc),
        n_running=read_running(proc),
        n_cpus=n_cpus,
    )


def _read(path: str) -> str:
    """A small file at once: Path and buffered files cost as much as the counters."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 1 << 16).decode()
    finally:
        os.close(descriptor)


def _thread_waits(proc: Path) -> dict[int, float] | None:
    """Seconds on the run queue by thread (the second field of schedstat, nanoseconds)."""
    tasks = f"{proc}/self/task"
    waits_s = {}
    try:
        for thread in os.listdir(tasks):
            try:
                waits_s[int(thread)] = int(_read(f"{tasks}/{thread}/schedstat").split()[1]) / 1e9
            except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                continue
    except (OSError, ValueError, IndexError):
        return None
    return waits_s or None


def _processors(proc: Path) -> tuple[float | None, float | None, int | None]:
    """Seconds of work and of steal over all processors, and their number (proc_stat(5))."""
    try:
        lines = _read(f"{proc}/stat").split("\n")
        fields = [int(field) * TICK_S for field in lines[0].split()[1:9]]
        user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    except (OSError, ValueError):
        return None, None, None
    n_cpus = sum(line.startswith("cpu") for line in lines) - 1
    return user + nice + system + irq + softirq, steal, n_cpus


def _pressure(proc: Path) -> float | None:
    """The total of the line "some" of /proc/pressure/cpu, microseconds."""
    try:
        some = _read(f"{proc}/pressure/cpu").split("\n")[0]
        return int(some.split("total=")[1]) / 1e6
    except (OSError, ValueError, IndexError):
        return None


def read_running(proc: Path = PROC) -> int | None:
    """The first number of "running/all" in /proc/loadavg."""
    try:
        return int(_read(f"{proc}/loadavg").split()[3].split("/")[0])
    except (OSError, ValueError, IndexError):
        return None
