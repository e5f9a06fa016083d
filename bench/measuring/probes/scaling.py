"""How a network's operations grow with the length and the batch of its input."""

from collections.abc import Callable
from dataclasses import replace

from torch import nn

from bench.measuring.counted_step import count_step, without_data_if_possible
from bench.results.measurements import ScalingCounts
from bench.results.record import CellError, Status
from bench.results.workload import Workload

FITTED_SAMPLES = (8000, 16000, 24000)
CHECKED_SAMPLES = 160000
CHECKED_BATCH = 4


def fit_line(lengths: tuple[int, ...], counts: tuple[int, ...]) -> tuple[float, float]:
    """Fixed part and slope of the line through the first and the last point."""
    slope = (counts[-1] - counts[0]) / (lengths[-1] - lengths[0])
    return counts[0] - slope * lengths[0], slope


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> ScalingCounts:
    """Counts at small lengths, the line through them, and how far it is off at a large one.

    Raises:
        CellError: the network breaks the contract.
    """

    def count(n_samples: int, batch: int) -> int:
        changed = replace(workload, n_samples=n_samples, batch=batch)
        counted = without_data_if_possible(lambda d: count_step(build, changed, d), changed)
        return counted.macs

    counts = tuple(count(n_samples, 1) for n_samples in FITTED_SAMPLES)
    fixed, slope = fit_line(FITTED_SAMPLES, counts)
    large = count(CHECKED_SAMPLES, 1)
    if not (counts[0] and large):
        reason = "The network has no multiply-adds that could grow with its input."
        raise CellError(Status.UNSUPPORTED, reason)
    return ScalingCounts(
        fitted_samples=FITTED_SAMPLES,
        fitted_macs=counts,
        fixed_macs=fixed,
        macs_per_sample=slope,
        is_on_a_line=counts[1] == fixed + slope * FITTED_SAMPLES[1],
        checked_samples=CHECKED_SAMPLES,
        checked_macs=large,
        error_at_checked=(fixed + slope * CHECKED_SAMPLES) / large - 1,
        checked_batch=CHECKED_BATCH,
        batch_ratio=count(FITTED_SAMPLES[0], CHECKED_BATCH) / counts[0],
    )
