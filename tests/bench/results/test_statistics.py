"""Estimates are held to scipy, to exact laws, and to their coverage in simulations."""

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from bench.results.intervals import middle
from bench.results.statistics import (
    LEVEL,
    MIN_CALLS,
    MIN_PROCESSES,
    WIDEST,
    Estimate,
    Interval,
    estimate,
    needed_samples,
    percentile,
)

times_s = st.floats(1e-6, 1e3)
rounds_s = st.lists(st.lists(times_s, min_size=1, max_size=5), min_size=1, max_size=12)


@given(rounds_s)
def test_it_says_what_it_rests_on(rounds: list[list[float]]) -> None:
    found, everything = estimate(rounds), [time for times in rounds for time in times]
    assert (found.n_processes, found.n_samples) == (len(rounds), len(everything))
    assert found.seen == (min(everything), max(everything))


@given(rounds_s)
def test_only_the_median_of_each_round_decides(rounds: list[list[float]]) -> None:
    found, of_medians = estimate(rounds), estimate([[median(times)] for times in rounds])
    assert (found.value, found.interval) == (of_medians.value, of_medians.interval)


@given(rounds_s)
def test_the_value_lies_in_its_interval_and_among_the_medians(rounds: list[list[float]]) -> None:
    found, medians = estimate(rounds), [median(times) for times in rounds]
    assert min(medians) * (1 - 1e-9) <= found.value <= max(medians) * (1 + 1e-9)
    if found.interval:
        low, high = found.interval.low, found.interval.high
        assert low * (1 - 1e-9) <= found.value <= high * (1 + 1e-9)


@given(rounds_s, st.floats(0.1, 10))
def test_it_scales_with_the_unit(rounds: list[list[float]], factor: float) -> None:
    found, scaled = (
        estimate([[f * time for time in times] for times in rounds]) for f in (1.0, factor)
    )
    assert scaled.value == pytest.approx(factor * found.value)
    if found.interval and scaled.interval:
        assert scaled.interval.low == pytest.approx(factor * found.interval.low, rel=1e-6)
        assert scaled.interval.high == pytest.approx(factor * found.interval.high, rel=1e-6)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=12))
def test_the_inverse_of_a_ratio_has_the_inverse_estimate(ratios: list[float]) -> None:
    there, back = estimate([[r] for r in ratios]), estimate([[1 / r] for r in ratios])
    assert back.value == pytest.approx(1 / there.value)
    if there.interval and back.interval:
        assert back.interval.low == pytest.approx(1 / there.interval.high)
        assert back.interval.high == pytest.approx(1 / there.interval.low)


@pytest.mark.parametrize("n_rounds", [3, 4, 5])
def test_few_rounds_have_students_interval_of_logarithms(n_rounds: int) -> None:
    values = np.random.default_rng(n_rounds).lognormal(0, 0.1, n_rounds)
    expected = stats.ttest_1samp(np.log(values), 0).confidence_interval(LEVEL)
    found = estimate([[value] for value in values])
    assert found.value == pytest.approx(stats.gmean(values))
    assert found.interval is not None
    assert found.interval.low == pytest.approx(math.exp(expected.low))
    assert found.interval.high == pytest.approx(math.exp(expected.high))
    assert found.interval.level == LEVEL


@pytest.mark.parametrize("n_rounds", [6, 10, 15])
def test_the_interval_of_many_rounds_is_what_wilcoxons_test_does_not_reject(n_rounds: int) -> None:
    """Just inside either end the test accepts the value, just outside it does not."""
    logs = np.random.default_rng(n_rounds).normal(0, 0.1, n_rounds)
    interval = estimate([[math.exp(value)] for value in logs]).interval
    assert interval is not None
    for end, outwards in ((math.log(interval.low), -1e-6), (math.log(interval.high), 1e-6)):
        inside, outside = (
            stats.wilcoxon(logs - (end + shift), method="exact").pvalue
            for shift in (-outwards, outwards)
        )
        assert outside <= 1 - LEVEL < inside


def test_one_round_has_no_interval_and_two_have_one_of_half_the_level() -> None:
    one, two = estimate([[1.0, 2.0, 3.0]]), estimate([[1.0], [4.0]])
    assert (one.value, one.interval, one.half_width) == (2.0, None, math.inf)
    assert (two.value, two.interval) == (2.0, Interval(1.0, 4.0, 0.5))


def test_no_round_is_refused() -> None:
    with pytest.raises(ValueError, match="no median"):
        estimate([[]])


Noise = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]
NOISES: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.normal(0, 0.03, shape),
    "heavy tails": lambda rng, shape: 0.02 * rng.standard_t(3, shape),
}
N_RUNS = 1500
TOLERANCE = 0.025
"""Below the nominal level; more than four standard errors of so many runs."""


