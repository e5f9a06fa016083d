"""The times of one network in one phase: interval, ratio, parts, and how far to trust them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import Any

from bench.results.record import Record, Status
from bench.results.statistics import (
    Estimate,
    estimate_median,
    estimate_ratio,
    percentile,
)

SHARES = (0.90, 0.95, 0.99)
NOISY_SHARE = 0.2  # of the calls under contention: more make a figure noisy
NOISY_WIDTH = 0.05  # half the interval over the figure: more makes it noisy


@dataclass(frozen=True)
class Timing:
    """One latency, in seconds unless the name says otherwise."""

    latency: Estimate
    ratio: Estimate | None  # to the reference network in the same rounds; None without one
    first_s: float | None  # median over processes of the first call
    percentiles_s: Mapping[float, float | None]  # by share; None: too few samples
    parts_s: Mapping[str, float]  # of an update step: medians over all samples
    n_contended: int | None  # samples during which something else used the processors
    stopped_by: str  # what ended most of the processes
    noise: str  # a sentence that says why not to trust the figure; empty when nothing does


def summarize_timing(records: Sequence[Record], reference: Sequence[Record]) -> Timing | None:
    """The timing that latency records of one network hold; None when none of them succeeded.

    ``reference`` are those of the network to compare with, matched by their round.
    """
    measured = {r.job.round: r.measurement for r in records if r.status == Status.OK}
    if not measured:
        return None
    others = {r.job.round: r.measurement for r in reference if r.status == Status.OK}
    common = sorted(measured.keys() & others.keys())
    times_s = [measurement["times_s"] for measurement in measured.values()]
    latency = estimate_median(times_s)
    contention = [m["contention"] for m in measured.values() if "contention" in m]
    marks = [mark for columns in contention for mark in columns["is_contended"]]
    known = [mark for mark in marks if mark is not None]
    first_s = [m["first_time_s"] for m in measured.values() if "first_time_s" in m]
    stopped_by = Counter(m["stopped_by"] for m in measured.values() if "stopped_by" in m)
    return Timing(
        latency=latency,
        ratio=estimate_ratio(
            [measured[index]["times_s"] for index in common],
            [others[index]["times_s"] for index in common],
        )
        if common
        else None,
        first_s=median(first_s) if first_s else None,
        percentiles_s={share: percentile(times_s, share) for share in SHARES},
        parts_s=_median_parts(list(measured.values())),
        n_contended=sum(known) if known else None,
        stopped_by=stopped_by.most_common(1)[0][0] if stopped_by else "not known",
        noise=_noise(latency, known, list(measured.values())),
    )


def _median_parts(measurements: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    parts = [measurement["parts_s"] for measurement in measurements if "parts_s" in measurement]
    names = parts[0] if parts else ()
    return {name: median(chain.from_iterable(part[name] for part in parts)) for name in names}


def _noise(
    latency: Estimate, is_contended: Sequence[bool], measurements: Sequence[Mapping[str, Any]]
) -> str:
    """Why the figure is in doubt, in a sentence; empty when it is not."""
    doubts = _gpu_doubts(measurements)
    contention = [m["contention"] for m in measurements if "contention" in m]
    disturbed = [columns["series_reason"] for columns in contention if columns.get("series_reason")]
    if is_contended and sum(is_contended) > NOISY_SHARE * len(is_contended):
        reasons = Counter(reason for columns in contention for reason in columns["reasons"][:1])
        doubts.append(
            f"other work during {sum(is_contended)} of {len(is_contended)} calls "
            f"({reasons.most_common(1)[0][0]})"
        )
    elif 2 * len(disturbed) > len(contention):
        doubts.append(
            f"other work beside {len(disturbed)} of {len(contention)} processes ({disturbed[0]})"
        )
    interval = latency.interval
    if interval and interval.relative_width(latency.value) > NOISY_WIDTH:
        doubts.append(f"an interval of ± {interval.relative_width(latency.value):.0%}")
    return f"Noisy: {' and '.join(doubts)}." if doubts else ""


def _gpu_doubts(measurements: Sequence[Mapping[str, Any]]) -> list[str]:
    """What slowed a GPU, and who else used it, while it was timed."""
    slowdowns = {reason for m in measurements for reason in m.get("gpu_slowed_by", ())}
    doubts = [f"the GPU's clock lowered by {', '.join(sorted(slowdowns))}"] if slowdowns else []
    states = [m.get("gpu_during") or {} for m in measurements]
    if any(state.get("n_other_processes") for state in states):
        doubts.append("another process on the GPU")
    return doubts
