"""A metric of a network over commits, from the records of many runs; machines are never mixed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results.environment import Code
from bench.results.measurements import LatencyTimes
from bench.results.metrics import Metric
from bench.results.record import Record, Status, results_of
from bench.results.statistics import Interval
from bench.results.summary import NOT_KNOWN_HERE
from bench.results.turns import estimate_time
from bench.results.workload import Workload


@dataclass(frozen=True)
class Point:
    """The metric at one commit: its value, or why there is none.

    A time that can't be trusted has a ``span`` in the place of a value.
    """

    commit: str  # "+" behind it: the sources had changes that nobody committed
    started_at: str  # of its first record; ISO 8601, UTC
    value: float | None
    interval: Interval | None
    n_processes: int
    reason: str = ""
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Series:
    """All commits at which one machine measured one network on one workload, oldest first."""

    model: str
    metric: Metric
    machine: str
    workload: Workload
    points: tuple[Point, ...]

    @property
    def values(self) -> list[float]:
        """The values that are there."""
        return [point.value for point in self.points if point.value is not None]


def collect_series(records: Iterable[Record], metric: Metric) -> list[Series]:
    """One series for each network, machine and workload; commits in the order of measuring."""
    groups: dict[tuple[str, str, Workload], dict[str, list[Record]]] = {}
    for record in sorted(records, key=lambda record: record.started_at):
        job = record.job
        if (job.probe, job.workload.phase) != (metric.probe, metric.phase):
            continue
        if record.environment is None:
            continue  # the process crashed and could not say where and what it was
        key = (job.model, record.environment.machine.identity, job.workload)
        commit = _commit(record.environment.code)
        groups.setdefault(key, {}).setdefault(commit, []).append(record)
    return [
        Series(model, metric, machine, workload, tuple(_points(commits, metric)))
        for (model, machine, workload), commits in groups.items()
    ]


def _commit(code: Code) -> str:
    return f"{code.commit[:10]}{'+' if code.is_modified else ''}"


def _points(commits: dict[str, list[Record]], metric: Metric) -> Iterable[Point]:
    for commit, records in commits.items():
        values = [getattr(r.result, metric.field) for r in records if r.status == Status.OK]
        known = [value for value in values if value is not None]
        began = records[0].started_at
        if not known:
            reason = records[0].reason or NOT_KNOWN_HERE
            yield Point(commit, began, None, None, 0, reason)
        elif metric.spec.takes_time:
            yield _time(commit, began, [times for _, times in results_of(LatencyTimes, records)])
        else:
            yield Point(commit, began, median(known), None, len(known))


def _time(commit: str, began: str, rounds: Sequence[LatencyTimes]) -> Point:
    estimate = estimate_time(rounds)
    if not estimate.is_trusted:
        return Point(commit, began, None, None, estimate.n_processes, span=estimate.span)
    return Point(commit, began, estimate.value, estimate.interval, estimate.n_processes)
