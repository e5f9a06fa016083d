"""The bound on a percentile: textbook cases, what clusters are worth, and coverage."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.gate.percentile import bound_percentile, design_effect, effective_number


def test_the_number_needed_is_the_textbooks() -> None:
    """59 values for the 95th percentile with 95 % confidence, 90 with 99 %."""
    one_process = [[1.0, 2.0], [1.0, 2.0]]
    assert bound_percentile(one_process, 0.95, 0.05).n_needed == 59
    assert bound_percentile(one_process, 0.95, 0.01).n_needed == 90


def test_independent_calls_have_the_binomial_bound() -> None:
    """Very many processes of one call each, so that none depends on another."""
    rng = np.random.default_rng(0)
    values = np.sort(rng.permutation(np.arange(1.0, 3001.0)))
    found = bound_percentile([[value] for value in rng.permutation(values)], 0.95, 0.01)
    n = math.floor(found.n_effective)
    assert n == pytest.approx(3000, rel=0.01)
    upper = stats.binom.ppf(0.99, n, 0.95) + 1
    lower = stats.binom.ppf(0.01, n, 0.95)
    assert found.upper == pytest.approx(upper * 3000 / n, abs=3)
    assert found.lower == pytest.approx(lower * 3000 / n, abs=3)


def test_calls_that_repeat_their_process_are_worth_one_each() -> None:
    rng = np.random.default_rng(1)
    processes = [[float(time)] * 30 for time in rng.lognormal(0, 0.1, 200)]
    assert design_effect([np.log(p) for p in processes]) == pytest.approx(30, rel=0.2)
    assert effective_number(processes, 2.0, 0.01) == pytest.approx(200, rel=0.2)


def test_few_processes_are_worth_less_by_students_t() -> None:
    """Five processes with the same calls, so that the design effect is none."""
    processes = [[1.0, 2.0, 3.0, 4.0]] * 5
    expected = 20 * (stats.norm.ppf(0.01) / stats.t.ppf(0.01, 4)) ** 2
    assert effective_number(processes, 3.5, 0.01) == pytest.approx(expected)


@pytest.mark.parametrize("processes", [[[1.0] * 500], [[1.0] * 5, [1.1] * 5]])
def test_too_few_bound_nothing_from_above(processes: list[list[float]]) -> None:
    assert bound_percentile(processes, 0.95, 0.01).upper == math.inf


@pytest.mark.parametrize("between", [0.0, 0.05, 0.2])
def test_the_upper_bound_is_wrong_as_seldom_as_it_says(between: float) -> None:
    """Calls of 20 processes that deviate as a whole; 400 runs; true 95th percentile known."""
    rng = np.random.default_rng(2)
    truth = math.exp(stats.norm.ppf(0.95, 0, math.hypot(between, 0.05)))
    wrong = bounded = 0
    for _ in range(400):
        logs = rng.normal(0, between, (20, 1)) + rng.normal(0, 0.05, (20, 60))
        upper = bound_percentile(np.exp(logs), 0.95, 0.05).upper  # type: ignore[arg-type]
        wrong += upper < truth
        bounded += math.isfinite(upper)
    assert wrong / 400 <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 400)
    assert bounded > 0 or between == 0.2
