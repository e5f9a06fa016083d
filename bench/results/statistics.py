"""Estimates with intervals from repeated measurements, each a list of times for every process.

Randomness lives between processes (address layout, thread placement), so what is resampled is
processes, never single calls.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEVEL = 0.95
N_RESAMPLES = 10_000

Processes = Sequence[Sequence[float]]
"""Times of every process, in seconds: one list a process."""


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high``, which covers the true value in a share ``level`` of all runs."""

    low: float
    high: float
    level: float

    def relative_width(self, value: float) -> float:
        """Half the interval's width over the value that it belongs to."""
        return (self.high - self.low) / 2 / value


@dataclass(frozen=True)
class Estimate:
    """A value, its interval (None of a single process), and what both rest on."""

    value: float
    interval: Interval | None
    n_processes: int
    n_samples: int


def estimate_median(processes: Processes) -> Estimate:
    """The median over processes of each process's median.

    Raises:
        ValueError: no process, or one without a time.
    """
    medians = [median(times) for times in processes]
    return Estimate(
        value=median(medians),
        interval=bootstrap_median(medians),
        n_processes=len(medians),
        n_samples=sum(map(len, processes)),
    )


def estimate_ratio(processes: Processes, reference: Processes) -> Estimate:
    """The ratio of two medians, process by process: number k of both are of one round.

    A drift of the machine, which hits both of a round, cancels.

    Raises:
        ValueError: no process, more of one than of the other, or one without a time.
    """
    pairs = list(zip(processes, reference, strict=True))
    ratios = [median(ours) / median(theirs) for ours, theirs in pairs]
    return Estimate(
        value=median(ratios),
        interval=bootstrap_median(ratios),
        n_processes=len(ratios),
        n_samples=sum(len(ours) + len(theirs) for ours, theirs in pairs),
    )


def bootstrap_median(values: Sequence[float]) -> Interval | None:
    """A percentile bootstrap of the median, its percentiles widened for small samples.

    The percentiles are those that make the bootstrap of a mean agree with Student's t
    (T. Hesterberg, What Teachers Should Know About the Bootstrap, 2015, section 4.3). No
    interval between the smallest and the largest of n values can cover their median in more
    than ``1 - 2 ** (1 - n)`` of all cases, so below six values the level is that.
    """
    n_values = len(values)
    if n_values < 2:
        return None
    import numpy as np  # here and below: commands that compute nothing start without it

    tail = _widened_tail(n_values)
    generator = np.random.default_rng(0)  # the same values, the same interval
    chosen = generator.integers(0, n_values, (N_RESAMPLES, n_values))
    medians = np.median(np.asarray(values, dtype=np.float64)[chosen], axis=1)
    low, high = np.quantile(medians, [tail, 1 - tail])
    return Interval(float(low), float(high), min(LEVEL, 1 - 2.0 ** (1 - n_values)))


def _widened_tail(n_values: int) -> float:
    from scipy import special

    student = special.stdtrit(n_values - 1, (1 - LEVEL) / 2)
    return float(special.ndtr(math.sqrt(n_values / (n_values - 1)) * student))


def needed_samples(share: float, level: float = LEVEL) -> int:
    """Samples after which the largest one bounds the percentile from above at this level.

    >>> needed_samples(0.90), needed_samples(0.95), needed_samples(0.99)
    (29, 59, 299)
    """
    return math.ceil(math.log(1 - level) / math.log(share))


def percentile(processes: Processes, share: float) -> float | None:
    """The percentile of all samples together, or None when there are too few for it."""
    samples = [time for times in processes for time in times]
    if len(samples) < needed_samples(share):
        return None
    import numpy as np

    return float(np.quantile(samples, share))
