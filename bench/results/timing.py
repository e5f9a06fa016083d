"""The times of one network in one phase: interval, ratio, parts, and how far to trust them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from bench.results.contention import Contention
from bench.results.measurements import LatencyTimes
from bench.results.record import Record
from bench.results.statistics import MIN_CALLS, MIN_PROCESSES, Estimate, percentile
from bench.results.turns import estimate_ratio, estimate_time, times_by_round

SHARES = (0.90, 0.95, 0.99)
NOISY_WIDTH = 0.10
"""Half the interval over the value; from here on a value is marked."""


class DoubtKind(StrEnum):
    """What makes a value doubtful."""

    FEW_PROCESSES = "few_processes"
    FEW_CALLS = "few_calls"
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
    example: Contention | None = None  # of what disturbed a call


@dataclass(frozen=True)
class LatencySummary:
    """One latency, in seconds unless the name says otherwise; disturbed calls are in none of it."""

    latency: Estimate
    ratio: Estimate | None  # to the base network in the same rounds; None without a pair
    first_s: float | None  # median over processes of the first call
    percentiles_s: Mapping[float, float | None]  # by share; None: too few samples
    parts_s: Mapping[str, float]  # of a training step: medians over all samples
    n_calls: int  # that were timed, the disturbed among them
    n_disturbed: int | None  # None: nothing was counted
    page_faults: float | None  # median of a call's
    stopped_by: str  # what ended most of the processes
    doubts: tuple[Doubt, ...]


def summarize_latency(records: Sequence[Record], base: Sequence[Record]) -> LatencySummary | None:
    """What latency records of one network say; None when none of them succeeded.

    ``base`` are those of the network to compare with, matched by their round.
    """
    found = list(times_by_round(records).values())
    if not found:
        return None
    latency = estimate_time(found)
    n_calls = sum(len(times.times_s) for times in found)
    is_counted = any(times.calls for times in found)
    first_s = [times.first_time_s for times in found if times.first_time_s is not None]
    stopped_by = Counter(times.stopped_by for times in found if times.stopped_by)
    faults = [n for times in found for n in times.page_faults or ()]
    return LatencySummary(
        latency=latency,
        ratio=estimate_ratio(records, base),
        first_s=median(first_s) if first_s else None,
        percentiles_s={
            share: percentile([times.undisturbed_s for times in found], share) for share in SHARES
        },
        parts_s=_median_parts(found),
        n_calls=n_calls,
        n_disturbed=n_calls - sum(len(t.undisturbed) for t in found) if is_counted else None,
        page_faults=median(faults) if faults else None,
        stopped_by=stopped_by.most_common(1)[0][0] if stopped_by else "not known",
        doubts=(
            *_gpu_doubts(found),
            *(_describe(kind, latency, found) for kind in estimate_doubts(latency)),
        ),
    )


def _median_parts(found: Sequence[LatencyTimes]) -> dict[str, float]:
    """Of undisturbed calls, or of all where there are none."""
    split = [times for times in found if times.parts_s]
    chosen = [(times.parts_s, times.undisturbed) for times in split]
    if not any(indices for _, indices in chosen):
        chosen = [(times.parts_s, list(range(len(times.times_s)))) for times in split]
    names = chosen[0][0] if chosen else ()
    return {
        name: median(parts[name][index] for parts, indices in chosen for index in indices)
        for name in names
    }


def estimate_doubts(estimate: Estimate) -> list[DoubtKind]:
    """What keeps a value from being quoted, or else a wide interval."""
    kinds = []
    if estimate.n_processes < MIN_PROCESSES:
        kinds.append(DoubtKind.FEW_PROCESSES)
    if estimate.n_samples < MIN_CALLS:
        kinds.append(DoubtKind.FEW_CALLS)
    if not kinds and estimate.half_width >= NOISY_WIDTH:
        kinds.append(DoubtKind.WIDE_INTERVAL)
    return kinds


def _describe(kind: DoubtKind, latency: Estimate, found: Sequence[LatencyTimes]) -> Doubt:
    """The doubt with its numbers: what decided, of all that there was."""
    if kind == DoubtKind.FEW_PROCESSES:
        return Doubt(kind, latency.n_processes, len(found))
    if kind == DoubtKind.FEW_CALLS:
        disturbed = [call for times in found for call in times.calls if call.is_disturbed]
        n_calls = sum(len(times.times_s) for times in found)
        return Doubt(kind, latency.n_samples, n_calls, example=next(iter(disturbed), None))
    return Doubt(kind, share=latency.half_width)


def _gpu_doubts(found: Sequence[LatencyTimes]) -> list[Doubt]:
    """What slowed a GPU, and who else used it, while it was timed."""
    causes = sorted({cause for times in found for cause in times.gpu_slowed_by})
    doubts = [Doubt(DoubtKind.GPU_SLOWED, causes=tuple(causes))] if causes else []
    readings = [times.gpu_during for times in found if times.gpu_during]
    if any(reading.is_shared for reading in readings):
        doubts.append(Doubt(DoubtKind.GPU_SHARED))
    return doubts
