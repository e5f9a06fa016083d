"""Times of processes that took turns, call by call, and their ratios.

A turn is one call of each of several networks that live side by side, one after another. Calls of
one turn are neighbours in time: what slows the machine for longer than a turn cancels in their
ratio. Only turns in which both calls were undisturbed count. Which those are is said by the
kernel's counters (``Contention.is_disturbed``), never by the times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from bench.results.measurements import LatencyTimes
from bench.results.record import Record, results_of
from bench.results.statistics import Estimate, estimate


def times_by_round(records: Iterable[Record]) -> dict[int, LatencyTimes]:
    """The times of each round that measured any."""
    return {
        record.job.round: times
        for record, times in results_of(LatencyTimes, records)
        if times.times_s
    }


def ratios_of_turns(ours: LatencyTimes, base: LatencyTimes) -> list[float]:
    """The ratio in each turn of one round in which both had undisturbed calls, of their medians.

    Processes that took no turns (each ran alone, as in older records) have one ratio, of the
    medians of their undisturbed calls. Of one that ran alone and one that did not there is none.
    """
    if (ours.turns is None) != (base.turns is None):
        return []
    if ours.turns is None or base.turns is None:
        mine, others = ours.undisturbed_s, base.undisturbed_s
        return [median(mine) / median(others)] if mine and others else []
    mine_s, others_s = _times_by_turn(ours, ours.turns), _times_by_turn(base, base.turns)
    return [time_s / others_s[turn] for turn, time_s in mine_s.items() if turn in others_s]


def _times_by_turn(times: LatencyTimes, turns: Sequence[int]) -> dict[int, float]:
    """The median of the undisturbed calls of each turn that has any; short calls fill one."""
    calls: dict[int, list[float]] = {}
    for index in times.undisturbed:
        calls.setdefault(turns[index], []).append(times.times_s[index])
    return {turn: median(times_s) for turn, times_s in calls.items()}


def estimate_time(rounds: Iterable[LatencyTimes]) -> Estimate:
    """A network's time over rounds of at least one call, of undisturbed calls alone.

    Where there are none it is of all calls, and rests on no process and no call.

    Raises:
        ValueError: no round.
    """
    found = list(rounds)
    undisturbed = [times.undisturbed_s for times in found if times.undisturbed]
    if undisturbed:
        return estimate(undisturbed)
    return replace(estimate([times.times_s for times in found]), n_processes=0, n_samples=0)


def estimate_ratio(ours: Sequence[Record], base: Sequence[Record]) -> Estimate | None:
    """The ratio of one network's time to another's in the same rounds; None without a pair."""
    mine, others = times_by_round(ours), times_by_round(base)
    pairs = [
        ratios_of_turns(mine[index], others[index]) for index in sorted(mine.keys() & others.keys())
    ]
    found = [ratios for ratios in pairs if ratios]
    return estimate(found) if found else None
