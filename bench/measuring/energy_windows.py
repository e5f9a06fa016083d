"""A process at rest, at work and at rest again, with counters of energy read at the ends of each.

Counters move in steps. So windows are long, each begins after a while of the same, and how often
the counter moves is seen beforehand.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.machine.contention import contention_between, read_counters
from bench.machine.energy import EnergyCounter
from bench.results.energy_use import EnergyUse, EnergyWindow
from bench.results.record import CellError, Status

SETTLE_S = 1.0
"""Before each window, spent as the window is: threads stop to spin, clocks and sensors follow."""
POLL_S = 0.001
"""How often the counter is looked at, to see when it moves."""
LEAST_STEPS = 10
"""Of the counter in a window; with fewer, its steps are as large as what is to be measured."""


@dataclass(frozen=True)
class Clock:
    """What time is read from and spent with."""

    now: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep


def measure_windows(
    call: Callable[[], object],
    audio_s: float,
    counters: Sequence[EnergyCounter],
    window_s: float,
    threads: int,
    clock: Clock | None = None,
) -> EnergyUse:
    """Three windows of at least ``window_s``; the work is whole calls, back to back.

    The first of the counters is the one whose values count, a second tells the same another way.

    Raises:
        CellError: the counter moves seldom or never, or fell silent.
    """
    clock = clock or Clock()
    counter, *others = counters

    def rest(duration_s: float) -> int:
        clock.sleep(duration_s)
        return 0

    def work(duration_s: float) -> int:
        end, n_calls = clock.now() + duration_s, 0
        while n_calls == 0 or clock.now() < end:
            call()
            n_calls += 1
        return n_calls

    update_s = watch_steps(counter, window_s, clock)
    before, at_work, after = [
        measure_window(spend, counters, window_s, threads, clock) for spend in (rest, work, rest)
    ]
    return EnergyUse(
        counter=counter.name,
        update_s=update_s,
        audio_s=audio_s,
        before=before,
        work=at_work,
        after=after,
        other_counter=next((other.name for other in others), None),
    )


def watch_steps(counter: EnergyCounter, window_s: float, clock: Clock) -> float:
    """The longest time between two steps of the counter, at rest; at most a poll too long.

    Raises:
        CellError: it stands still, or is too coarse for windows of this length.
    """
    moments: list[float] = []
    last, end = counter.read(), clock.now() + window_s
    while len(moments) <= LEAST_STEPS and clock.now() < end:
        clock.sleep(POLL_S)
        reading = counter.read()
        if reading != last:
            moments.append(clock.now())
            last = reading
    if not moments:
        raise _stands_still(counter, window_s)
    if len(moments) <= LEAST_STEPS:
        reason = (
            f"The counter {counter.name} moved {len(moments)} times in {window_s:g} s, and "
            f"{LEAST_STEPS + 1} are needed: its steps are too coarse to measure by."
        )
        raise CellError(Status.UNSUPPORTED, reason)
    return max(end - start for start, end in pairwise(moments)) + POLL_S


def measure_window(
    spend: Callable[[float], int],
    counters: Sequence[EnergyCounter],
    window_s: float,
    threads: int,
    clock: Clock,
) -> EnergyWindow:
    """One window; ``spend`` passes some time and returns how many calls it made.

    Raises:
        CellError: the first counter stood still, or fell silent.
    """
    spend(SETTLE_S)
    load = read_counters()
    start_s, before = clock.now(), [counter.read() for counter in counters]
    n_calls = spend(window_s)
    wall_s, after = clock.now() - start_s, [counter.read() for counter in counters]
    spent_j = {
        counter.name: counter.spent_j(early, late)
        for counter, early, late in zip(counters, before, after, strict=True)
    }
    first = counters[0]
    if spent_j[first.name] is None:
        raise CellError(Status.UNSUPPORTED, f"The counter {first.name} fell silent.")
    if not spent_j[first.name]:
        raise _stands_still(first, wall_s)
    return EnergyWindow(
        wall_s=wall_s,
        energies_j={name: energy_j for name, energy_j in spent_j.items() if energy_j is not None},
        n_calls=n_calls,
        contention=contention_between(load, read_counters(), wall_s, threads),
    )


def _stands_still(counter: EnergyCounter, wall_s: float) -> CellError:
    reason = f"The counter {counter.name} stood still for {wall_s:.3g} s: it counts nothing here."
    return CellError(Status.UNSUPPORTED, reason)
