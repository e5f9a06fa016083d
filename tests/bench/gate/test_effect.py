"""Rounds of two processes of each side: what cancels, what is left, and the verdicts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gate.effect import Contrasts, PairRatios, contrast, judge
from bench.results.intervals import Array

ALPHA = 0.0025


def contrasts_of(a1: Array, b1: Array, b2: Array, a2: Array, index: int = 0) -> Contrasts:
    return contrast(PairRatios(b1 - a1, b2 - a2, a2 - a1, b2 - b1), index)


@settings(max_examples=30)
@given(
    level=st.floats(-5, 5),
    drift=st.floats(-0.1, 0.1),
    effect=st.floats(-0.5, 0.5),
    index=st.integers(0, 9),
)
def test_a_steady_influence_of_the_place_cancels_and_the_effect_stays(
    level: float, drift: float, effect: float, index: int
) -> None:
    """In the effect in every round; in the control over two rounds."""
    a1, b1, b2, a2 = level + drift * np.arange(4) + effect * np.array([0, 1, 1, 0])
    found = contrasts_of(a1, b1, b2, a2, index)
    after = contrasts_of(a1, b1, b2, a2, index + 1)
    assert found.effect == pytest.approx(effect, abs=1e-9)
    assert abs(found.control) == pytest.approx(abs(drift), abs=1e-9)
    assert found.control + after.control == pytest.approx(0.0, abs=1e-9)


def test_control_and_effect_deviate_by_as_much_and_apart_from_each_other() -> None:
    """Independent processes of deviation 1: either has variance 1, and their covariance is 0.

    Four standard errors of 20,000 rounds are allowed.
    """
    n = 20_000
    found = contrasts_of(*np.random.default_rng(0).normal(size=(4, n)))
    (effect, both), (_, control) = np.cov(found.effect, found.control)
    assert effect == pytest.approx(1.0, abs=4 * np.sqrt(2 / n))
    assert control == pytest.approx(1.0, abs=4 * np.sqrt(2 / n))
    assert both == pytest.approx(0.0, abs=4 / np.sqrt(n))


def rounds_about(effect: float, control: float, spread: float = 0.004) -> Contrasts:
    around = np.linspace(-spread, spread, 20)
    return Contrasts(effect + around, control + around)


@pytest.mark.parametrize(
    ("effect", "control", "verdict"),
    [
        (0.0, 0.0, "pass"),
        (-0.2, 0.0, "pass"),  # faster
        (0.03, 0.0, "pass"),  # slower, and surely by less than matters
        (0.1, 0.0, "fail"),
        (0.05, 0.0, "fail"),
        (0.1, 0.05, "open"),  # the same code differs from itself
        (0.0, -0.05, "open"),
    ],
)
def test_verdicts(effect: float, control: float, verdict: str) -> None:
    judgement = judge(rounds_about(effect, control), 0.05, ALPHA)
    assert bool(judgement.is_pass) == (verdict == "pass")
    assert bool(judgement.is_fail) == (verdict == "fail")
    assert not judgement.is_probable


def test_what_is_not_above_the_noise_floor_does_not_fail() -> None:
    """Surely above zero, but not above what the same code showed against itself."""
    rounds = Contrasts(0.045 + np.linspace(-0.06, 0.06, 20), np.linspace(-0.10, 0.16, 20))
    judgement = judge(rounds, 0.05, ALPHA)
    assert judgement.control.lower < 0 < judgement.control.upper
    assert 0 < judgement.effect.lower < judgement.control.estimate
    assert not judgement.is_fail
    quiet = judge(rounds._replace(control=rounds.control - 0.03), 0.05, ALPHA)
    assert quiet.is_fail


@pytest.mark.parametrize(
    ("effect", "control", "spread", "is_probable"),
    [
        (0.04, 0.0, 0.15, True),
        (0.02, 0.0, 0.08, False),  # less than half of what matters
        (0.04, 0.0, 0.40, False),  # zero is not surely below it
        (0.04, 0.2, 0.15, False),  # the same code differs from itself
        (-0.04, 0.0, 0.40, False),
    ],
)
def test_an_open_slow_down_is_probable_by_its_size_and_its_bound(
    effect: float, control: float, spread: float, is_probable: bool
) -> None:
    judgement = judge(rounds_about(effect, control, spread), 0.05, ALPHA)
    assert not judgement.is_fail
    assert bool(judgement.is_probable) == is_probable


def test_too_few_rounds_carry_no_verdict() -> None:
    for n in (0, 1, 2):
        judgement = judge(Contrasts(np.full(n, 0.5), np.zeros(n)), 0.05, ALPHA)
        assert not judgement.is_pass
        assert not judgement.is_fail
