"""Estimates with intervals from values that were measured in several rounds of fresh processes.

Randomness lives between processes (layout of the address space, placement of threads, what the host
does meanwhile), so an interval is over rounds, each of which says one value, and never over single
calls. How a round's own calls scatter is part of how the rounds' values do, so that both levels are
in the interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from bench.results.intervals import middle

LEVEL = 0.95
MIN_PROCESSES = 3
MIN_CALLS = 5
LONG_CALL_S = 2.0
"""From here on one call of a process does where several of others are needed."""
WIDEST = 0.25
"""Half an interval over its value; from here on the value is no number that one could quote."""

Rounds = Sequence[Sequence[float]]
"""What was measured in each round: a list of values for each, none of them empty."""


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
    """A value, its interval (None of a single round), and what both rest on."""

    value: float
    interval: Interval | None
    n_processes: int
    n_samples: int
    seen: tuple[float, float]  # the smallest and the largest of all samples

    @property
    def half_width(self) -> float:
        """Half the interval over the value; infinite without one, or of a value not above zero."""
        if self.interval is None or self.value <= 0:
            return math.inf
        return self.interval.relative_width(self.value)

    @property
    def is_trusted(self) -> bool:
        """Enough processes and calls, and an interval narrower than 25 % to each side."""
        is_enough = self.n_processes >= MIN_PROCESSES and self.n_samples >= MIN_CALLS
        return is_enough and self.half_width < WIDEST

    @property
    def span(self) -> tuple[float, float]:
        """Where the value lies: the interval, or all that was seen of too few processes."""
        if self.interval is None or self.n_processes < MIN_PROCESSES:
            return self.seen
        return self.interval.low, self.interval.high


def estimate(rounds: Rounds) -> Estimate:
    """The middle over rounds of each round's median; values are above zero.

    It is taken of logarithms, so that the estimate of a ratio is one over that of its inverse.

    Raises:
        ValueError: no round, or one without a value.
    """
    medians = [median(values) for values in rounds]
    everything = list(chain.from_iterable(rounds))
    value, interval = _middle(medians)
    seen = min(everything), max(everything)
    return Estimate(value, interval, len(medians), len(everything), seen)


def estimate_difference(values: Sequence[float], bound: float, n_samples: int) -> Estimate:
    """The middle over processes of values that may be at zero or below, one of each process.

    ``bound`` is how far all of them may be off in the same direction: it widens the interval and
    the range to both sides. ``n_samples`` are what the values rest on.

    Raises:
        ValueError: no value.
    """
    import numpy as np

    seen = min(values) - bound, max(values) + bound
    value, interval = float(np.mean(values)), None
    if len(values) >= MIN_PROCESSES:
        found = middle(np.asarray(values, dtype=np.float64), (1 - LEVEL) / 2)
        value, low, high = (float(number) for number in found)
        interval = Interval(low - bound, high + bound, LEVEL)
    return Estimate(value, interval, len(values), n_samples, seen)


def _middle(values: Sequence[float]) -> tuple[float, Interval | None]:
    if len(values) == 1:
        return values[0], None
    import numpy as np  # here and below: commands that compute nothing start without it

    if len(values) == 2:  # Student's t of two values is wider than anything one could use
        low, high = sorted(values)
        return math.sqrt(low * high), Interval(low, high, 0.5)
    found = middle(np.log(np.asarray(values, dtype=np.float64)), (1 - LEVEL) / 2)
    value, low, high = (float(np.exp(bound)) for bound in found)
    return value, Interval(low, high, LEVEL)


def needed_samples(share: float, level: float = LEVEL) -> int:
    """Samples after which the largest one bounds the percentile from above at this level.

    >>> needed_samples(0.90), needed_samples(0.95), needed_samples(0.99)
    (29, 59, 299)
    """
    return math.ceil(math.log(1 - level) / math.log(share))


def percentile(rounds: Rounds, share: float) -> float | None:
    """The percentile of all samples together, or None when there are too few for it."""
    samples = [time for times in rounds for time in times]
    if len(samples) < needed_samples(share):
        return None
    import numpy as np

    return float(np.quantile(samples, share))
