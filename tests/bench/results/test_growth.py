"""Curves are held to scipy's optimiser, to data with known exponents, and to their coverage."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import least_squares

from bench.results.growth import (
    FAR,
    LEAST_EXPONENT,
    MOST_EXPONENT,
    CostPoint,
    Curve,
    Growth,
    NoGrowth,
    _f_quantile,
    fit_growth,
    fit_line,
)
from bench.results.statistics import LEVEL

LENGTHS = tuple(4000 * 2**step for step in range(7))


def points_of(
    values: Sequence[float], lengths: Sequence[int] = LENGTHS, own: float = 0.0
) -> list[CostPoint]:
    """``own``: half of each value's own interval, as a share of it."""
    return [
        CostPoint(length, value, value * (1 - own), value * (1 + own))
        for length, value in zip(lengths, values, strict=True)
    ]


def costs(curve: Curve, lengths: Sequence[int] = LENGTHS) -> NDArray[np.float64]:
    return np.array([curve.at(length) for length in lengths])


def fitted(points: Sequence[CostPoint]) -> Growth:
    found = fit_growth(points)
    assert isinstance(found, Growth)
    return found


exponents = st.floats(0.5, 3.0)


@given(exponents, st.floats(0.0, 10.0), st.floats(1e-3, 1e9))
def test_a_curve_without_noise_is_found(exponent: float, fixed: float, unit: float) -> None:
    """The fixed part is given in units of what the first second costs beyond it."""
    truth = Curve(fixed * unit, unit / 8000**exponent, exponent)
    growth = fitted(points_of(costs(truth).tolist()))
    assert growth.curve.exponent == pytest.approx(exponent, abs=2e-3)
    assert costs(growth.curve) == pytest.approx(costs(truth), rel=1e-4)
    assert growth.omitted == ()
    assert growth.departing == []
    assert growth.interval is not None
    assert growth.interval.low <= exponent <= growth.interval.high


@given(st.floats(1e-6, 1e6))
def test_the_exponent_has_no_unit(unit: float) -> None:
    values = costs(Curve(0.01, 1e-5, 1.2)) * np.random.default_rng(1).normal(1, 0.03, 7)
    here, there = fitted(points_of(values.tolist())), fitted(points_of((unit * values).tolist()))
    assert there.curve.exponent == pytest.approx(here.curve.exponent, abs=1e-5)
    assert here.interval is not None
    assert there.interval is not None
    assert there.interval.low == pytest.approx(here.interval.low, abs=1e-5)
    assert there.interval.high == pytest.approx(here.interval.high, abs=1e-5)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("fixed", [0.0, 0.05])
