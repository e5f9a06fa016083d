"""Intervals against scipy's tests, which they invert, and against the laws of any interval."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.results.intervals import Array, critical_rank_sum, middle

ALPHA = 0.0025
SIZES = (4, 6, 8, 10, 20)


def draw(n: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_t(3, n)


@pytest.mark.parametrize("n", [1, 2, 5, 9, 12])
@pytest.mark.parametrize("alpha", [0.0025, 0.01, 0.3])
def test_the_critical_sum_is_that_of_all_signs_tried(n: int, alpha: float) -> None:
    sums = np.array([np.dot(signs, range(1, n + 1)) for signs in product((0, 1), repeat=n)])
    allowed = [s for s in range(n * (n + 1) // 2 + 1) if (sums <= s).mean() <= alpha]
    assert critical_rank_sum(n, alpha) == (max(allowed) if allowed else None)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [10, 20, 40])
def test_wilcoxons_interval_is_what_scipys_test_does_not_reject(n: int, seed: int) -> None:
    values = draw(n, seed)
    interval = middle(values, ALPHA)
    for shift, is_rejected in ((-1e-9, True), (1e-9, False)):
        above = stats.wilcoxon(values - (interval.lower + shift), alternative="greater")
        below = stats.wilcoxon(values - (interval.upper - shift), alternative="less")
        assert [above.pvalue <= ALPHA, below.pvalue <= ALPHA] == [is_rejected] * 2


@pytest.mark.parametrize("n", [3, 6, 8])
def test_few_values_have_students_interval(n: int) -> None:
    values = draw(n, 1)
    expected = stats.ttest_1samp(values, 0).confidence_interval(1 - 2 * ALPHA)
    interval = middle(values, ALPHA)
    assert interval.lower == pytest.approx(expected.low, rel=1e-9)
    assert interval.upper == pytest.approx(expected.high, rel=1e-9)
    assert interval.estimate == pytest.approx(values.mean(), rel=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_values_bound_nothing(n: int) -> None:
    interval = middle(draw(n, 1), ALPHA)
    assert interval.lower == -np.inf
    assert interval.upper == np.inf


@settings(max_examples=30)
@given(
    n=st.sampled_from(SIZES),
    seed=st.integers(0, 1000),
    shift=st.floats(-3, 3),
    scale=st.floats(0.1, 10),
)
def test_it_moves_with_the_values_and_turns_with_their_sign(
    n: int, seed: int, shift: float, scale: float
) -> None:
    values = draw(n, seed)
    interval = np.array(middle(values, ALPHA))
    assert interval[1] <= interval[0] <= interval[2]
    moved = middle(scale * np.random.default_rng(seed).permutation(values) + shift, ALPHA)
    np.testing.assert_allclose(moved, scale * interval + shift, atol=1e-9)
    np.testing.assert_allclose(middle(-values, ALPHA), -interval[[0, 2, 1]], atol=1e-12)


def test_leading_axes_are_other_samples() -> None:
    values = np.stack([draw(10, seed) for seed in range(6)]).reshape(2, 3, 10)
    together = middle(values, ALPHA)
    for place in np.ndindex(2, 3):
        np.testing.assert_array_equal(
            [bound[place] for bound in together], middle(values[place], ALPHA)
        )


@pytest.mark.parametrize(("n", "n_disturbed"), [(20, 1), (40, 4)])
def test_disturbed_processes_hardly_move_it(n: int, n_disturbed: int) -> None:
    values = draw(n, 3) * 0.02
    disturbed = values.copy()
    disturbed[:n_disturbed] = 5.0  # 150 times as long
    assert middle(disturbed, ALPHA).upper < values.max()


@pytest.mark.parametrize("n", [6, 10, 20])
def test_a_bound_is_wrong_as_seldom_as_it_says(n: int) -> None:
    """20,000 samples with heavy tails; four standard errors of a share of ALPHA are 0.0014."""
    values = np.random.default_rng(n).standard_t(3, (20_000, n))
    interval = middle(values, ALPHA)
    assert (interval.lower > 0).mean() <= ALPHA + 0.0014
    assert (interval.upper < 0).mean() <= ALPHA + 0.0014
