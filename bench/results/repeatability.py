"""How a ratio of two networks' times moves from run to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, stdev

from bench.results.record import Record, Status
from bench.results.statistics import Estimate, estimate_ratio


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


def summarize_runs(runs: Sequence[Sequence[Record]], model: str, reference: str) -> Repeatability:
    """The ratio of one network to another in every run, each given by its records.

    Raises:
        ValueError: fewer than two runs, or one in which no round has both.
    """
    ours, theirs = ([_times(run, name) for run in runs] for name in (model, reference))
    estimates = [estimate_ratio(a, b) for a, b in zip(ours, theirs, strict=True)]
    pooled = estimate_ratio([p for run in ours for p in run], [p for run in theirs for p in run])
    latencies_s = [median(median(times) for times in run) for run in ours]
    return Repeatability(estimates, pooled.value, latencies_s)


def _times(records: Sequence[Record], model: str) -> list[list[float]]:
    return [
        record.measurement["times_s"]
        for record in records
        if record.job.model == model and record.status == Status.OK
    ]
