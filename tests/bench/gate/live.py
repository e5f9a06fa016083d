"""Calls that were made in turns, for tests: made up, with what the counters say of each."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from bench.results.intervals import Array
from bench.results.measurements import LatencyTimes
from tests.bench.example_results import undisturbed


def in_turns(
    times_s: "Sequence[float] | Array",
    disturbed: Collection[int] = (),
    turns: Sequence[int] | None = None,
) -> LatencyTimes:
    """One call in each turn, some of which waited for a processor all the time."""
    n_calls = len(times_s)
    waits_s = tuple(float(times_s[call]) if call in disturbed else 0.0 for call in range(n_calls))
    return LatencyTimes(
        times_s=tuple(map(float, times_s)),
        contention=replace(undisturbed(n_calls), wait_s=waits_s),
        turns=tuple(range(n_calls) if turns is None else turns),
    )
