"""How a ratio of two networks' times moves from run to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, stdev
from typing import NamedTuple

from bench.results.record import Record
from bench.results.statistics import Estimate, estimate_ratio
from bench.results.timing import times_by_round


@dataclass(frozen=True)
class Repeatability:
    """The ratio of one network's time to another's, over several runs under one condition."""

    runs: Sequence[Estimate]
    pooled: float  # the median over the rounds of all runs
    latencies_s: Sequence[float]  # of the network itself in each run

    @property
    def spread(self) -> float:
        """From the smallest to the largest run, over the pooled value."""
        values = [run.value for run in self.runs]
        return (max(values) - min(values)) / self.pooled

    @property
    def deviation(self) -> float:
        """Standard deviation between runs, over the pooled value."""
        return stdev(run.value for run in self.runs) / self.pooled

    @property
    def latency_spread(self) -> float:
        """The same as ``spread``, of the time itself: what a ratio is there to avoid."""
        return (max(self.latencies_s) - min(self.latencies_s)) / median(self.latencies_s)

    @property
    def n_covering(self) -> int:
        """Runs whose interval holds the pooled value."""
        intervals = [run.interval for run in self.runs if run.interval]
        return sum(interval.low <= self.pooled <= interval.high for interval in intervals)


def summarize_runs(runs: Sequence[Sequence[Record]], model: str, base: str) -> Repeatability | None:
    """The ratio of one network to another in every run, each given by its records.

    A run counts with the rounds that measured both; None when fewer than two runs have any.
    """
    pairs = [pair for run in runs if (pair := _common_rounds(run, model, base)).ours]
    if len(pairs) < 2:
        return None
    pooled = estimate_ratio(
        [times_s for pair in pairs for times_s in pair.ours],
        [times_s for pair in pairs for times_s in pair.theirs],
    )
    return Repeatability(
        runs=[estimate_ratio(pair.ours, pair.theirs) for pair in pairs],
        pooled=pooled.value,
        latencies_s=[median(median(times_s) for times_s in pair.ours) for pair in pairs],
    )


class _Pair(NamedTuple):
    """The times of both networks in one run, in the order of the rounds that have both."""

    ours: list[Sequence[float]]
    theirs: list[Sequence[float]]


def _common_rounds(records: Sequence[Record], model: str, base: str) -> _Pair:
    ours, theirs = (
        times_by_round([record for record in records if record.job.model == name])
        for name in (model, base)
    )
    common = sorted(ours.keys() & theirs.keys())
    return _Pair([ours[i].times_s for i in common], [theirs[i].times_s for i in common])
