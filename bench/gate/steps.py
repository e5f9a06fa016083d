"""Where a metric over commits changed for good: PELT on its logarithm, by ruptures.

The cost of a stretch is the sum of distances from its median, which single bad runs hardly raise;
a stretch has at least two points, so that a change is believed when it was measured twice. One
more stretch must save PENALTY times ln(n) times the noise's deviation, which was chosen by
simulation (the tests hold it): of 30 commits without a step, one series in fifty shows one. The
noise is judged from neighbours, so that a step is not taken for noise, and never below LEAST_NOISE.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bench.errors import UsageError
from bench.results.series import Point, Series

LEAST_NOISE = 0.002
"""Standard deviation; so that counts, which have no noise, and rounding make no steps."""

MIN_POINTS = 6  # below, the noise is not known well enough
PENALTY = 2.5


class LastingChange(NamedTuple):
    """The first point after a change, and by which share the middle of the stretch moved."""

    point: Point
    change: float


def find_steps(series: Series) -> list[LastingChange]:
    """The changes, oldest first; none where fewer than MIN_POINTS have a value, or one is 0.

    Raises:
        UsageError: ruptures is not installed.
    """
    points = [point for point in series.points if point.value is not None]
    if len(points) < MIN_POINTS or min(series.values) <= 0:  # a share of nothing says nothing
        return []
    logs = np.log(series.values)
    borders = [0, *_breakpoints(logs)]
    stretches = [float(np.median(logs[start:end])) for start, end in pairwise(borders)]
    return [
        LastingChange(points[border], float(np.expm1(after - before)))
        for border, (before, after) in zip(borders[1:], pairwise(stretches), strict=False)
    ]


def _breakpoints(logs: Sequence[float] | np.ndarray) -> list[int]:
    """The ends of the stretches; the last is the number of points."""
    try:
        import ruptures
    except ImportError as error:
        raise UsageError(
            "Lasting changes are found with ruptures, which is not installed: "
            "pip install 'separation-bench[history]'"
        ) from error
    noise = max(LEAST_NOISE, float(np.median(np.abs(np.diff(logs)))) / 0.6745 / np.sqrt(2))
    search = ruptures.Pelt(model="l1", min_size=2, jump=1).fit(np.asarray(logs)[:, np.newaxis])
    breakpoints: list[int] = search.predict(pen=PENALTY * np.log(len(logs)) * noise)
    return breakpoints
