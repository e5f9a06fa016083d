"""The memory of a cell, told before it is measured from smaller cells and its liveness walk.

The walk (``bench.measuring.memory.liveness``) gives the least that any schedule of the step must
hold. What torch's allocator holds is more: workspace inside operators. Between cells of one network
that excess grows with the minimum, so that a line through smaller ones leads to the next; a network
of length 0 is the first point of each line: it holds its weights and nothing else. What the process
holds beside it, the libraries and what they keep, is told from all of them.
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
APART = 0.4
"""Doublings of the samples between two cells: a line through closer ones has no direction."""


@dataclass(frozen=True)
class PeakPoint:
    """A smaller cell: where it lies, its minimum, and the peaks that were measured."""

    work: Workload
    minimum_bytes: int
    fixed_bytes: int  # of the minimum: weights and the optimiser's state
    allocated_bytes: int
    process_bytes: int

    @property
    def size(self) -> int:
        """Samples of all mixtures together."""
        return self.work.n_samples * self.work.batch


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
    allocated = tell_allocated(record.job.workload, walk.minimum_bytes, points)
    # Of a process that holds no activations yet: the walk's own, and the weights.
    empty = walk.process_bytes - walk.minimum_bytes + points[0].fixed_bytes
    forecast = replace(
        walk,
        allocated_bytes=allocated,
        process_bytes=tell_process(allocated, empty, points),
        n_smaller=len(points),
    )
    return replace(record, result=forecast)


def smaller_cells(job: Job, minimum_bytes: int, records: Sequence[Record]) -> list[PeakPoint]:
    """The measured cells of the same network, phase and dtype whose minimum is below this one's."""
    found = []
    for record, peaks in results_of(MemoryPeaks, records):
        minimum, live = peaks.minimum_bytes, peaks.minimum_live_bytes
        if not _is_alike(record.job, job) or minimum is None or live is None:
            continue
        if minimum < minimum_bytes:
            fixed, process = minimum - live, process_bytes_of(peaks)
            work = record.job.workload
            found.append(PeakPoint(work, minimum, fixed, peaks.peak_allocated_bytes, process))
    return found


def process_bytes_of(peaks: MemoryPeaks) -> int:
    """What the machine or the GPU must have for the process."""
    return (
        peaks.peak_rss_bytes
        or peaks.process_bytes
        or peaks.peak_reserved_bytes
        or peaks.peak_allocated_bytes
    )


def tell_allocated(work: Workload, minimum_bytes: int, points: Sequence[PeakPoint]) -> int:
    """The allocator's peak, on a line through the two nearest cells, or one and the weights alone.

    Of cells that differ in the length, the line is over the minimum; of those that differ in the
    batch alone, over that.
    """
    ranked = sorted(points, key=lambda point: _distance(point.work, work))
    of_batch = [p for p in ranked if p.work.batch == work.batch]
    of_length = [p for p in ranked if p.work.n_samples == work.n_samples]
    over_lengths, over_batches = _two_apart(of_batch), _two_apart(of_length)
    if len(over_lengths) < 2 <= len(over_batches):
        line = [(p.work.batch, p.allocated_bytes) for p in over_batches]
        return _extend(line, (0, points[0].fixed_bytes), work.batch)
    chosen = over_lengths if len(over_lengths) == 2 else _two_apart(ranked)
    line = [(p.minimum_bytes, p.allocated_bytes) for p in chosen]
    return _extend(line, (points[0].fixed_bytes,) * 2, minimum_bytes)


def _two_apart(ranked: Sequence[PeakPoint]) -> list[PeakPoint]:
    """The first, and the next whose size is another, so that a line has a direction."""
    others = [p for p in ranked if abs(math.log2(p.size / ranked[0].size)) >= APART]
    return [*ranked[:1], *others[:1]]


def _extend(points: Sequence[tuple[int, int]], origin: tuple[int, int], x: int) -> int:
    """Where the line through one or two points, or the only one and the origin, is at x.

    It does not fall: a larger cell holds at least what the nearest smaller one did.
    """
    (x1, y1), (x0, y0) = points[0], points[1] if len(points) > 1 else origin
    slope = (y1 - y0) / (x1 - x0) if x1 != x0 else 1.0
    return round(y1 + max(0.0, slope) * (x - x1))


def tell_process(allocated_bytes: int, empty_bytes: int, points: Sequence[PeakPoint]) -> int:
    """The process's peak, on the line of all smaller cells over the allocator's peak.

    Least squares of relative errors, the process without activations among the points, so that
    one process that differs by chance does not lead astray.
    """
    cells = [(points[0].fixed_bytes, empty_bytes)]
    cells += [(point.allocated_bytes, point.process_bytes) for point in points]
    weights = [1 / process**2 for _, process in cells]
    x = sum(w * cell[0] for w, cell in zip(weights, cells, strict=True)) / sum(weights)
    y = sum(w * cell[1] for w, cell in zip(weights, cells, strict=True)) / sum(weights)
    apart = [(w, cell[0] - x, cell[1] - y) for w, cell in zip(weights, cells, strict=True)]
    spread = sum(w * dx**2 for w, dx, _ in apart)
    shared = sum(w * dx * dy for w, dx, dy in apart)
    slope = max(0.0, shared / spread) if spread else 1.0
    return round(y + slope * (allocated_bytes - x))


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
