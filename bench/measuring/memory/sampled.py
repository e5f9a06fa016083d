"""memory-profiler's value, as the paper's authors had theirs: the resident set, sampled.

A cross-check only. It misses peaks that are shorter than its interval, which the kernel's own
high-water mark (``memory``) does not.
"""

import warnings
from collections.abc import Callable
from multiprocessing import active_children

from bench.measuring.memory.known import Known

INTERVAL_S = 0.01
NOT_INSTALLED = "memory-profiler is not installed: pip install 'separation-bench[crosscheck]'"


def measure_sampled(run: Callable[[], object]) -> Known:
    """Run once and give the largest resident set that memory-profiler saw.

    It forks a process that samples this one. Without the package ``run`` runs all the same, and a
    note stands in for the value.
    """
    try:
        from memory_profiler import MemTimer, memory_usage
    except ModuleNotFoundError:
        run()
        return Known(notes={"memory_profiler_bytes": NOT_INSTALLED})
    with warnings.catch_warnings():
        # Forking beside torch's threads is safe here: the new process only reads /proc.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            # One iteration: its default repeats a short function, ever more often sampled.
            peak_mib = memory_usage((run,), interval=INTERVAL_S, max_usage=True, max_iterations=1)
        finally:
            for child in active_children():
                if isinstance(child, MemTimer):  # it has sent all it had, or was killed
                    child.join()
    return Known({"memory_profiler_bytes": int(peak_mib * 2**20)})
