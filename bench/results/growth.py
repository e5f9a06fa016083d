"""How a cost grows with the length of the audio: a + b n^k, and how sure k is.

Errors of measured costs are about equal as shares of the value, so the fit minimises the squares of
relative residuals. The interval of k is by profile likelihood: the exponents with which the best a
and b leave a sum of squares that an F test does not tell from the smallest. The scatter that it
judges by is that of the cells around the curve, so what a power law misses widens the interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from bench.results.statistics import LEVEL, Interval

if TYPE_CHECKING:  # commands that compute nothing start without numpy
    import numpy as np
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"

LEAST_LENGTHS = 3
"""As many as the curve has parameters."""
LEAST_FOR_INTERVAL = 4
LEAST_EXPONENT, MOST_EXPONENT = 0.05, 4.0
EXPONENT_STEP = 0.01
RESOLUTION = 1e-3
"""Of a value: below, steps of pages and frames are seen. No scatter is taken to be less."""
OUTLIER_LEVEL = 0.01
"""How often a fit of cells that all lie on a curve may leave one out: each time k is too sure."""
FAR = 0.10
"""Of the curve: a cell that is farther away leaves it, unless its own interval reaches the curve.
"""


class CostPoint(NamedTuple):
    """A cost at one length, and from where to where it may lie."""

    n_samples: int
    value: float  # above 0
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """``fixed + factor * n_samples ** exponent``, in the unit of the cost."""

    fixed: float
    factor: float
    exponent: float

    def at(self, n_samples: float) -> float:
        """The cost of so many samples."""
        return float(self.fixed + self.factor * n_samples**self.exponent)

    def length_at(self, value: float) -> float:
        """The samples that cost so much; 0 where less than the fixed part is asked for."""
        left = max(0.0, value - self.fixed)
        return float((left / self.factor) ** (1 / self.exponent))


@dataclass(frozen=True)
class Growth:
    """The curve through the cells of growing lengths, without the ``omitted``.

    ``ends`` are the best curves with the exponent at either end of its interval; empty without one.
    """

    points: tuple[CostPoint, ...]  # all of them
    curve: Curve
    interval: Interval | None  # of the exponent; None of fewer than 4 lengths
    ends: tuple[Curve, ...] = ()
    omitted: tuple[CostPoint, ...] = ()

    @property
    def residuals(self) -> list[float]:
        """Each cell's value over the curve, less 1."""
        return [point.value / self.curve.at(point.n_samples) - 1 for point in self.points]

    @property
    def departing(self) -> list[CostPoint]:
        """The cells that leave the curve, the omitted among them."""
        return [point for point in self.points if is_far(point, self.curve)]

    @property
    def freedom(self) -> int:
        """Cells beyond those that the curve needs, which goes through so few whatever they are."""
        return len(self.points) - len(self.omitted) - LEAST_LENGTHS

    @property
    def scatter(self) -> float | None:
        """The standard deviation of a cell around the curve, as a share of its value.

        None where the curve has as many parameters as cells.
        """
        if not self.freedom:
            return None
        kept = [
            residual
            for point, residual in zip(self.points, self.residuals, strict=True)
            if point not in self.omitted
        ]
        return float((sum(residual**2 for residual in kept) / self.freedom) ** 0.5)

    @property
    def lengths(self) -> tuple[int, int]:
        """The shortest and the longest."""
        return self.points[0].n_samples, self.points[-1].n_samples


@dataclass(frozen=True)
class NoGrowth:
    """A sentence that says why there is no curve."""

    reason: str


def is_far(point: CostPoint, curve: Curve) -> bool:
    """More than 10 % from the curve, and beyond what the cell's own interval allows."""
    expected = curve.at(point.n_samples)
    is_outside = not point.low <= expected <= point.high
    return is_outside and abs(point.value / expected - 1) > FAR


def fit_growth(points: Sequence[CostPoint]) -> Growth | NoGrowth:
    """The curve through cells of different lengths; a cell that leaves the others' is omitted."""
    ordered = tuple(sorted(points))
    if len(ordered) < LEAST_LENGTHS:
        lengths = "1 length" if len(ordered) == 1 else f"{len(ordered)} lengths"
        return NoGrowth(f"{lengths} of the {LEAST_LENGTHS} that a curve needs.")
    omitted = _find_outliers(ordered)
    profile = _Profile([point for point in ordered if point not in omitted])
    if profile.best.factor <= 0:
        return NoGrowth("It does not grow over these lengths.")
    interval = profile.interval()
    ends = [profile.curve(k) for k in (interval.low, interval.high)] if interval else []
    return Growth(ordered, profile.best, interval, tuple(ends), omitted)


