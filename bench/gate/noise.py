"""A synthetic clock whose noise is modelled on recorded times.

What a process measures is its true time, times a deviation of the process as a whole and of each
call, both drawn from records, times what the machine does meanwhile: a random walk, a steady
trend, and bursts of contention that begin at any call and last for some processes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator

from bench.errors import UsageError
from bench.gate.values import process_time, times_of
from bench.results.intervals import Array
from bench.results.record import Record, Status

CALLS = 5
"""In each simulated process."""

NEIGHBOURS_S = 10.0
"""Processes that began closer to each other than this tell how processes deviate."""


@dataclass(frozen=True)
class Bank:
    """Recorded deviations, as natural logarithms."""

    processes: Array  # [n]: of a process from its neighbours
    calls: Array  # [n, CALLS]: consecutive calls from their own median


@dataclass(frozen=True)
class Conditions:
    """What the machine does beside the deviations in the bank."""

    scale: float = 1.0  # of the recorded deviations of processes
    walk: float = 0.0  # standard deviation of the step from one process to the next
    trend: float = 0.0  # over the whole of the longest run
    burst_rate: float = 0.0  # of bursts that begin, for each process
    burst_processes: float = 2.0  # how long a burst lasts on average
    burst_size: float = 0.3  # mean of the slow-down of a burst's calls


def read_bank(runs: Iterable[Sequence[Record]]) -> Bank:
    """The deviations in the latency records of some runs, each in the order of measuring.

    Raises:
        UsageError: there are too few.
    """
    processes: list[float] = []
    calls: list[Array] = []
    for run in runs:
        good = [r for r in run if r.job.probe == "latency" and r.status == Status.OK]
        for record in good:
            times = np.log(times_of(record))
            if len(times) >= CALLS:
                windows = sliding_window_view(times, CALLS)
                calls.extend(windows - np.median(windows, axis=-1, keepdims=True))
        for earlier, later in pairwise(good):
            if _are_neighbours(earlier, later):
                ratio = np.log(process_time(later) / process_time(earlier))
                processes.append(float(ratio) / np.sqrt(2))  # half of its variance each
    if len(processes) < 10 or len(calls) < 10:
        raise UsageError(
            "The records hold too few processes one after another to model noise on. Record "
            "some: python -m bench.compare . . --models sudormrf-0.25x"
        )
    return Bank(np.array(processes), np.array(calls))


def _are_neighbours(earlier: Record, later: Record) -> bool:
    begun = [datetime.fromisoformat(record.started_at) for record in (earlier, later)]
    is_near = (begun[1] - begun[0]).total_seconds() <= NEIGHBOURS_S
    return (
        is_near
        and earlier.job.workload == later.job.workload
        and (earlier.job.model == later.job.model)
    )


def simulate_process_times(
    bank: Bank, conditions: Conditions, shape: tuple[int, int], rng: Generator
) -> Array:
    """Logarithms of the processes' medians, ``[runs, processes]``, about a true time of 1 s."""
    signs = rng.choice([-1.0, 1.0], shape)
    slow = conditions.scale * signs * rng.choice(bank.processes, shape)
    slow += np.cumsum(rng.normal(0, conditions.walk, shape), axis=-1)
    slow += conditions.trend * np.arange(shape[1]) / shape[1]
    calls = bank.calls[rng.integers(len(bank.calls), size=shape)]
    busy = simulate_bursts(conditions, (shape[0], shape[1] * CALLS), rng).reshape(calls.shape)
    medians: Array = slow + np.median(calls + busy, axis=-1)
    return medians


def simulate_bursts(conditions: Conditions, shape: tuple[int, int], rng: Generator) -> Array:
    """Logarithms of the slow-down of each call by bursts, ``[runs, calls]``."""
    begins = rng.random(shape) < conditions.burst_rate / CALLS
    ends = rng.random(shape) < 1 / (conditions.burst_processes * CALLS)
    sizes = np.log1p(rng.exponential(conditions.burst_size, shape))
    size = np.zeros(shape[0])
    slow = np.empty(shape)
    for call in range(shape[1]):
        size = np.where(begins[:, call], sizes[:, call], np.where(ends[:, call], 0.0, size))
        slow[:, call] = size
    return slow