def test_it_is_the_least_squares_that_scipy_finds(fixed: float, seed: int) -> None:
    """Without a fixed part the best one would often be below 0, where none may be."""
    rng = np.random.default_rng(seed)
    truth = Curve(fixed, 0.1 / 8000 ** (1 + seed / 8), 1 + seed / 8)
    values = costs(truth) * rng.normal(1, 0.02, len(LENGTHS))
    seconds = np.array(LENGTHS) / 8000

    def residuals(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        fixed, factor, exponent = parameters
        return np.asarray((fixed + factor * seconds**exponent) / values - 1)

    bounds = ([0, 0, LEAST_EXPONENT], [np.inf, np.inf, MOST_EXPONENT])
    theirs = least_squares(residuals, (0.05, 0.1, 1.2), bounds=bounds, xtol=1e-12, ftol=1e-12)
    ours = fitted(points_of(values.tolist())).curve
    mine = np.array([ours.fixed, ours.factor * 8000**ours.exponent, ours.exponent])
    assert (residuals(mine) ** 2).sum() == pytest.approx(2 * theirs.cost, rel=1e-4)
    assert mine == pytest.approx(theirs.x, rel=1e-2, abs=1e-4)
    assert ours.fixed >= 0


def test_the_ends_of_the_interval_are_where_the_squares_reach_the_f_tests_limit() -> None:
    values = costs(Curve(0.05, 1e-5, 1.1)) * np.random.default_rng(3).normal(1, 0.02, 7)
    growth = fitted(points_of(values.tolist()))

    def squares(curve: Curve) -> float:
        return float(((costs(curve) / values - 1) ** 2).sum())

    freedom = len(LENGTHS) - 3
    limit = squares(growth.curve) * (1 + stats.f.ppf(LEVEL, 1, freedom) / freedom)
    assert [squares(curve) for curve in growth.ends] == pytest.approx([limit, limit], rel=1e-4)


@pytest.mark.parametrize("freedom", [1, 2, 4, 9])
def test_quantiles_are_those_of_f(freedom: int) -> None:
    assert _f_quantile(0.95, freedom) == pytest.approx(stats.f.ppf(0.95, 1, freedom))


N_RUNS = 400
TOLERANCE = 0.035
"""Three standard errors of so many runs."""


@pytest.mark.parametrize(
    ("n_lengths", "noise", "exponent"),
    [
        (4, 0.01, 1.0),
        (4, 0.05, 2.0),
        (5, 0.01, 1.5),
        (5, 0.05, 1.0),
        (7, 0.01, 2.0),
        (7, 0.05, 1.5),
    ],
)
def test_the_interval_covers_the_exponent_as_often_as_it_says(
    n_lengths: int, noise: float, exponent: float
) -> None:
    """The fixed part is the cost of the first second; own intervals are of two deviations."""
    rng = np.random.default_rng(n_lengths)
    lengths = LENGTHS[:n_lengths]
    truth = costs(Curve(1.0, 1 / 8000**exponent, exponent), lengths)
    covered = []
    for values in truth * np.exp(rng.normal(0, noise, (N_RUNS, n_lengths))):
        interval = fitted(points_of(values.tolist(), lengths, own=2 * noise)).interval
        assert interval is not None
        covered.append(interval.low <= exponent <= interval.high)
    assert np.mean(covered) == pytest.approx(LEVEL, abs=TOLERANCE)


def test_without_a_fixed_part_the_interval_covers_at_least_as_often() -> None:
    rng = np.random.default_rng(0)
    truth = costs(Curve(0.0, 1 / 8000, 1.0))
    covered = []
    for values in truth * np.exp(rng.normal(0, 0.03, (N_RUNS, len(LENGTHS)))):
        interval = fitted(points_of(values.tolist(), own=0.06)).interval
        assert interval is not None
        covered.append(interval.low <= 1.0 <= interval.high)
    assert np.mean(covered) >= LEVEL - TOLERANCE


@pytest.mark.parametrize("place", range(7))
@pytest.mark.parametrize("factor", [0.6, 1.5])
def test_a_cell_that_leaves_the_others_curve_is_named_and_omitted(
    place: int, factor: float
) -> None:
    truth = Curve(0.5, 1 / 8000, 1.0)
    values = costs(truth) * np.random.default_rng(place).normal(1, 0.003, 7)
    values[place] *= factor
    growth = fitted(points_of(values.tolist(), own=0.01))
    assert [point.n_samples for point in growth.departing] == [LENGTHS[place]]
    assert growth.omitted == tuple(growth.departing)
    assert growth.residuals[place] == pytest.approx(factor - 1, abs=0.08)
    assert growth.curve.exponent == pytest.approx(1.0, abs=0.05)


def test_a_cell_whose_own_interval_reaches_the_curve_does_not_leave_it() -> None:
    values = costs(Curve(0.5, 1 / 8000, 1.0))
    values[3] *= 1.5
    points = points_of(values.tolist())
    noisy = [
        p._replace(low=p.value / 2, high=2 * p.value) if i == 3 else p for i, p in enumerate(points)
    ]
    assert fitted(noisy).departing == []
    assert fitted(points).departing == [points[3]]


def test_less_than_10_percent_is_not_far() -> None:
    values = costs(Curve(0.5, 1 / 8000, 1.0))
    values[3] *= 1 + 0.9 * FAR
    assert fitted(points_of(values.tolist())).departing == []


def test_many_cells_off_the_curve_are_named_but_stay_in_the_fit() -> None:
    """A cost that jumps in the middle is no power law: nothing is left out in silence."""
    values = costs(Curve(0.0, 1 / 8000, 1.0)) * np.array([1, 1, 1, 1, 3, 3, 3])
    growth = fitted(points_of(values.tolist()))
    assert len(growth.omitted) <= 1
    assert growth.departing
    assert growth.interval is not None
    assert growth.interval.high - growth.interval.low > 0.3


def test_one_cell_in_four_at_most_is_omitted() -> None:
    """The second would be an outlier of the others, which lie on a curve exactly."""
    values = costs(Curve(0.5, 1 / 8000, 1.0))
    values[2] *= 10
    values[4] *= 1.12
    assert [point.n_samples for point in fitted(points_of(values.tolist())).omitted] == [LENGTHS[2]]


def test_three_lengths_have_a_curve_and_no_interval_and_two_have_neither() -> None:
    truth = Curve(0.5, 1 / 8000, 1.5)
    three = fitted(points_of(costs(truth, LENGTHS[:3]).tolist(), LENGTHS[:3]))
    assert three.curve.exponent == pytest.approx(1.5, abs=1e-3)
    assert (three.interval, three.ends) == (None, ())
    assert fit_growth(points_of([1.0, 2.0], LENGTHS[:2])) == NoGrowth(
        "2 lengths of the 3 that a curve needs."
    )
    assert fit_growth(points_of([1.0], LENGTHS[:1])) == NoGrowth(
        "1 length of the 3 that a curve needs."
    )


def test_four_lengths_have_an_interval() -> None:
    values = costs(Curve(0.5, 1 / 8000, 1.0), LENGTHS[:4])
    assert fitted(points_of(values.tolist(), LENGTHS[:4])).interval is not None


def test_what_does_not_grow_has_no_curve() -> None:
    falling = [2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4]
    assert fit_growth(points_of(falling)) == NoGrowth("It does not grow over these lengths.")


@given(exponents, st.floats(0.0, 10.0), st.floats(1.0, 1e6))
def test_the_length_that_costs_so_much_is_the_inverse(
    exponent: float, fixed: float, n_samples: float
) -> None:
    curve = Curve(fixed, 1e-3, exponent)
    assert curve.length_at(curve.at(n_samples)) == pytest.approx(n_samples, rel=1e-6)


def test_less_than_the_fixed_part_buys_no_length() -> None:
    assert Curve(2.0, 1.0, 1.0).length_at(1.9) == 0.0


@given(st.integers(1, 10**15), st.integers(1, 10**12))
def test_integers_on_a_line_are_on_it_exactly(fixed: int, slope: int) -> None:
    line = fit_line({length: fixed + slope * length for length in LENGTHS})
    assert line is not None
    assert line.is_exact
    assert (line.fixed, line.per_sample) == (float(fixed), float(slope))


def test_one_multiply_add_off_is_off_the_line() -> None:
    """Far below what a float of such counts could tell."""
    counts = {length: 10**15 * length for length in LENGTHS}
    counts[LENGTHS[3]] += 1
    line = fit_line(counts)
    assert line is not None
    assert not line.is_exact
    assert line.largest_error == pytest.approx(1 / counts[LENGTHS[3]])


def test_two_counts_say_nothing_of_a_line() -> None:
    assert fit_line({4000: 1, 8000: 2}) is None
