"""The cells of a sweep: what the records of one network at one size say together."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from bench.registry import NULL, SAMPLE_RATE
from bench.results.forecast import MemoryForecast
from bench.results.measurements import LatencyTimes, MemoryPeaks, OperationCount
from bench.results.one_table import require_one_place
from bench.results.record import Record, Status, results_of
from bench.results.statistics import Estimate, Interval
from bench.results.summary import newest_of_each_cell
from bench.results.timing import Doubt, DoubtKind, LatencySummary, summarize_latency
from bench.results.workload import Phase

PROBES_OF_CELLS = ("memory", "latency", "operations", "forecast")


class Key(NamedTuple):
    """What a cell is of. Several cells that differ in one number share a key where it is 0."""

    model: str
    phase: Phase
    device: str
    dtype: str
    threads: int
    batch: int
    n_samples: int


@dataclass(frozen=True)
class Failure:
    """One probe found nothing in a cell."""

    probe: str
    status: Status
    reason: str


@dataclass(frozen=True)
class SweepCell:
    """One network at one size. What was not measured is None; ``failures`` say why."""

    key: Key
    timing: LatencySummary | None = None
    memory: MemoryPeaks | None = None
    macs: int | None = None
    forecast: MemoryForecast | None = None  # made before the memory was measured
    energy_j: float | None = None  # of the GPU, for one mixture
    failures: tuple[Failure, ...] = ()

    @property
    def status(self) -> Status:
        """Of the first measurement that failed; a forecast measures nothing."""
        failed = (failure.status for failure in self.failures if failure.probe != "forecast")
        return next(failed, Status.OK)

    @property
    def duration_s(self) -> float:
        """Of one mixture, at the sample rate of all networks here."""
        return self.key.n_samples / SAMPLE_RATE

    @property
    def time(self) -> Estimate | None:
        """Seconds of one call, which separates a whole batch; of undisturbed calls."""
        return self.timing.latency if self.timing else None

    @property
    def time_per_mixture(self) -> Estimate | None:
        """Seconds of a call over the mixtures of its batch."""
        return self.time and scale(self.time, 1 / self.key.batch)

    @property
    def real_time_factor(self) -> Estimate | None:
        """The time of one mixture over its duration: below 1 is faster than real time."""
        return self.time and scale(self.time, 1 / (self.key.batch * self.duration_s))

    @property
    def throughput(self) -> Estimate | None:
        """Mixtures a second."""
        return self.time and invert(self.time, self.key.batch)

    @property
    def process_bytes(self) -> int | None:
        """The peak of the process; on a GPU what the driver says that it held there.

        Where the driver does not say, it is what torch's allocator had taken from it.
        """
        if self.memory is None:
            return None
        if self.key.device == "cpu":
            return self.memory.peak_rss_bytes
        return self.memory.process_bytes or self.memory.peak_reserved_bytes

    @property
    def allocated_bytes(self) -> int | None:
        """The peak of torch's allocator."""
        return None if self.memory is None else self.memory.peak_allocated_bytes

    @property
    def process_error(self) -> float | None:
        """The process's peak as it was forecast over the measured one, less 1."""
        return _error(self.forecast, "process_bytes", self.process_bytes)

    @property
    def allocated_error(self) -> float | None:
        """The same of the allocator's peak."""
        return _error(self.forecast, "allocated_bytes", self.allocated_bytes)


def _error(forecast: MemoryForecast | None, field: str, measured: int | None) -> float | None:
    if forecast is None or not measured:
        return None
    predicted: int = getattr(forecast, field)
    return predicted / measured - 1


def scale(estimate: Estimate, factor: float) -> Estimate:
    """The same in another unit."""
    return replace(
        estimate,
        value=factor * estimate.value,
        interval=estimate.interval and _between(estimate.interval, lambda end: factor * end),
        seen=(factor * estimate.seen[0], factor * estimate.seen[1]),
    )


def invert(estimate: Estimate, numerator: float) -> Estimate:
    """So many over the value: a rate of a time."""
    shortest, longest = estimate.seen
    return replace(
        estimate,
        value=numerator / estimate.value,
        interval=estimate.interval and _between(estimate.interval, lambda end: numerator / end),
        seen=(numerator / longest, numerator / shortest),
    )


def _between(interval: Interval, change: Callable[[float], float]) -> Interval:
    low, high = sorted((change(interval.low), change(interval.high)))
    return Interval(low, high, interval.level)


def collect_cells(records: Sequence[Record]) -> tuple[SweepCell, ...]:
    """All cells that were tried, by network in the order of the records, then by growing size.

    A network's count is the same for any number of threads and on any device, so each of its cells
    has it, wherever it was counted.

    Raises:
        UsageError: records of several machines, versions of the code or releases of torch.
    """
    require_one_place(records)
    kept = [r for r in newest_of_each_cell(records) if r.job.model != NULL.name]
    of_cells: dict[Key, list[Record]] = defaultdict(list)
    for record in kept:
        if record.job.probe in PROBES_OF_CELLS:
            of_cells[key_of(record)].append(record)
    counts = {
        _shape_of(key_of(record)): count.macs for record, count in results_of(OperationCount, kept)
    }
    alone = {key for key, own in of_cells.items() if {r.job.probe for r in own} == {"operations"}}
    elsewhere = {_shape_of(key) for key in of_cells.keys() - alone}
    keys = [key for key in of_cells if key not in alone or _shape_of(key) not in elsewhere]
    places = {model: place for place, model in enumerate(dict.fromkeys(key.model for key in keys))}
    timed = [record for record, _ in results_of(LatencyTimes, kept)]
    return tuple(
        _cell(key, of_cells[key], counts.get(_shape_of(key)), timed)
        for key in sorted(keys, key=lambda key: (places[key.model], key))
    )


