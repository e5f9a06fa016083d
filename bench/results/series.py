"""A figure of a network over commits, from the records of many runs; machines are never mixed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results.record import Record, Status, Workload
from bench.results.statistics import Interval, estimate_median
from bench.results.summary import Quantity


@dataclass(frozen=True)
class Point:
    """The figure at one commit: its value, or why there is none."""

    commit: str  # "+" behind it: the sources had changes that nobody committed
    started_at: str  # of its first record; ISO 8601, UTC
    value: float | None
    interval: Interval | None
    n_processes: int
    reason: str = ""


@dataclass(frozen=True)
class Series:
    """All commits at which one machine measured one network on one workload, oldest first."""

    model: str
    quantity: Quantity
    machine: str
    workload: Workload
    points: tuple[Point, ...]

    @property
    def values(self) -> list[float]:
        """The figures that are there."""
        return [point.value for point in self.points if point.value is not None]


def collect_series(records: Iterable[Record], quantity: Quantity) -> list[Series]:
    """One series for each network, machine and workload; commits in the order of measuring."""
    groups: dict[tuple[str, str, Workload], dict[str, list[Record]]] = {}
    for record in sorted(records, key=lambda record: record.started_at):
        job = record.job
        if (job.probe, job.workload.phase) != (quantity.probe, quantity.phase):
            continue
        if not record.environment:
            continue  # the process crashed and could not say where and what it was
        key = (job.model, machine_name(record), job.workload)
        groups.setdefault(key, {}).setdefault(_commit(record), []).append(record)
    return [
        Series(model, quantity, machine, workload, tuple(_points(commits, quantity)))
        for (model, machine, workload), commits in groups.items()
    ]


def machine_name(record: Record) -> str:
    """The processor and how many of them, the memory, and the GPU if there is one.

    Memory in whole GiB: what the kernel leaves of it differs by some pages from start to start.
    """
    machine = record.environment["machine"]
    memory_gib = round(machine["memory_bytes"] / 2**30)
    name = f"{machine['cpu']}, {machine['n_available_cpus']} processors, {memory_gib} GiB"
    return f"{name}, {machine['gpu']['name']}" if machine["gpu"] else name


def _commit(record: Record) -> str:
    code = record.environment["code"]
    return f"{code['commit'][:10]}{'+' if code['is_modified'] else ''}"


def _points(commits: dict[str, list[Record]], quantity: Quantity) -> Iterable[Point]:
    for commit, records in commits.items():
        good = [r for r in records if r.status == Status.OK and quantity.field in r.measurement]
        began = records[0].started_at
        if not good:
            reason = records[0].reason or f"{quantity.field} is not known on this device."
            yield Point(commit, began, None, None, 0, reason)
        elif quantity.probe == "latency":
            estimate = estimate_median([_times(record, quantity) for record in good])
            yield Point(commit, began, estimate.value, estimate.interval, estimate.n_processes)
        else:
            value = median(record.measurement[quantity.field] for record in good)
            yield Point(commit, began, value, None, len(good))


def _times(record: Record, quantity: Quantity) -> Sequence[float]:
    times: Sequence[float] = record.measurement[quantity.field]
    return times
