"""What the cells of a sweep say together: how costs grow, what fits, what is fastest."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

from bench.results.environment import Machine
from bench.results.growth import CostPoint, CountLine, Curve, Growth, NoGrowth, fit_growth, fit_line
from bench.results.record import Record, Status
from bench.results.statistics import Estimate
from bench.results.sweep import Key, SweepCell, along, collect_cells

Growths = Mapping[Key, Growth | NoGrowth]
"""Of one cost, by the key of its cells without their length."""

FARTHEST = 100.0
"""Times the longest length that was measured: nothing is said of longer audio."""
GOOD_ERROR = 0.10
N_STEPS = 2000
"""Of the lengths that two curves are compared at."""
TOLD_APART = 0.975
"""The quantile of Student's t for the cells around both curves, at which two networks differ."""


@dataclass(frozen=True)
class Limit:
    """Memory to fit into, and what it is, in words."""

    n_bytes: float
    source: str


@dataclass(frozen=True)
class Longest:
    """The longest audio whose peak fits into the memory at hand; lengths in samples.

    ``ends`` are those by the curves at either end of the exponent's interval. A length beyond 100
    times the longest measured one is cut to that, and ``is_more`` is true.
    """

    key: Key
    limit: Limit
    n_samples: float
    ends: tuple[float, float] | None
    factor: float  # over the longest length that was measured
    is_more: bool
    failed: SweepCell | None  # a shorter one that ran out of memory all the same


@dataclass(frozen=True)
class Choice:
    """The cell with the shortest time for a mixture, and those that are not told from it."""

    key: Key
    cells: tuple[SweepCell, ...]  # all that were timed
    best: SweepCell
    ties: tuple[SweepCell, ...]


@dataclass(frozen=True)
class Crossing:
    """The length at which one network becomes faster than another, and the lengths around it at
    which they are not told apart; all in samples.
    """

    key: Key  # without model
    models: tuple[str, str]  # the first is the faster one below
    n_samples: float
    low: float
    high: float


@dataclass(frozen=True)
class ForecastAccuracy:
    """How far forecasts of one peak were off, in cells that were measured afterwards."""

    errors: tuple[tuple[SweepCell, float], ...]  # forecast over measured, less 1; the worst first

    @property
    def n_good(self) -> int:
        """Within 10 % of what was measured."""
        return sum(abs(error) <= GOOD_ERROR for _, error in self.errors)

    @property
    def median_error(self) -> float:
        """Of all, with its sign."""
        return median(error for _, error in self.errors)


def fit_times(cells: Iterable[SweepCell]) -> Growths:
    """Time against length, of every network and setting that was timed."""
    return _fit(cells, _time_point)


def fit_process_memory(cells: Iterable[SweepCell]) -> Growths:
    """The peak of the process against length."""
    return _fit(cells, lambda cell: _exact_point(cell, cell.process_bytes))


def fit_allocated_memory(cells: Iterable[SweepCell]) -> Growths:
    """The peak of torch's allocator against length."""
    return _fit(cells, lambda cell: _exact_point(cell, cell.allocated_bytes))


def _fit(cells: Iterable[SweepCell], point_of: Callable[[SweepCell], CostPoint | None]) -> Growths:
    found = {}
    for key, group in along(cells, "n_samples").items():
        points = [point for cell in group if (point := point_of(cell))]
        if points:
            found[key] = fit_growth(points)
    return found


def _time_point(cell: SweepCell) -> CostPoint | None:
    """With its interval, or with all that was seen of too few processes."""
    time = cell.time
    return None if time is None else CostPoint(cell.key.n_samples, time.value, *time.span)


def _exact_point(cell: SweepCell, value: int | None) -> CostPoint | None:
    return CostPoint(cell.key.n_samples, value, value, value) if value else None


def fit_counts(cells: Iterable[SweepCell]) -> dict[Key, CountLine | None]:
    """Multiply-adds against length; once for all devices and threads, which the keys leave out."""
    counts: dict[Key, dict[int, int]] = {}
    for cell in cells:
        if cell.macs:
            shape = cell.key._replace(device="", threads=0, n_samples=0)
            counts.setdefault(shape, {})[cell.key.n_samples] = cell.macs
    return {key: fit_line(found) for key, found in counts.items()}


def memory_at_hand(
    cells: Iterable[SweepCell], machine: Machine | None, device: str
) -> Limit | None:
    """What was free when forecasts were made, the median; else all that the machine has."""
    free = [
        cell.forecast.available_bytes
        for cell in cells
        if cell.forecast and cell.key.device == device
    ]
    if free:
        return Limit(median(free), "what was free before cells were measured, the median")
    gpu = machine.gpu if machine else None
    if device == "cuda":
        return Limit(gpu.memory_bytes, "all that the GPU has") if gpu else None
    if machine is None or machine.memory_bytes is None:
        return None
    return Limit(machine.memory_bytes, "all that the machine has")


def find_longest(growths: Growths, cells: Sequence[SweepCell], limit: Limit) -> Iterator[Longest]:
    """By the curve of the process's peak, of every network and setting that has one."""
    groups = along(cells, "n_samples")
    for key, growth in growths.items():
        if isinstance(growth, Growth):
            yield _longest(key, growth, groups[key], limit)


def _longest(key: Key, growth: Growth, group: Sequence[SweepCell], limit: Limit) -> Longest:
    _, measured = growth.lengths
    most = FARTHEST * measured
    lengths = [curve.length_at(limit.n_bytes) for curve in (growth.curve, *growth.ends)]
    n_samples, *ends = (min(length, most) for length in lengths)
    failed = [
        cell
        for cell in group
        if cell.key.n_samples <= n_samples
        and any(f.status in (Status.OOM, Status.KILLED) for f in cell.failures)
    ]
    return Longest(
        key=key,
        limit=limit,
        n_samples=n_samples,
        ends=(min(ends), max(ends)) if ends else None,
        factor=n_samples / measured,
        is_more=lengths[0] > most,
        failed=failed[0] if failed else None,
    )