class _Profile:
    """The best a and b, and the squares that they leave, for each exponent."""

    def __init__(self, points: Sequence[CostPoint]) -> None:
        import numpy as np

        self._n_points = len(points)
        lengths = np.array([point.n_samples for point in points], dtype=np.float64)
        self._longest = lengths.max()
        self._lengths = lengths / self._longest  # so that no power is too large
        self._inverse = 1 / np.array([point.value for point in points], dtype=np.float64)

    @property
    def freedom(self) -> int:
        """Cells beyond those that the curve needs."""
        return self._n_points - LEAST_LENGTHS

    def fit(self, exponents: Array) -> tuple[Array, Array, Array]:
        """``[n] -> [n]`` each: a, b over scaled lengths, and the sum of squares.

        Least squares of a/y + b x/y - 1 where neither a nor b is below 0, in closed form.
        """
        import numpy as np

        ones = self._inverse
        powers = self._lengths ** exponents[:, np.newaxis] * ones
        aa, ab, bb = ones @ ones, powers @ ones, (powers**2).sum(axis=-1)
        a_1, b_1 = ones.sum(), powers.sum(axis=-1)
        determinant = aa * bb - ab**2
        fixed = np.maximum(0.0, (a_1 * bb - b_1 * ab) / determinant)
        factor = np.where(fixed > 0, (aa * b_1 - ab * a_1) / determinant, b_1 / bb)
        falls = factor <= 0
        fixed, factor = np.where(falls, a_1 / aa, fixed), np.where(falls, 0.0, factor)
        residuals = fixed[:, np.newaxis] * ones + factor[:, np.newaxis] * powers - 1
        return fixed, factor, (residuals**2).sum(axis=-1)

    def squares(self, exponent: float) -> float:
        """What the best curve with this exponent leaves."""
        import numpy as np

        return float(self.fit(np.array([exponent]))[2][0])

    def curve(self, exponent: float) -> Curve:
        """The best one with this exponent."""
        import numpy as np

        fixed, factor, _ = self.fit(np.array([exponent]))
        return Curve(float(fixed[0]), float(factor[0] / self._longest**exponent), exponent)

    @cached_property
    def grid(self) -> Array:
        """Exponents from the least to the most."""
        import numpy as np

        n_steps = round((MOST_EXPONENT - LEAST_EXPONENT) / EXPONENT_STEP)
        return np.linspace(LEAST_EXPONENT, MOST_EXPONENT, n_steps + 1)

    @cached_property
    def best(self) -> Curve:
        """Of all exponents."""
        from scipy.optimize import minimize_scalar

        nearest = int(self.fit(self.grid)[2].argmin())
        low, high = max(0, nearest - 1), min(len(self.grid) - 1, nearest + 1)
        bounds = float(self.grid[low]), float(self.grid[high])
        found = minimize_scalar(
            self.squares, bounds=bounds, method="bounded", options={"xatol": 1e-7}
        )
        candidates = (float(found.x), float(self.grid[nearest]))
        return self.curve(min(candidates, key=self.squares))

    @cached_property
    def least_squares(self) -> float:
        """What the best curve leaves, or what cells of the finest resolution would."""
        return max(self.squares(self.best.exponent), self.freedom * RESOLUTION**2)

    def interval(self) -> Interval | None:
        """The outermost exponents that are not told from the best; None of too few cells."""
        import numpy as np

        if self._n_points < LEAST_FOR_INTERVAL:
            return None
        limit = self.least_squares * (1 + _f_quantile(LEVEL, self.freedom) / self.freedom)
        exponents = np.union1d(self.grid, self.best.exponent)
        inside = np.flatnonzero(self.fit(exponents)[2] <= limit)
        first, last = int(inside[0]), int(inside[-1])
        low = self._crossing(exponents[max(0, first - 1)], exponents[first], limit)
        high = self._crossing(exponents[last], exponents[min(last + 1, len(exponents) - 1)], limit)
        return Interval(low, high, LEVEL)

    def _crossing(self, low: float, high: float, limit: float) -> float:
        """Where the squares reach the limit; both are the same at the end of the exponents."""
        from scipy.optimize import brentq

        if low == high:
            return float(low)
        return float(brentq(lambda exponent: self.squares(exponent) - limit, low, high))


def _f_quantile(share: float, freedom: int) -> float:
    """Of F with one degree of freedom above: Student's t, squared."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + share) / 2) ** 2)


def _find_outliers(points: Sequence[CostPoint]) -> tuple[CostPoint, ...]:
    """Cells, one in four at most, that are far from the curve of the others."""
    omitted: list[CostPoint] = []
    for _ in range(len(points) // 4):
        worst = _find_worst([point for point in points if point not in omitted])
        if worst is None:
            break
        omitted.append(worst)
    return tuple(sorted(omitted))


def _find_worst(points: Sequence[CostPoint]) -> CostPoint | None:
    """The cell without which the others fit best, where an F test says that it is none of them.

    The level is divided by the number of cells that were tried (Bonferroni).
    """
    if len(points) <= LEAST_FOR_INTERVAL:
        return None
    whole = _Profile(points)
    found: dict[CostPoint, _Profile] = {}
    for index, point in enumerate(points):
        others = _Profile([*points[:index], *points[index + 1 :]])
        if others.best.factor > 0 and is_far(point, others.best):
            found[point] = others
    if not found:
        return None
    worst = min(found, key=lambda point: found[point].least_squares)
    left = found[worst]
    gain = (whole.squares(whole.best.exponent) - left.least_squares) / left.least_squares
    share = 1 - OUTLIER_LEVEL / len(points)
    return worst if gain * left.freedom > _f_quantile(share, left.freedom) else None


@dataclass(frozen=True)
class CountLine:
    """The straight line through the counts of the shortest and the longest audio."""

    fixed: float
    per_sample: float
    largest_error: float  # of any count, as a share of it

    @property
    def is_exact(self) -> bool:
        """All counts are on it, to the last operation."""
        return self.largest_error == 0


def fit_line(counts: Mapping[int, int]) -> CountLine | None:
    """Counts above 0 by length, in exact arithmetic; None of fewer than three: they say nothing."""
    if len(counts) < LEAST_LENGTHS:
        return None
    shortest, longest = min(counts), max(counts)
    slope = Fraction(counts[longest] - counts[shortest], longest - shortest)
    fixed = counts[shortest] - slope * shortest
    errors = [abs(fixed + slope * length - counts[length]) / counts[length] for length in counts]
    return CountLine(float(fixed), float(slope), float(max(errors)))
