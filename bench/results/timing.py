"""The times of one network in one phase: interval, ratio, parts, and how far to trust them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from statistics import median

from bench.results.contention import Contention
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, results_of
from bench.results.statistics import Estimate, estimate_median, estimate_ratio, percentile

SHARES = (0.90, 0.95, 0.99)
NOISY_SHARE = 0.2  # of the calls under contention: more make a value noisy
NOISY_WIDTH = 0.05  # half the interval over the value: more makes it noisy


class DoubtKind(StrEnum):
    """What makes a value doubtful."""

    CALLS_CONTENDED = "calls_contended"
    PROCESSES_CONTENDED = "processes_contended"
    WIDE_INTERVAL = "wide_interval"
    GPU_SLOWED = "gpu_slowed"
    GPU_SHARED = "gpu_shared"
    ROUNDS_FAILED = "rounds_failed"
    UNKNOWN_OPERATORS = "unknown_operators"


@dataclass(frozen=True)
class Doubt:
    """One reason not to trust a value, in numbers; ``bench.render.doubts`` says it in words."""

    kind: DoubtKind
    n: int = 0  # calls, processes or rounds that it concerns
    of: int = 0  # all of them
    share: float = 0.0  # half the interval over the value
    causes: tuple[str, ...] = ()
    example: Contention | None = None


@dataclass(frozen=True)
class LatencySummary:
    """One latency, in seconds unless the name says otherwise."""

    latency: Estimate
    ratio: Estimate | None  # to the base network in the same rounds; None without one
    first_s: float | None  # median over processes of the first call
    percentiles_s: Mapping[float, float | None]  # by share; None: too few samples
    parts_s: Mapping[str, float]  # of a training step: medians over all samples
    n_contended: int | None  # samples during which something else used the processors
    stopped_by: str  # what ended most of the processes
    doubts: tuple[Doubt, ...]


def summarize_latency(records: Sequence[Record], base: Sequence[Record]) -> LatencySummary | None:
    """What latency records of one network say; None when none of them succeeded.

    ``base`` are those of the network to compare with, matched by their round.
    """
    measured = times_by_round(records)
    if not measured:
        return None
    found, others = list(measured.values()), times_by_round(base)
    common = sorted(measured.keys() & others.keys())
    times_s = [times.times_s for times in found]
    latency = estimate_median(times_s)
    marks = [call.is_contended for times in found for call in times.calls]
    known = [mark for mark in marks if mark is not None]
    first_s = [times.first_time_s for times in found if times.first_time_s is not None]
    stopped_by = Counter(times.stopped_by for times in found if times.stopped_by)
    return LatencySummary(
        latency=latency,
        ratio=estimate_ratio(
            [measured[index].times_s for index in common],
            [others[index].times_s for index in common],
        )
        if common
        else None,
        first_s=median(first_s) if first_s else None,
        percentiles_s={share: percentile(times_s, share) for share in SHARES},
        parts_s=_median_parts(found),
        n_contended=sum(known) if known else None,
        stopped_by=stopped_by.most_common(1)[0][0] if stopped_by else "not known",
        doubts=(*_gpu_doubts(found), *_contention_doubts(found), *_width_doubts(latency)),
    )


def times_by_round(records: Sequence[Record]) -> dict[int, LatencyTimes]:
    """The times of each round that measured any."""
    return {record.job.round: times for record, times in results_of(LatencyTimes, records)}


def _median_parts(found: Sequence[LatencyTimes]) -> dict[str, float]:
    parts = [times.parts_s for times in found if times.parts_s]
    names = parts[0] if parts else ()
    return {name: median(chain.from_iterable(part[name] for part in parts)) for name in names}


def _contention_doubts(found: Sequence[LatencyTimes]) -> list[Doubt]:
    """Too many disturbed calls, or else too many processes that were disturbed as a whole."""
    calls = [call for times in found for call in times.calls if call.is_contended is not None]
    contended = [call for call in calls if call.is_contended]
    if len(contended) > NOISY_SHARE * len(calls):
        kind = DoubtKind.CALLS_CONTENDED
        return [Doubt(kind, len(contended), len(calls), example=contended[0])]
    asked = [times for times in found if times.is_series_contended is not None]
    disturbed = [times for times in asked if times.is_series_contended]
    if 2 * len(disturbed) > len(asked):
        kind, example = DoubtKind.PROCESSES_CONTENDED, disturbed[0].series_contention
        return [Doubt(kind, len(disturbed), len(asked), example=example)]
    return []


def _width_doubts(latency: Estimate) -> list[Doubt]:
    interval = latency.interval
    width = interval.relative_width(latency.value) if interval else 0.0
    return [Doubt(DoubtKind.WIDE_INTERVAL, share=width)] if width > NOISY_WIDTH else []


def _gpu_doubts(found: Sequence[LatencyTimes]) -> list[Doubt]:
    """What slowed a GPU, and who else used it, while it was timed."""
    causes = sorted({cause for times in found for cause in times.gpu_slowed_by})
    doubts = [Doubt(DoubtKind.GPU_SLOWED, causes=tuple(causes))] if causes else []
    readings = [times.gpu_during for times in found if times.gpu_during]
    if any(reading.n_other_processes for reading in readings):
        doubts.append(Doubt(DoubtKind.GPU_SHARED))
    return doubts
