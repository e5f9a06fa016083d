"""Networks below the ceilings of the machine that ran them, from the records of one run.

A network's time is paired with the ceilings that were measured after it in the same round.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.registry import NULL
from bench.results.ceilings import Ceilings, RepeatedTimes, fastest
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status, results_of
from bench.results.statistics import Estimate, estimate
from bench.results.turns import estimate_time, times_by_round
from bench.results.workload import Workload

Key = tuple[str, Workload]
"""A network, and in which form and dtype it was timed."""


@dataclass(frozen=True)
class Roofs:
    """What the machine reaches with one number of threads.

    ``products`` are FLOPs per second of large matrices by dtype, ``bandwidths`` bytes per second by
    the size of the data: the largest are in memory, the others in caches.
    """

    threads: int
    products: Mapping[str, Estimate]
    bandwidths: Mapping[int, Estimate]
    n_runs: int  # that were timed, for these and for floors
    n_disturbed: int | None  # None: nothing was counted

    @property
    def memory(self) -> Estimate:
        """Bytes per second of data that no cache holds."""
        return self.bandwidths[max(self.bandwidths)]


@dataclass(frozen=True)
class RooflinePoint:
    """One network in one form and dtype, and the floor of its time.

    ``macs`` and ``bytes_moved`` are of one forward as torch's operators run it; ``floor`` is the
    longer of ``products`` and ``compulsory`` in each process. All estimates are in seconds but
    ``times_the_floor``, which is None where no round has undisturbed runs of both.
    """

    model: str
    workload: Workload
    dtype: str  # of the products
    time: Estimate
    macs: int
    other_macs: int
    bytes_moved: int
    compulsory_bytes: int
    products: Estimate
    compulsory: Estimate
    floor: Estimate
    times_the_floor: Estimate | None

    @property
    def intensity(self) -> float:
        """FLOPs of multiply-adds for each byte that torch's operators move."""
        return 2 * self.macs / self.bytes_moved

    @property
    def rate(self) -> Estimate:
        """FLOPs of multiply-adds per second."""
        return inverted(2 * self.macs, self.time)

    @property
    def floor_rate(self) -> Estimate:
        """The rate that the floor would be."""
        return inverted(2 * self.macs, self.floor)

    @property
    def is_below_floor(self) -> bool:
        """Whether it is faster than the floor by more than the interval leaves open."""
        found = self.times_the_floor
        return found is not None and found.is_trusted and found.span[1] < 1

    def is_above(self, roof: Estimate | None) -> bool:
        """Whether its rate is above a ceiling, FLOPs per second, by more than both leave open."""
        is_known = roof is not None and roof.is_trusted and self.rate.is_trusted
        return is_known and roof is not None and self.rate.span[0] > roof.span[1]


@dataclass(frozen=True)
class Roofline:
    """All networks of a run below its roofs; ``failures`` say why some have no ceilings."""

    roofs: Roofs
    points: tuple[RooflinePoint, ...]
    failures: Mapping[str, str]  # by network and dtype

    def roof_of(self, point: RooflinePoint) -> Estimate | None:
        """The rate of products of its dtype; None of one that was not measured."""
        return self.roofs.products.get(point.dtype)

    def point_of(self, model: str, runtime: str) -> RooflinePoint | None:
        """Of one network in one form; None where there is none."""
        points = (p for p in self.points if (p.model, p.workload.runtime) == (model, runtime))
        return next(points, None)


def find_roofline(records: Iterable[Record]) -> Roofline | None:
    """What the records of one run say; None of one without ceilings, or without times beside them.

    Runtimes share the ceilings of the network's own dtype.
    """
    records = [record for record in records if record.job.model != NULL.name]
    found = list(results_of(Ceilings, records))
    of_work: dict[Key, dict[int, Ceilings]] = {}
    for record, ceilings in found:
        of_work.setdefault(_key(record), {})[record.job.round] = ceilings
    timed: dict[Key, list[Record]] = {}
    for record, _ in results_of(LatencyTimes, records):
        timed.setdefault((record.job.model, record.job.workload), []).append(record)
    points = [
        find_point(key, times_by_round(own), of_work[_key(own[0])])
        for key, own in timed.items()
        if _key(own[0]) in of_work and times_by_round(own)
    ]
    if not points:
        return None
    order = list(dict.fromkeys(point.model for point in points))
    points.sort(key=lambda point: order.index(point.model))  # a network's forms stand together
    every = [ceilings for _, ceilings in found]
    return Roofline(
        find_roofs(found[0][0].job.workload.threads, every),
        tuple(points),
        {
            f"{record.job.model} in {record.job.workload.dtype}": (
                f"{record.status.value}: {record.reason}"
            )
            for record in records
            if record.job.probe == "ceilings" and record.status != Status.OK
        },
    )


