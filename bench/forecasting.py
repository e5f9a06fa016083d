"""The memory of a cell, told before it is measured from smaller cells and its liveness walk.

The walk (``bench.measuring.memory.liveness``) gives the least that any schedule of the step must
hold. What is measured is more: the libraries, workspace inside operators, pages that the allocator
keeps. Between two cells of one network that excess grows with the minimum, so that a line through
smaller ones leads to the next. A network of length 0 is the first point of each line: it
holds its weights and nothing else.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.results.forecast import MemoryForecast
from bench.results.measurements import MemoryPeaks
from bench.results.record import Job, Record, results_of
from bench.results.workload import Workload
from bench.units import format_si

SHARE_OF_AVAILABLE = 0.9
"""Of the memory at hand: a cell that is told to need more is not run."""


@dataclass(frozen=True)
class Point:
    """A smaller cell: where it lies, its minimum, and the peaks that were measured."""

    work: Workload
    minimum_bytes: int
    fixed_bytes: int  # of the minimum: weights and the optimiser's state
    allocated_bytes: int
    process_bytes: int


def foretell(record: Record, records: Sequence[Record]) -> Record:
    """A forecast's record, its walk completed by the smaller cells among the records.

    Records of other probes, and of walks that failed, come back as they are.
    """
    walk = record.result
    if not isinstance(walk, MemoryForecast):
        return record
    points = smaller_cells(record.job, walk.minimum_bytes, records)
    if not points:
        return record
    chosen = nearest_in_line(record.job.workload, points)
    minimum = walk.minimum_bytes
    origin = chosen[0].fixed_bytes
    # What the process holds beside torch's allocator, of a step without activations.
    base = walk.process_bytes - minimum + origin
    allocated = extend(
        [(p.minimum_bytes, p.allocated_bytes) for p in chosen], (origin, origin), minimum
    )
    process = extend([(p.minimum_bytes, p.process_bytes) for p in chosen], (origin, base), minimum)
    forecast = replace(
        walk, allocated_bytes=allocated, process_bytes=process, n_smaller=len(points)
    )
    return replace(record, result=forecast)


def smaller_cells(job: Job, minimum_bytes: int, records: Sequence[Record]) -> list[Point]:
    """The measured cells of the same network, phase and dtype whose minimum is below this one's."""
    found = []
    for record, peaks in results_of(MemoryPeaks, records):
        minimum, live = peaks.minimum_bytes, peaks.minimum_live_bytes
        if not _is_alike(record.job, job) or minimum is None or live is None:
            continue
        if minimum < minimum_bytes:
            fixed, process = minimum - live, process_bytes_of(peaks)
            work = record.job.workload
            found.append(Point(work, minimum, fixed, peaks.peak_allocated_bytes, process))
    return found


def process_bytes_of(peaks: MemoryPeaks) -> int:
    """What the machine or the GPU must have for the process."""
    return (
        peaks.peak_rss_bytes
        or peaks.process_bytes
        or peaks.peak_reserved_bytes
        or peaks.peak_allocated_bytes
    )


def nearest_in_line(work: Workload, points: Sequence[Point]) -> list[Point]:
    """One or two points, the nearest first, that differ from ``work`` in the length alone.

    Where there are no two such, in the batch alone; else the two nearest of all.
    """
    ranked = sorted(points, key=lambda point: _distance(point.work, work))
    for is_in_line in (
        lambda other: (other.batch, other.threads) == (work.batch, work.threads),
        lambda other: (other.n_samples, other.threads) == (work.n_samples, work.threads),
        lambda other: other.batch == work.batch,
        lambda other: other.n_samples == work.n_samples,
    ):
        line = [point for point in ranked if is_in_line(point.work)]
        if len({point.minimum_bytes for point in line}) >= 2:
            return _two_apart(line)
    return _two_apart(ranked)


def _two_apart(ranked: Sequence[Point]) -> list[Point]:
    """The first, and the next with another minimum if there is one."""
    first = ranked[0]
    others = [point for point in ranked if point.minimum_bytes != first.minimum_bytes]
    return [first, *others[:1]]


def extend(points: Sequence[tuple[int, int]], origin: tuple[int, int], minimum: int) -> int:
    """Where the line through one or two points, or the first and the origin, is at a minimum.

    It does not fall: a larger cell holds at least what the nearest smaller one did.
    """
    (x, y), (x0, y0) = points[0], points[1] if len(points) > 1 else origin
    slope = (y - y0) / (x - x0) if x != x0 else 1.0
    return round(y + max(0.0, slope) * (minimum - x))


def why_too_large(forecast: MemoryForecast) -> str:
    """Why a cell is not run; empty where it fits."""
    if forecast.process_bytes <= SHARE_OF_AVAILABLE * forecast.available_bytes:
        return ""
    needed, free = (
        format_si(size, "B") for size in (forecast.process_bytes, forecast.available_bytes)
    )
    return f"It would need about {needed} of memory, and {free} are free."


def _is_alike(one: Job, other: Job) -> bool:
    ours, theirs = one.workload, other.workload
    return (one.model, one.factory, ours.phase, ours.dtype, ours.device, ours.tf32) == (
        other.model,
        other.factory,
        theirs.phase,
        theirs.dtype,
        theirs.device,
        theirs.tf32,
    )


def _distance(one: Workload, other: Workload) -> float:
    return (
        abs(math.log2(one.n_samples / other.n_samples))
        + abs(math.log2(one.batch / other.batch))
        + 0.1 * (one.threads != other.threads)
    )
