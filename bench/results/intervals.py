"""Intervals for the middle of a few independent values, on arrays of any leading shape.

A value is what one process says, never one call: randomness lives between processes. Few values
have an interval by Student's t. As soon as there are enough for the level (six for 95 %) it is the
one that Wilcoxon's signed-rank test implies, which a burst of contention in some processes hardly
moves (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd ed., section 3.3).
"""

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:  # commands that compute nothing start without numpy
    import numpy as np
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"
MIN_VALUES = 3  # below, Student's t is so wide that it says nothing


class BoundedEstimate(NamedTuple):
    """An estimate of the middle and its bounds; infinite where there are too few values."""

    estimate: Array
    lower: Array
    upper: Array


def middle(values: Array, alpha: float) -> BoundedEstimate:
    """The middle of the values along the last axis, ``[..., n] -> [...]``.

    Either bound is wrong with probability ``alpha`` at most, when the values are independent and
    symmetric about the middle (and, if Wilcoxon's interval does not exist for so few values at
    this ``alpha``, normal or heavier in the tails).
    """
    import numpy as np

    n = values.shape[-1]
    if n < MIN_VALUES:
        centre = values.mean(axis=-1) if n else np.full(values.shape[:-1], np.nan)
        infinite = np.full_like(centre, np.inf)
        return BoundedEstimate(centre, -infinite, infinite)
    rank = critical_rank_sum(n, alpha)
    return _student(values, alpha) if rank is None else _wilcoxon(values, rank)


def _student(values: Array, alpha: float) -> BoundedEstimate:
    import numpy as np
    from scipy.special import stdtrit

    n = values.shape[-1]
    centre = values.mean(axis=-1)
    half = stdtrit(n - 1, 1 - alpha) * values.std(axis=-1, ddof=1) / np.sqrt(n)
    return BoundedEstimate(centre, centre - half, centre + half)


def _wilcoxon(values: Array, rank: int) -> BoundedEstimate:
    """The Hodges-Lehmann estimate, and the means of pairs that the test can't tell from it."""
    import numpy as np

    first, second = np.triu_indices(values.shape[-1])
    means = np.sort((values[..., first] + values[..., second]) / 2, axis=-1)
    centre = np.median(means, axis=-1)
    return BoundedEstimate(centre, means[..., rank], means[..., -1 - rank])


@cache
def critical_rank_sum(n: int, alpha: float) -> int | None:
    """The largest sum of ranks that n symmetric values stay at or below with at most ``alpha``.

    None when even a sum of zero is more likely than that.
    """
    import numpy as np

    counts = np.zeros(n * (n + 1) // 2 + 1)
    counts[0] = 1.0
    for rank in range(1, n + 1):
        counts[rank:] += counts[:-rank].copy()
    likely = np.cumsum(counts) / 2.0**n
    n_allowed = int(np.searchsorted(likely, alpha, side="right"))
    return n_allowed - 1 if n_allowed else None
