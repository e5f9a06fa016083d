"""Intervals are held to scipy, to exact laws, and to their coverage in simulations."""

from collections.abc import Callable
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from bench.results.statistics import (
    bootstrap_median,
    estimate_median,
    estimate_ratio,
    needed_samples,
    percentile,
)

times_s = st.floats(1e-6, 1e3)
processes_s = st.lists(st.lists(times_s, min_size=1, max_size=5), min_size=1, max_size=8)


@given(processes_s)
def test_median_is_that_of_the_processes_medians(processes: list[list[float]]) -> None:
    estimate = estimate_median(processes)
    assert estimate.value == median(median(times) for times in processes)
    assert estimate.n_processes == len(processes)
    assert estimate.n_samples == sum(len(times) for times in processes)


@given(st.lists(times_s, min_size=2, max_size=12))
def test_interval_holds_the_median_and_lies_within_the_values(values: list[float]) -> None:
    interval = bootstrap_median(values)
    assert interval is not None
    assert min(values) <= interval.low <= median(values) <= interval.high <= max(values)


@given(st.lists(times_s, min_size=2, max_size=12), st.floats(0.1, 10))
def test_interval_scales_with_the_unit(values: list[float], factor: float) -> None:
    interval, scaled = (bootstrap_median(v) for v in (values, [factor * v for v in values]))
    assert interval is not None
    assert scaled is not None
    assert scaled.low == pytest.approx(factor * interval.low)
    assert scaled.high == pytest.approx(factor * interval.high)


def test_one_process_has_no_interval() -> None:
    assert estimate_median([[1.0, 2.0, 3.0]]).interval is None


@pytest.mark.parametrize(("n_values", "level"), [(2, 0.5), (3, 0.75), (5, 0.9375), (6, 0.95)])
def test_level_is_what_so_few_values_can_have(n_values: int, level: float) -> None:
    values = list(range(1, n_values + 1))
    interval = bootstrap_median(values)
    assert interval is not None
    assert interval.level == pytest.approx(level)
    if level < 0.95:
        assert (interval.low, interval.high) == (1, n_values)


def test_interval_agrees_with_scipys_bootstrap() -> None:
    """Where n is large, widening does little and scipy's plain percentiles are the reference."""
    values = np.random.default_rng(1).lognormal(0, 0.1, 200)
    ours = bootstrap_median(list(values))
    reference = stats.bootstrap(
        (values,), np.median, n_resamples=10_000, method="percentile", rng=2
    ).confidence_interval
    assert ours is not None
    assert ours.low == pytest.approx(reference.low, rel=0.005)
    assert ours.high == pytest.approx(reference.high, rel=0.005)


Noise = Callable[[np.random.Generator, int], NDArray[np.float64]]
NOISES: dict[str, Noise] = {
    "normal": lambda rng, n: rng.normal(0, 0.03, n),
    "heavy tails": lambda rng, n: 0.02 * rng.standard_t(3, n),
    "bursts": lambda rng, n: np.where(
        rng.random(n) < 0.15, rng.exponential(0.2, n), rng.normal(0, 0.02, n)
    ),
}


@pytest.mark.parametrize("n_processes", [3, 6, 10])
@pytest.mark.parametrize("noise", NOISES)
def test_interval_covers_the_true_median_as_often_as_it_says(noise: str, n_processes: int) -> None:
    """Over 400 simulated runs; three standard errors of that are 3.3 % at 95 %, 6.5 % at 75 %."""
    rng = np.random.default_rng(n_processes)
    draw = NOISES[noise]
    true_median = float(np.median(draw(rng, 200_000)))
    intervals = [bootstrap_median([*draw(rng, n_processes)]) for _ in range(400)]
    covered = [i.low <= true_median <= i.high for i in intervals if i is not None]
    level = intervals[0].level if intervals[0] else 0.0
    error = 3 * (level * (1 - level) / len(covered)) ** 0.5
    assert level - error <= np.mean(covered)


@pytest.mark.parametrize("noise", NOISES)
def test_interval_of_a_ratio_covers_the_true_ratio_though_the_machine_drifts(noise: str) -> None:
    """Both of a round share its speed, which doubles over the run."""
    rng = np.random.default_rng(7)
    n_rounds, covered = 8, []
    for _ in range(400):
        speed = np.linspace(1, 2, n_rounds)
        ours, theirs = (
            [[value] for value in speed * base * np.exp(NOISES[noise](rng, n_rounds))]
            for base in (0.5, 1.0)
        )
        interval = estimate_ratio(ours, theirs).interval
        assert interval is not None
        covered.append(interval.low <= 0.5 <= interval.high)
    assert np.mean(covered) >= 0.95 - 3 * (0.95 * 0.05 / 400) ** 0.5


@given(processes_s)
def test_ratio_to_itself_is_one_without_doubt(processes: list[list[float]]) -> None:
    estimate = estimate_ratio(processes, processes)
    assert estimate.value == 1
    if estimate.interval is not None:
        assert (estimate.interval.low, estimate.interval.high) == (1, 1)


def test_ratio_is_refused_where_processes_have_no_partner() -> None:
    """Leaving some out at the end would pair the others with those of another round."""
    with pytest.raises(ValueError, match="shorter"):
        estimate_ratio([[2.0], [2.0], [9.0]], [[1.0], [1.0]])


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
