"""Simulated rounds of four live processes, whose noise is replayed from recorded rounds.

What a call takes is the true time, times a deviation of its process and of the call itself, both
drawn from records, times what the machine does meanwhile: it drifts from call to call, and bursts
hit single calls, of which the kernel's counters flag a share. Recorded deviations of processes hold
what is left of those of their calls too, so that the simulation is noisier than the records.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator
from numpy.typing import NDArray

from bench.errors import UsageError
from bench.gate.effect import Contrasts, PairRatios, contrast
from bench.gate.values import latency_of
from bench.results.intervals import Array
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.turns import ratios_of_turns

TURNS = 8
"""In each simulated round."""

MIN_ROUNDS = 3
"""Of a pair, before its rounds tell how processes deviate."""

MIN_DEVIATIONS = 10


@dataclass(frozen=True)
class Bank:
    """Recorded deviations, as natural logarithms."""

    processes: Array  # [n]: of a process in its round
    calls: Array  # [n, TURNS]: of the calls of one process in turns that follow one another


@dataclass(frozen=True)
class Conditions:
    """What the machine does beside the deviations in the bank."""

    scale: float = 1.0  # of the recorded deviations of processes
    walk: float = 0.0  # standard deviation of the step from one call to the next
    trend: float = 0.0  # over a round
    burst_rate: float = 0.0  # of bursts that begin, for each call
    burst_calls: float = 2.0  # how long a burst lasts on average
    burst_size: float = 0.3  # mean of the slow-down of a burst's calls
    flagged: float = 0.7  # share of the calls in a burst that the counters see


def read_bank(runs: Iterable[Sequence[Record]]) -> Bank:
    """The deviations in the live rounds of some runs, of `bench.compare` or any other command.

    Raises:
        UsageError: there are too few.
    """
    processes: list[float] = []
    calls: list[Array] = []
    for run in runs:
        for pair in live_pairs(run):
            logs = [np.log(ratios) for ratios in pair]
            middles = np.array([np.median(ratios) for ratios in logs])
            if len(middles) >= MIN_ROUNDS:
                processes.extend(_deviations(middles) / np.sqrt(2))  # half its variance
            for ratios in logs:
                if len(ratios) >= TURNS:
                    windows = sliding_window_view(ratios, TURNS)
                    middle = np.median(windows, axis=-1, keepdims=True)
                    calls.extend((windows - middle) / np.sqrt(2))
    if len(processes) < MIN_DEVIATIONS or len(calls) < MIN_DEVIATIONS:
        raise UsageError(
            "The records hold too few rounds of processes that took turns to model noise on. "
            "Record some: python -m bench.compare . . --models sudormrf-0.25x"
        )
    return Bank(np.array(processes), np.array(calls))


def _deviations(values: Array) -> Array:
    """From their mean, with the variance of the values: what so few leave out of it is put back."""
    deviations: Array = (values - values.mean()) * np.sqrt(len(values) / (len(values) - 1))
    return deviations


def live_pairs(run: Sequence[Record]) -> list[list[list[float]]]:
    """Each two processes that lived side by side in round after round, as ratios of turns.

    Of all networks in a round where each is there once (`bench.repeatability`, two networks in
    `bench.compare`). A network that is there twice is two revisions, whose rounds are its own.
    """
    rounds: dict[int, list[tuple[str, LatencyTimes]]] = {}
    for record in run:
        if record.job.probe == "latency" and record.status == Status.OK:
            times = latency_of(record)
            if times.turns is not None:
                rounds.setdefault(record.job.round, []).append((record.job.model, times))
    pairs: dict[tuple[str, str, int], list[list[float]]] = {}
    for index, seated in rounds.items():
        models = [model for model, _ in seated]
        are_revisions = len(set(models)) < len(models)
        for (model, times), (other, base) in combinations(seated, 2):
            if (model == other or not are_revisions) and (ratios := ratios_of_turns(times, base)):
                place = index % 2 if are_revisions else 0  # which side is the first
                pairs.setdefault((model, other, place), []).append(ratios)
    return list(pairs.values())


def simulate_rounds(
    bank: Bank, conditions: Conditions, shape: tuple[int, int], rng: Generator
) -> Contrasts:
    """Effects and controls ``[runs, rounds]`` of the same code on both sides.

    A round in which a pair has no undisturbed turn is followed by another, as in the real gate.
    """
    effects, controls = np.full(shape, np.nan), np.full(shape, np.nan)
    for index in range(shape[1]):
        while (missing := np.isnan(effects[:, index]) | np.isnan(controls[:, index])).any():
            found = _simulate_round(bank, conditions, int(missing.sum()), index, rng)
            effects[missing, index], controls[missing, index] = found
    return Contrasts(effects, controls)


def _simulate_round(
    bank: Bank, conditions: Conditions, n_runs: int, index: int, rng: Generator
) -> Contrasts:
    """One round of every run, ``[runs]``; NaN where a pair has no undisturbed turn."""
    logs, is_flagged = simulate_calls(bank, conditions, n_runs, rng)
    logs[is_flagged] = np.nan
    a1, b1, b2, a2 = np.moveaxis(logs, -1, 0)
    return contrast(
        PairRatios(*(median_of_known(x - y) for x, y in ((b1, a1), (b2, a2), (a2, a1), (b2, b1)))),
        index,
    )


def simulate_calls(
    bank: Bank, conditions: Conditions, n_runs: int, rng: Generator
) -> tuple[Array, NDArray[np.bool_]]:
    """Logarithms of the times of a round's calls, about a true time of 1 s, and which are flagged.

    Both are ``[runs, TURNS, 4]``. In each turn the four processes call in random order.
    """
    processes = conditions.scale * rng.choice(bank.processes, (n_runs, 1, 4))
    processes *= rng.choice([-1.0, 1.0], (n_runs, 1, 4))
    calls = bank.calls[rng.integers(len(bank.calls), size=(n_runs, 4))].swapaxes(1, 2)
    busy = simulate_bursts(conditions, (n_runs, TURNS * 4), rng)
    is_flagged = (busy > 0) & (rng.random(busy.shape) < conditions.flagged)
    machine = busy + np.cumsum(rng.normal(0, conditions.walk, busy.shape), axis=-1)
    machine += conditions.trend * np.arange(TURNS * 4) / (TURNS * 4)
    order = np.argsort(rng.random((n_runs, TURNS, 4)), axis=-1)
    meanwhile = np.take_along_axis(machine.reshape(order.shape), order, axis=-1)
    flags = np.take_along_axis(is_flagged.reshape(order.shape), order, axis=-1)
    return processes + calls + meanwhile, flags


def simulate_bursts(conditions: Conditions, shape: tuple[int, int], rng: Generator) -> Array:
    """Logarithms of the slow-down of each call by bursts, ``[runs, calls]`` in their order."""
    begins = rng.random(shape) < conditions.burst_rate
    ends = rng.random(shape) < 1 / conditions.burst_calls
    sizes = np.log1p(rng.exponential(conditions.burst_size, shape))
    size = np.zeros(shape[0])
    slow = np.empty(shape)
    for call in range(shape[1]):
        size = np.where(begins[:, call], sizes[:, call], np.where(ends[:, call], 0.0, size))
        slow[:, call] = size
    return slow


def median_of_known(values: Array) -> Array:
    """The median along the last axis of what is not NaN; NaN where all is."""
    ordered = np.sort(values, axis=-1)  # NaN stand last
    n = np.count_nonzero(~np.isnan(values), axis=-1, keepdims=True)
    low, high = (
        np.take_along_axis(ordered, place, axis=-1)[..., 0]
        for place in (np.maximum(n - 1, 0) // 2, np.minimum(n // 2, values.shape[-1] - 1))
    )
    middle: Array = (low + high) / 2
    return middle