@pytest.mark.parametrize("n_rounds", [3, 5, 6, 9, 20])
@pytest.mark.parametrize("between", NOISES)
@pytest.mark.parametrize("within", NOISES)
def test_the_interval_covers_the_truth_as_often_as_it_says(
    between: str, within: str, n_rounds: int
) -> None:
    """Both levels scatter: processes of a run, and the seven calls of a process."""
    rng = np.random.default_rng(n_rounds)
    processes = NOISES[between](rng, (N_RUNS, n_rounds, 1))
    runs = np.exp(processes + NOISES[within](rng, (N_RUNS, n_rounds, 7)))
    intervals = [estimate(run.tolist()).interval for run in runs]
    covered = [i.low <= 1 <= i.high for i in intervals if i is not None]
    assert len(covered) == N_RUNS
    assert np.mean(covered) >= LEVEL - TOLERANCE


@pytest.mark.parametrize("deviation", [0.02, 0.03, 0.04, 0.06])
def test_a_run_that_ends_when_it_is_precise_covers_a_little_less(deviation: float) -> None:
    """Three to ten rounds, until half an interval is 3 %: 91 to 94 %, and two for the chance."""
    rounds = np.random.default_rng(0).normal(0, deviation, (4000, 10))
    covers, is_over = np.zeros(4000, dtype=bool), np.zeros(4000, dtype=bool)
    for n_rounds in range(3, 11):
        _, low, high = middle(rounds[:, :n_rounds], 0.025)
        ends = ~is_over & ((high - low <= 0.06) | (n_rounds == 10))
        covers |= ends & (low <= 0) & (high >= 0)
        is_over |= ends
    assert is_over.all()
    assert 0.89 <= covers.mean() <= 0.96


def test_calls_alone_would_not_cover_it() -> None:
    """That the simulation can tell: an interval over all calls is far too narrow."""
    rng = np.random.default_rng(0)
    runs = np.exp(rng.normal(0, 0.03, (200, 3, 1)) + rng.normal(0, 0.03, (200, 3, 7)))
    intervals = [estimate([[call] for call in run.ravel()]).interval for run in runs]
    assert np.mean([i.low <= 1 <= i.high for i in intervals if i]) < LEVEL - 4 * TOLERANCE


SOUND = Estimate(1.0, Interval(0.9, 1.1, LEVEL), MIN_PROCESSES, MIN_CALLS, seen=(0.5, 2.0))


@pytest.mark.parametrize(
    ("changed", "is_trusted"),
    [
        ({}, True),
        ({"n_processes": 2}, False),
        ({"n_samples": 4}, False),
        ({"interval": Interval(0.75, 1.25, LEVEL)}, False),
        ({"interval": Interval(0.75, 1.2499, LEVEL)}, True),
        ({"interval": None}, False),
    ],
)
def test_a_value_needs_three_processes_five_calls_and_less_than_25_percent(
    changed: dict[str, Any], is_trusted: bool
) -> None:
    assert (MIN_PROCESSES, MIN_CALLS, WIDEST) == (3, 5, 0.25)
    assert replace(SOUND, **changed).is_trusted == is_trusted


def test_the_limits_hold_for_what_was_measured() -> None:
    assert estimate([[1.0, 1.0], [1.0, 1.0], [1.0]]).is_trusted
    assert not estimate([[1.0, 1.0], [1.0], [1.0]]).is_trusted
    assert not estimate([[1.0] * 9, [1.0] * 9]).is_trusted


def test_a_range_is_the_interval_or_all_that_too_few_processes_saw() -> None:
    assert SOUND.span == (0.9, 1.1)
    assert replace(SOUND, n_samples=1).span == (0.9, 1.1)
    assert replace(SOUND, n_processes=2).span == (0.5, 2.0)
    assert replace(SOUND, interval=None).span == (0.5, 2.0)


@pytest.mark.parametrize("share", [0.9, 0.95, 0.99])
def test_percentile_needs_as_many_samples_as_the_binomial_law_says(share: float) -> None:
    """With n samples, all lie below the percentile with a chance of share ** n."""
    needed = needed_samples(share)
    assert (
        stats.binom.pmf(needed, needed, share)
        <= 0.05
        < stats.binom.pmf(needed - 1, needed - 1, share)
    )
    assert percentile([[1.0] * (needed - 1)], share) is None
    assert percentile([[1.0] * (needed - 1), [1.0]], share) == 1.0


def test_percentile_is_numpys_over_all_samples() -> None:
    samples = np.random.default_rng(3).lognormal(size=400)
    halves = [list(samples[:150]), list(samples[150:])]
    assert percentile(halves, 0.95) == np.quantile(samples, 0.95)
