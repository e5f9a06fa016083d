"""A bound on a percentile of calls that were made in a few processes.

The bound is an order statistic, by the binomial distribution of how many of n independent calls
lie below the percentile. Calls of one process are not independent, so n is not their number: it is
what they are worth, by the design effect of samples that come in clusters, with the correction for
few clusters of Korn and Graubard (Survey Methodology 24, 1998).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, ndtri, stdtrit

from bench.results.intervals import Array


class Percentile(NamedTuple):
    """An estimate with its bounds, infinite where the calls are worth too little for one."""

    estimate: float
    lower: float
    upper: float
    n_effective: float  # what the calls are worth
    n_needed: int  # for an upper bound


def bound_percentile(processes: Sequence[Sequence[float]], q: float, alpha: float) -> Percentile:
    """The q-quantile (0 < q < 1) of all calls; either bound is wrong with ``alpha`` at most."""
    calls = np.sort(np.concatenate([np.asarray(times) for times in processes]))
    estimate = float(np.quantile(calls, q))
    worth = effective_number(processes, estimate, alpha)
    n = math.floor(worth)
    below = bdtr(np.arange(n + 1), n, q)  # chance of at most k of n calls below the percentile
    # The k-th smallest is an upper bound unless at least k lie below; a lower one, at most k - 1.
    uppers = np.flatnonzero(1 - below[:-1] <= alpha) + 1 if n else np.array([])
    lowers = np.flatnonzero(below[:-1] <= alpha) + 1 if n else np.array([])
    return Percentile(
        estimate,
        float(calls[math.floor(lowers[-1] / n * len(calls)) - 1]) if len(lowers) else -math.inf,
        float(calls[math.ceil(uppers[0] / n * len(calls)) - 1]) if len(uppers) else math.inf,
        worth,
        math.ceil(math.log(alpha) / math.log(q)),
    )


def effective_number(processes: Sequence[Sequence[float]], threshold: float, alpha: float) -> float:
    """How many independent calls these are worth; 0 when there is only one process.

    The design effect is the larger of two: that of which calls lie above the threshold, and that
    of the logarithms of all of them, which is known better when few lie above.
    """
    n_processes = len(processes)
    if n_processes < 2:
        return 0.0
    times = [np.asarray(calls, dtype=float) for calls in processes]
    effect = max(
        1.0,
        design_effect([(calls > threshold).astype(float) for calls in times]),
        design_effect([np.log(calls) for calls in times]),
    )
    few = float(ndtri(alpha) / stdtrit(n_processes - 1, alpha)) ** 2
    return sum(map(len, times)) / effect * few


def design_effect(clusters: Sequence[Array]) -> float:
    """The variance of the mean of clustered values over what it were if all were independent."""
    pooled = np.concatenate(clusters)
    spread = float(((pooled - pooled.mean()) ** 2).mean())
    if spread == 0:
        return 1.0
    excess = np.array([(values - pooled.mean()).sum() for values in clusters])
    n = len(clusters)
    variance = float((excess**2).sum()) * n / (n - 1)
    return variance / (spread * len(pooled))
