"""Clocks that take the time of one step and of its parts, on the host and on a GPU."""

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch

from bench.measuring.step import Run


class CallTiming(NamedTuple):
    """Seconds of one call: the whole, its parts as the call marked them, and the host's wall."""

    total_s: float
    parts_s: Sequence[float]  # of a call that marks nothing: the whole alone
    host_s: float


class Stopwatch(Protocol):
    """Runs a step once and takes its time."""

    def __call__(self, run: Run) -> CallTiming:
        """Run it and take its time."""


def time_on_host(run: Run) -> CallTiming:
    """Wall time on the host's monotonic clock, for work that ends when the call returns."""
    moments: list[float] = []

    def mark() -> None:
        moments.append(time.perf_counter())

    mark()
    run(mark)
    mark()
    total_s = moments[-1] - moments[0]
    return CallTiming(total_s, [end - start for start, end in pairwise(moments)], total_s)


def time_on_cuda(run: Run) -> CallTiming:
    """Time between events on the current CUDA stream, all earlier work finished first.

    The wall time beside it ends when the device has finished, too.
    """
    events: list[torch.cuda.Event] = []

    def mark() -> None:
        events.append(torch.cuda.Event(enable_timing=True))
        events[-1].record()

    torch.cuda.synchronize()
    start = time.perf_counter()
    mark()
    run(mark)
    mark()
    events[-1].synchronize()
    host_s = time.perf_counter() - start
    torch.cuda.synchronize()  # also what other streams have: the next call may be another process's
    parts_s = [before.elapsed_time(after) / 1000 for before, after in pairwise(events)]
    return CallTiming(events[0].elapsed_time(events[-1]) / 1000, parts_s, host_s)
