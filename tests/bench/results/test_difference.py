"""Differences and ratios of two means: exact laws, Fieller's equation, coverage in a simulation."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.costs import relative_half_width
from bench.results.difference import NO_TIME, Difference, MeanTime
from bench.results.statistics import LEVEL

means = st.builds(MeanTime, st.floats(1e-6, 1e2), st.floats(0, 0.9))
differences = st.builds(Difference, means, means)


@given(differences)
def test_swapped_sides_negate_the_difference_and_invert_the_ratio(there: Difference) -> None:
    back = Difference(there.head, there.base)
    assert back.value_s == -there.value_s
    assert back.half_width_s == there.half_width_s
    assert back.is_within_noise == there.is_within_noise
    assert there.ratio is not None
    assert back.ratio == pytest.approx(1 / there.ratio)
    assert there.ratio_span is not None
    assert back.ratio_span == pytest.approx((1 / there.ratio_span[1], 1 / there.ratio_span[0]))


@given(differences)
def test_the_ends_of_the_ratio_solve_fiellers_equation(found: Difference) -> None:
    """``(head - ratio * base) ** 2`` is its variance, in units of half widths."""
    base, head = found.base, found.head
    roots = np.roots(
        [
            base.value_s**2 - base.half_width_s**2,
            -2 * base.value_s * head.value_s,
            head.value_s**2 - head.half_width_s**2,
        ]
    )
    span = found.ratio_span
    assert span is not None
    assert span == pytest.approx(sorted(roots.real), rel=1e-4)


@given(differences)
def test_the_ratio_may_be_one_where_the_difference_may_be_nothing(found: Difference) -> None:
    assert found.ratio_span is not None
    low, high = found.ratio_span
    margin_s = abs(abs(found.value_s) - found.half_width_s)
    if margin_s > 1e-9 * (found.base.value_s + found.head.value_s):
        assert (low <= 1 <= high) == found.is_within_noise


@given(means)
def test_a_time_does_not_differ_from_itself(time: MeanTime) -> None:
    assert Difference(time, time).is_within_noise
    assert Difference(time, time).value_s == 0


def test_what_does_not_scatter_differs_by_any_amount() -> None:
    found = Difference(MeanTime(1.0, 0.0), MeanTime(1.001, 0.0))
    assert not found.is_within_noise
    assert found.ratio_span == pytest.approx((1.001, 1.001))


@pytest.mark.parametrize("few", [MeanTime(1.0, inf), MeanTime(0.0, inf)])
def test_of_too_few_steps_nothing_is_told(few: MeanTime) -> None:
    found = Difference(few, MeanTime(5.0, 0.01))
    assert found.is_within_noise
    assert found.ratio_span is None


def test_to_no_time_there_is_no_ratio() -> None:
    found = Difference(NO_TIME, MeanTime(1.0, 0.01))
    assert (found.ratio, found.ratio_span) == (None, None)
    assert found.value_s == 1.0
    assert not found.is_within_noise


@pytest.mark.parametrize("n_steps", [5, 20])
def test_equal_times_are_told_apart_as_rarely_as_the_level_says(n_steps: int) -> None:
    """Two half widths by Student's t, combined, cover a little more than the level."""
    random, n_trials = np.random.default_rng(0), 2000
    n_within = 0
    for _ in range(n_trials):
        sides = [random.normal(1.0, deviation, n_steps).tolist() for deviation in (0.1, 0.2)]
        times = [MeanTime(np.mean(s), relative_half_width(s, float(np.mean(s)))) for s in sides]
        n_within += Difference(*times).is_within_noise
    error = (LEVEL * (1 - LEVEL) / n_trials) ** 0.5
    assert LEVEL - 3 * error < n_within / n_trials < LEVEL + 0.03