def _key(record: Record) -> Key:
    """What ceilings depend on: not on the runtime, nor on how the process was started."""
    return record.job.model, replace(record.job.workload, runtime="", keeps_pages=False)


def find_roofs(threads: int, every: Sequence[Ceilings]) -> Roofs:
    """Each roof over all processes that measured it."""
    dtypes = dict.fromkeys(peak.dtype for one in every for peak in one.peaks)
    sizes = sorted({move.n_bytes for one in every for move in one.bandwidths})
    peaks = {
        dtype: [
            (peak.flops, peak.times) for one in every for peak in one.peaks if peak.dtype == dtype
        ]
        for dtype in dtypes
    }
    moves = {size: [(size, fastest(one.bandwidths, size).times) for one in every] for size in sizes}
    runs = [times for one in every for times in list_runs_of(one)]
    n_runs = sum(len(times.walls_s) for times in runs)
    n_undisturbed = sum(len(times.undisturbed_s) for times in runs)
    is_counted = any(times.contention for times in runs)
    return Roofs(
        threads=threads,
        products={dtype: estimate_rate(found) for dtype, found in peaks.items()},
        bandwidths={size: estimate_rate(found) for size, found in moves.items()},
        n_runs=n_runs,
        n_disturbed=n_runs - n_undisturbed if is_counted else None,
    )


def list_runs_of(ceilings: Ceilings) -> list[RepeatedTimes]:
    """Everything that one process timed."""
    found = [product.times for product in ceilings.products]
    found += [peak.times for peak in ceilings.peaks]
    return found + [move.times for move in ceilings.bandwidths]


def estimate_rate(found: Sequence[tuple[int, RepeatedTimes]]) -> Estimate:
    """Work per second over processes, each with the work of a call; of undisturbed runs alone.

    Where there are none it is of all runs, and rests on no process and no run.
    """
    rounds = [[work / time_s for time_s in times.undisturbed_s] for work, times in found]
    if any(rounds):
        return estimate([rates for rates in rounds if rates])
    return _unfounded([work / times.call_s for work, times in found])


def find_point(
    key: Key, times: Mapping[int, LatencyTimes], ceilings: Mapping[int, Ceilings]
) -> RooflinePoint:
    """One network: its time, its floor, and their ratio in the rounds that have both."""
    model, workload = key
    first, processes = next(iter(ceilings.values())), list(ceilings.values())
    ratios = [
        [time_s / ceilings[index].floor_s for time_s in found.undisturbed_s]
        for index, found in times.items()
        if index in ceilings and ceilings[index].n_undisturbed and found.undisturbed
    ]
    return RooflinePoint(
        model=model,
        workload=workload,
        dtype=first.dtype,
        time=estimate_time(times.values()),
        macs=first.macs,
        other_macs=first.other_macs,
        bytes_moved=first.bytes_moved,
        compulsory_bytes=first.compulsory_bytes,
        products=estimate_part(processes, lambda one: one.products_s),
        compulsory=estimate_part(processes, lambda one: one.compulsory_s),
        floor=estimate_part(processes, lambda one: one.floor_s),
        times_the_floor=estimate(ratios) if ratios else None,
    )


def estimate_part(processes: Sequence[Ceilings], part: Callable[[Ceilings], float]) -> Estimate:
    """A sum of medians over processes; it rests on as many runs as the worst of its parts."""
    sound = [one for one in processes if one.n_undisturbed]
    if not sound:
        return _unfounded([part(one) for one in processes])
    n_samples = sum(one.n_undisturbed for one in sound)
    return replace(estimate([[part(one)] for one in sound]), n_samples=n_samples)


def inverted(work: float, time: Estimate) -> Estimate:
    """Work per second, of an estimate of its seconds."""
    low_s, high_s = time.seen
    interval = time.interval and replace(
        time.interval, low=work / time.interval.high, high=work / time.interval.low
    )
    return replace(
        time, value=work / time.value, interval=interval, seen=(work / high_s, work / low_s)
    )


def scaled(rate: Estimate, factor: float) -> Estimate:
    """So many times the value."""
    low, high = rate.seen
    interval = rate.interval and replace(
        rate.interval, low=factor * rate.interval.low, high=factor * rate.interval.high
    )
    return replace(
        rate, value=factor * rate.value, interval=interval, seen=(factor * low, factor * high)
    )


def _unfounded(values: Sequence[float]) -> Estimate:
    return replace(estimate([[value] for value in values]), n_processes=0, n_samples=0)
