"""Estimates get the level and the polarity that their mixture implies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.evaluation.consistency import (
    CONSISTENCIES,
    MixtureFit,
    Signals,
    make_consistent,
    prescribed_consistency,
    project_on_mixture,
)

N_SAMPLES = 4000
GAINS = st.floats(-3, 3).flatmap(
    lambda power: st.sampled_from([-(10**power), 10**power])
)  # of either sign, over six decades


def noise(n_src: int, seed: int = 0) -> Signals:
    return np.random.default_rng(seed).standard_normal((n_src, N_SAMPLES)).astype(np.float32)


def relative_error(found: Signals, expected: Signals) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@settings(max_examples=60, deadline=None)
@given(st.lists(GAINS, min_size=1, max_size=4))
def test_sources_times_any_gains_are_recovered(gains: list[float]) -> None:
    """To the rounding of float32 times the condition of the fit."""
    sources = noise(len(gains))
    estimates = sources * np.array(gains, np.float32)[:, None]
    found = make_consistent(estimates, sources.sum(0), "gain")
    assert relative_error(found, sources) < 1e-5


def test_sources_that_resemble_each_other_are_recovered_too() -> None:
    """Correlated by 0.7: each alone fitted to the mixture would come out far too loud."""
    common, one, other = noise(3)
    sources = np.stack([common + 0.65 * one, common + 0.65 * other])
    found = make_consistent(sources * np.array([[-4], [0.25]], np.float32), sources.sum(0), "gain")
    assert relative_error(found, sources) < 1e-4


@settings(max_examples=40, deadline=None)
@given(leaks=st.lists(st.floats(-2, 2), min_size=2, max_size=2), gain=GAINS)
def test_the_sum_fits_the_mixture_and_no_estimate_is_turned_against_it(
    leaks: list[float], gain: float
) -> None:
    """Estimates with anything of each other; least squares leaves a residual beside their sum."""
    one, other = noise(2)
    mixture = one + other
    estimates = np.stack([one + leaks[0] * other, gain * (other + leaks[1] * one)])
    found = make_consistent(estimates.astype(np.float32), mixture, "gain").astype(np.float64)
    exact = mixture.astype(np.float64)
    total = found.sum(0)
    power = float(exact @ exact)
    assert abs(float(total @ (exact - total))) < 1e-4 * power
    assert (found @ exact >= -1e-4 * power).all()
    assert float(np.square(total - exact).sum()) <= power  # never worse than silence


@pytest.mark.parametrize("gain", [1.0, -4.0, 1e-3])
def test_equal_estimates_share_the_mixture(gain: float) -> None:
    mixture = noise(1)[0]
    estimates = np.stack([mixture, np.float32(gain) * mixture])
    found = make_consistent(estimates, mixture, "gain")
    np.testing.assert_allclose(found, np.stack([mixture, mixture]) / 2, rtol=0, atol=1e-5)


def test_two_estimates_of_one_source_are_not_played_off_against_each_other() -> None:
    """A difference of the two fits the mixture best, with gains of 3 and -2."""
    one, other = noise(2)
    estimates = np.stack([one + 0.9 * other, one + 0.85 * other])
    found = make_consistent(estimates, one + other, "gain")
    levels = np.abs(found).max(1) / np.abs(one + other).max()
    assert (levels < 1).all()


def test_silence_stays_silent_and_disturbs_nothing() -> None:
    sources = noise(2)
    estimates = np.concatenate([-3 * sources, np.zeros((1, N_SAMPLES), np.float32)])
    found = make_consistent(estimates, sources.sum(0), "gain")
    assert relative_error(found[:2], sources) < 1e-5
    assert not found[2].any()
    silent = np.zeros(N_SAMPLES, np.float32)
    assert not make_consistent(estimates, silent, "gain").any()
    assert not make_consistent(np.zeros_like(estimates), sources.sum(0), "gain").any()


def test_blocks_give_the_gains_of_the_whole() -> None:
    estimates, mixture = noise(2), noise(1, seed=1)[0]
    whole, parts = MixtureFit(), MixtureFit()
    whole.add(estimates, mixture)
    for start, end in ((0, 1), (1, 1), (1, 900), (900, N_SAMPLES)):
        parts.add(estimates[:, start:end], mixture[start:end])
    np.testing.assert_allclose(parts.gains(), whole.gains(), rtol=1e-12)
    with pytest.raises(ValueError, match="no block"):
        MixtureFit().gains()


@pytest.mark.parametrize("n_src", [1, 2, 3, 5])
def test_a_projection_adds_up_to_the_mixture_and_changes_all_by_the_same(n_src: int) -> None:
    estimates, mixture = -4 * noise(n_src), noise(1, seed=1)[0]
    projected = make_consistent(estimates, mixture, "mixture")
    np.testing.assert_allclose(projected.sum(0), mixture, rtol=0, atol=1e-5)
    change = projected - estimates
    np.testing.assert_allclose(change, np.tile(change[0], (n_src, 1)), rtol=0, atol=1e-5)
    again = project_on_mixture(projected, mixture)
    np.testing.assert_allclose(again, projected, rtol=0, atol=1e-5)  # it is a projection


def test_none_leaves_estimates_alone() -> None:
    estimates = noise(2)
    assert make_consistent(estimates, noise(1)[0], "none") is estimates


def test_a_batch_is_projected_one_by_one() -> None:
    estimates = np.stack([noise(3, seed) for seed in (1, 2)])
    mixtures = noise(2, seed=3)
    alone = [project_on_mixture(*pair) for pair in zip(estimates, mixtures, strict=True)]
    np.testing.assert_array_equal(project_on_mixture(estimates, mixtures), np.stack(alone))


class Prescribing:
    """A network that says what is to be done with its estimates."""

    def __init__(self, prescribed: object) -> None:
        self.prescribed_consistency = prescribed


def test_a_network_may_say_what_is_to_be_done_with_its_estimates() -> None:
    assert prescribed_consistency(object()) is prescribed_consistency(Prescribing(None)) is None
    for known in CONSISTENCIES:
        assert prescribed_consistency(Prescribing(known)) == known
    with pytest.raises(UsageError, match="prescribed_consistency is 'scale'; it can be gain, mix"):
        prescribed_consistency(Prescribing("scale"))