def key_of(record: Record) -> Key:
    """Of the cell that a record is of."""
    work = record.job.workload
    return Key(
        model=record.job.model,
        phase=work.phase,
        device=work.device,
        dtype=work.dtype,
        threads=work.threads,
        batch=work.batch,
        n_samples=work.n_samples,
    )


def _shape_of(key: Key) -> Key:
    """What a count depends on."""
    return key._replace(device="", threads=0)


def _cell(
    key: Key, records: Sequence[Record], macs: int | None, timed: Sequence[Record]
) -> SweepCell:
    memory = next(((record, found) for record, found in results_of(MemoryPeaks, records)), None)
    return SweepCell(
        key=key,
        timing=_timing([record for record in records if record.job.probe == "latency"]),
        memory=memory[1] if memory else None,
        macs=macs,
        forecast=_forecast(records, memory[0] if memory else None),
        energy_j=_energy(key, records, timed),
        failures=tuple(_failures(records)),
    )


def _timing(records: Sequence[Record]) -> LatencySummary | None:
    """With a doubt more where some of the rounds failed."""
    found = summarize_latency(records, ())
    failed = [record for record in records if record.status != Status.OK]
    if found is None or not failed:
        return found
    doubt = Doubt(DoubtKind.ROUNDS_FAILED, len(failed), len(records), causes=(failed[0].reason,))
    return replace(found, doubts=(*found.doubts, doubt))


def _forecast(records: Sequence[Record], memory: Record | None) -> MemoryForecast | None:
    """What was told before; a forecast that began after the measurement is none."""
    for record, found in results_of(MemoryForecast, records):
        if memory is None or _lifetime(record)[0] <= _lifetime(memory)[0]:
            return found
    return None


def _failures(records: Sequence[Record]) -> Iterable[Failure]:
    """Of each probe that found nothing, what is measured before what is told."""
    for probe in PROBES_OF_CELLS:
        own = [record for record in records if record.job.probe == probe]
        if own and all(record.status != Status.OK for record in own):
            yield Failure(probe, own[-1].status, own[-1].reason)


def _energy(key: Key, records: Sequence[Record], timed: Sequence[Record]) -> float | None:
    """For one mixture of the timed calls; None where another process was timed meanwhile.

    The counter is the whole board's, so what it draws at rest between the calls is part of it.
    """
    total_j, n_mixtures = 0.0, 0
    for record, times in results_of(LatencyTimes, records):
        before, after = times.gpu_before, times.gpu_during
        if before is None or after is None or _has_company(record, timed):
            continue
        if before.total_energy_j is None or after.total_energy_j is None:
            continue
        total_j += after.total_energy_j - before.total_energy_j
        n_mixtures += len(times.times_s) * key.batch
    return total_j / n_mixtures if n_mixtures and total_j > 0 else None


def _has_company(record: Record, others: Iterable[Record]) -> bool:
    """Whether another of the timed processes lived at the same time."""
    start, end = _lifetime(record)
    return any(
        other is not record and other_start < end and start < other_end
        for other in others
        for other_start, other_end in [_lifetime(other)]
    )


def _lifetime(record: Record) -> tuple[datetime, datetime]:
    start = datetime.fromisoformat(record.started_at)
    return start, start + timedelta(seconds=record.elapsed_s)


def without(key: Key, field: str) -> Key:
    """The key of the cells that may differ in ``n_samples``, ``batch`` or ``threads``."""
    return Key(**{**key._asdict(), field: 0})


def along(cells: Iterable[SweepCell], field: str) -> dict[Key, list[SweepCell]]:
    """The cells that differ in nothing but ``n_samples``, ``batch`` or ``threads``, growing."""
    groups: dict[Key, list[SweepCell]] = defaultdict(list)
    for cell in cells:
        groups[without(cell.key, field)].append(cell)
    return {
        key: sorted(group, key=lambda cell: int(getattr(cell.key, field)))
        for key, group in groups.items()
    }


def smallest_of(cells: Iterable[SweepCell], *fields: str) -> list[SweepCell]:
    """Of the cells that differ in nothing but these settings, those with the smallest."""
    found = list(cells)
    for field in fields:
        found = [group[0] for group in along(found, field).values()]
    return found


def varied_fields(cells: Iterable[SweepCell]) -> list[str]:
    """Which of a key's settings have more than one value: what a label must say."""
    keys = [cell.key for cell in cells]
    names = ("phase", "device", "batch", "threads", "dtype")
    return [name for name in names if len({getattr(key, name) for key in keys}) > 1]
