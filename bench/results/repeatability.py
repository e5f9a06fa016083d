"""How a ratio of two networks' times moves from run to run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median, stdev

from bench.results.measurements import LatencyTimes
from bench.results.record import Record
from bench.results.statistics import Estimate, estimate
from bench.results.timing import NOISY_WIDTH
from bench.results.turns import estimate_ratio, estimate_time, ratios_of_turns, times_by_round

FAR = 0.10
"""From the pooled value; a value that is farther away must carry a mark."""


@dataclass(frozen=True)
class Repeatability:
    """A ratio or a time over several runs of one kind."""

    runs: Sequence[Estimate]
    pooled: float  # over the rounds of all runs

    @property
    def deviation(self) -> float:
        """Standard deviation between runs, over the pooled value."""
        return stdev(run.value for run in self.runs) / self.pooled

    @property
    def half_width(self) -> float:
        """The median over runs of half the interval over the value."""
        return median(run.half_width for run in self.runs)

    @property
    def n_covering(self) -> int:
        """Runs whose interval holds the pooled value."""
        intervals = [run.interval for run in self.runs if run.interval]
        return sum(interval.low <= self.pooled <= interval.high for interval in intervals)

    @property
    def n_marked(self) -> int:
        """Runs whose value a table would mark, or give as a range."""
        return sum(is_marked(run) for run in self.runs)

    @property
    def n_wrong(self) -> int:
        """Runs whose value is far from the pooled one and carries no mark."""
        return sum(
            abs(run.value / self.pooled - 1) > FAR for run in self.runs if not is_marked(run)
        )


def is_marked(value: Estimate) -> bool:
    """Whether a table would say that it is noisy."""
    return not value.is_trusted or value.half_width >= NOISY_WIDTH


def repeat_ratio(
    runs: Sequence[Sequence[Record]], model: str, base: str, selects: bool = True
) -> Repeatability | None:
    """The ratio of one network to another in every run; None when fewer than two have one.

    ``selects``: only undisturbed calls count; else all do.
    """
    pairs = [(_times_of(run, model, selects), _times_of(run, base, selects)) for run in runs]
    estimates = [found for mine, others in pairs if (found := estimate_ratio(mine, others))]
    rounds = [
        ratios
        for mine, others in ((times_by_round(m), times_by_round(b)) for m, b in pairs)
        for index in sorted(mine.keys() & others.keys())
        if (ratios := ratios_of_turns(mine[index], others[index]))
    ]
    return Repeatability(estimates, estimate(rounds).value) if len(estimates) > 1 else None


def repeat_time(
    runs: Sequence[Sequence[Record]], model: str, selects: bool = True
) -> Repeatability | None:
    """The time itself in every run, in seconds: what a ratio is there to avoid."""
    found = [list(times_by_round(_times_of(run, model, selects)).values()) for run in runs]
    found = [rounds for rounds in found if rounds]
    if len(found) < 2:
        return None
    pooled = estimate_time([times for rounds in found for times in rounds])
    return Repeatability([estimate_time(rounds) for rounds in found], pooled.value)


def _times_of(run: Sequence[Record], model: str, selects: bool) -> list[Record]:
    """A network's records; where nothing is selected, as if nothing had been counted."""
    own = [record for record in run if record.job.model == model]
    return own if selects else [_without_counters(record) for record in own]


def _without_counters(record: Record) -> Record:
    if not isinstance(record.result, LatencyTimes):
        return record
    return replace(record, result=replace(record.result, contention=None))
