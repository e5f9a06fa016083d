"""The processes of one run, which are no neighbours of each other.

Those of a round live side by side and take turns: each has a context on the GPU, and one at a time
makes it work.
"""

import os
from collections.abc import Mapping

import psutil

RUN_VARIABLE = "SEPARATION_BENCH_RUN"
"""Of a measuring process's environment: the number of the process that measures by it."""


def own_processes(own_pid: int, variables: Mapping[str, str] = os.environ) -> set[int]:
    """A process, and those that the same run has started besides."""
    try:
        run = psutil.Process(int(variables.get(RUN_VARIABLE, "")))
        started = {process.pid for process in run.children(recursive=True)}
    except (ValueError, psutil.Error):
        return {own_pid}
    return {run.pid, *started} if own_pid in started else {own_pid}