def choose_fastest(cells: Iterable[SweepCell], field: str) -> Iterator[Choice]:
    """Of the cells that differ in nothing but ``threads`` or ``batch``, where two were timed."""
    for key, group in along(cells, field).items():
        timed = [(cell, time) for cell in group if (time := cell.time_per_mixture)]
        if len(timed) < 2:
            continue
        best, shortest = min(timed, key=lambda item: item[1].value)
        ties = [cell for cell, time in timed if cell is not best and _overlap(time, shortest)]
        yield Choice(key, tuple(cell for cell, _ in timed), best, tuple(ties))


def _overlap(one: Estimate, other: Estimate) -> bool:
    """Whether the two ranges have a value in common."""
    return one.span[0] <= other.span[1] and other.span[0] <= one.span[1]


def find_crossings(growths: Growths) -> Iterator[Crossing]:
    """Of any two networks with the same settings, over the lengths that both were measured at.

    Only where cells around the curves tell the two apart at lengths on either side.
    """
    settings: dict[Key, dict[str, Growth]] = {}
    for key, growth in growths.items():
        if isinstance(growth, Growth):
            settings.setdefault(key._replace(model=""), {})[key.model] = growth
    for key, of_models in settings.items():
        for names in combinations(of_models, 2):
            first, second = (of_models[name] for name in names)
            for n_samples, low, high, is_rising in _crossings(first, second):
                models = names if is_rising else names[::-1]
                yield Crossing(key, models, n_samples, low, high)


def _crossings(one: Growth, other: Growth) -> Iterator[tuple[float, float, float, bool]]:
    """Where the curves meet, from where to where they are too close, and whether ``one`` is the
    faster below.
    """
    import numpy as np
    from scipy.special import stdtrit

    if one.scatter is None or other.scatter is None:
        return
    (one_low, one_high), (other_low, other_high) = one.lengths, other.lengths
    low, high = max(one_low, other_low), min(one_high, other_high)
    if low >= high:
        return
    lengths = np.geomspace(low, high, N_STEPS)
    apart = np.log([one.curve.at(n) / other.curve.at(n) for n in lengths])
    farthest = float(stdtrit(one.freedom + other.freedom, TOLD_APART))
    is_close = np.abs(apart) <= farthest * float(np.hypot(one.scatter, other.scatter))
    for index, (before, after) in enumerate(pairwise(apart)):
        if (before < 0) == (after < 0):
            continue
        first, last = index, index + 1
        while first > 0 and is_close[first]:
            first -= 1
        while last < N_STEPS - 1 and is_close[last]:
            last += 1
        if not (is_close[first] or is_close[last]):  # told apart on either side
            ends = float(lengths[index]), float(lengths[index + 1])
            meeting = _meet(one.curve, other.curve, *ends)
            yield meeting, float(lengths[first]), float(lengths[last]), bool(before < 0)


def _meet(one: Curve, other: Curve, low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda n: one.at(n) - other.at(n), low, high))


@dataclass(frozen=True)
class SweepSummary:
    """The cells of some networks, and the curves through them."""

    cells: tuple[SweepCell, ...]
    times: Growths
    memory: Growths  # of the process's peak
    allocated: Growths  # of the allocator's
    counts: Mapping[Key, CountLine | None]
    machine: Machine | None  # None where no process lived to describe it

    def on(self, device: str) -> list[SweepCell]:
        """Those of one device."""
        return [cell for cell in self.cells if cell.key.device == device]

    @property
    def devices(self) -> list[str]:
        """Where cells were measured."""
        return list(dict.fromkeys(cell.key.device for cell in self.cells))

    def longest(self) -> list[Longest]:
        """For each device whose memory is known; of the fewest threads that were measured."""
        memory = with_fewest_threads(self.memory)
        found = []
        for device in self.devices:
            limit = memory_at_hand(self.cells, self.machine, device)
            of_device = {key: growth for key, growth in memory.items() if key.device == device}
            found += list(find_longest(of_device, self.cells, limit)) if limit else []
        return found


def summarize_sweep(names: Iterable[str], records: Sequence[Record]) -> SweepSummary:
    """Of the networks with these names, in their order.

    Raises:
        UsageError: records of several machines, versions of the code or releases of torch.
    """
    found = collect_cells(records)
    cells = tuple(cell for name in names for cell in found if cell.key.model == name)
    environments = (record.environment for record in records if record.environment)
    environment = next(environments, None)
    return SweepSummary(
        cells=cells,
        times=fit_times(cells),
        memory=fit_process_memory(cells),
        allocated=fit_allocated_memory(cells),
        counts=fit_counts(cells),
        machine=environment.machine if environment else None,
    )


def with_fewest_threads(growths: Growths) -> Growths:
    """Those of memory, which the number of threads hardly changes, once."""
    fewest: dict[Key, Key] = {}
    for key in sorted(growths, key=lambda key: key.threads):
        fewest.setdefault(key._replace(threads=0), key)
    return {key: growth for key, growth in growths.items() if key in fewest.values()}


def judge_forecasts(
    cells: Iterable[SweepCell], error_of: Callable[[SweepCell], float | None]
) -> ForecastAccuracy:
    """Of all cells that have both a forecast and a measurement."""
    errors = [(cell, error) for cell in cells if (error := error_of(cell)) is not None]
    return ForecastAccuracy(tuple(sorted(errors, key=lambda item: -abs(item[1]))))
