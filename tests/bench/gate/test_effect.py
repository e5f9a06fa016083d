"""Pairs of processes that took turns: what cancels, what is left, and the verdicts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gate.effect import Contrasts, contrasts, is_side_b, judge

ALPHA = 0.0025
N_SLOTS = 40


def test_the_order_is_a_b_b_a() -> None:
    assert "".join("AB"[int(b)] for b in is_side_b(8)) == "ABBAABBA"


@settings(max_examples=30)
@given(level=st.floats(-5, 5), drift=st.floats(-0.1, 0.1), effect=st.floats(-0.5, 0.5))
def test_a_steady_drift_cancels_and_the_effect_stays(
    level: float, drift: float, effect: float
) -> None:
    log_times = level + drift * np.arange(N_SLOTS) + effect * is_side_b(N_SLOTS)
    pairs = contrasts(log_times)
    assert pairs.effect.shape == (N_SLOTS // 2,)
    assert pairs.control.shape == (N_SLOTS // 2 - 1,)
    assert pairs.effect.mean() == pytest.approx(effect, abs=1e-9)
    np.testing.assert_allclose(np.abs(pairs.effect - effect), abs(drift), atol=1e-9)
    np.testing.assert_allclose(np.abs(pairs.control), abs(drift), atol=1e-9)
    assert abs(pairs.control.mean()) <= abs(drift) / pairs.control.size + 1e-9


def test_a_round_that_was_cut_off_leaves_whole_pairs() -> None:
    assert contrasts(np.arange(7.0)).effect.shape == (3,)
    assert contrasts(np.array([])).effect.shape == (0,)


def pairs_about(effect: float, control: float, spread: float = 0.004) -> Contrasts:
    around = np.linspace(-spread, spread, 20)
    return Contrasts(effect + around, control + around[:19])


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
    judgement = judge(pairs_about(effect, control), 0.05, ALPHA)
    assert bool(judgement.is_pass) == (verdict == "pass")
    assert bool(judgement.is_fail) == (verdict == "fail")


def test_what_is_not_above_the_noise_floor_does_not_fail() -> None:
    """Surely above zero, but not above what the same code showed against itself."""
    pairs = Contrasts(0.045 + np.linspace(-0.06, 0.06, 20), np.linspace(-0.10, 0.16, 19))
    judgement = judge(pairs, 0.05, ALPHA)
    assert judgement.control.lower < 0 < judgement.control.upper
    assert 0 < judgement.effect.lower < judgement.control.estimate
    assert not judgement.is_fail
    quiet = judge(pairs._replace(control=pairs.control - 0.03), 0.05, ALPHA)
    assert quiet.is_fail


def test_too_few_pairs_carry_no_verdict() -> None:
    judgement = judge(contrasts(np.log([1.0, 2.0, 2.0, 1.0])), 0.05, ALPHA)
    assert not judgement.is_pass
    assert not judgement.is_fail
