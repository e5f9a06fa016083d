"""Read what ``fitness`` judges; the one place that touches the machine for it."""

import os
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from bench.machine.contention import Counters, contention_between, read_counters
from bench.machine.description import available_cpus
from bench.machine.energy import find_packages
from bench.machine.fitness import Readings
from bench.machine.lock import measuring_process
from bench.machine.state import describe_state
from bench.machine.trial import Trial
from bench.results.contention import Contention
from bench.results.environment import Environment

WATCH_S = 0.5
"""Long enough that a tick of 10 ms is 2 % of it."""
EXTRAS = {
    "asteroid": ("asteroid",),
    "crosscheck": ("fvcore", "memory_profiler", "ptflops"),
    "history": ("ruptures",),
    "page": ("vl_convert",),
    "train": ("tensorboard",),
}
"""This project's extras, and the packages that each installs (pyproject.toml).

Those of runtimes and of the zoo's networks are left out: nobody misses them who does not ask for
one, and who does is told what installs it.
"""
CLEAR_REFS = Path("/proc/self/clear_refs")


def take_readings(
    output: Path,
    fetch_environment: Callable[[int], Environment],
    try_machine: Callable[[Environment], Trial],
) -> Readings:
    """Everything that is judged before a run whose reports go to ``output``.

    ``fetch_environment`` asks a measuring process of so many threads to describe itself;
    ``try_machine`` has two of them take turns.

    Raises:
        UsageError: no measuring process can start.
    """
    load = watch_load()  # first: the processes that are started here are no neighbours
    environment = fetch_environment(available_cpus())
    gpu = environment.machine.gpu
    state = describe_state(gpu_uuid=gpu.uuid if gpu else None)
    return Readings(
        environment=environment,
        state=state,
        load=load,
        variables=dict(os.environ),
        missing_extras=missing_extras(),
        other_run=measuring_process(),
        unwritable=why_unwritable(output),
        packages=find_packages(),
        can_reset_peak=can_reset_peak(),
        trial=try_machine(environment),
    )


def watch_load(
    read: Callable[[], Counters] = read_counters,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Contention:
    """What others do while this process waits for ``WATCH_S``."""
    before, start = read(), clock()
    wait(WATCH_S)
    elapsed_s = clock() - start
    return contention_between(before, read(), elapsed_s, threads=1)


def missing_extras(is_there: Callable[[str], object] = find_spec) -> list[str]:
    """Extras of this project of which some package is not installed."""
    return [extra for extra, packages in EXTRAS.items() if not all(map(is_there, packages))]


def why_unwritable(folder: Path) -> str | None:
    """Why no file can be made in a folder, or in the nearest one above that is there; or None."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return None
    except OSError as error:
        return f"{folder}: {error.strerror}"


def can_reset_peak(path: Path = CLEAR_REFS) -> bool:
    """Whether the kernel takes a 5, which sets a process's high-water mark back."""
    try:
        path.write_text("5")
    except OSError:
        return False
    return True
