"""What rounds of two sides say: the effect, the control, and the three verdicts.

In a round two processes of each side live side by side and take turns, call by call. A pair of
processes of different sides gives the effect, a pair of one side, the same code against itself, the
control. Both are made of the same four processes, so that they deviate by as much.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.results.intervals import Array, BoundedEstimate, middle

LOOKS = (4, 7, 11, 16, 32, 64)
"""After so many rounds the verdict is looked at; the last look ends it.

Chosen by simulation: where processes deviate by 2 %, most verdicts are there after seven rounds,
and where they do by 4 %, the last two looks let more time be of use.
"""

ALPHA = 0.01
"""The chance of a wrong verdict in one direction, over all looks and networks of a run."""

SMALLEST_EFFECT = 0.05
"""A slow-down that matters, as a share, unless the user names another."""

PROBABLE_ALPHA = 0.10
"""The chance that a slow-down is called probable where there is none, at one look."""


class PairRatios(NamedTuple):
    """Log ratios of the pairs of a round's processes, each over its undisturbed turns."""

    b1_to_a1: Array
    b2_to_a2: Array
    a2_to_a1: Array
    b2_to_b1: Array


class Contrasts(NamedTuple):
    """Log ratios of rounds: between the sides (B over A), and within them."""

    effect: Array  # [..., n]
    control: Array  # [..., n]


class Judgement(NamedTuple):
    """The effect and the control as log ratios, and which verdicts they carry."""

    effect: BoundedEstimate
    control: BoundedEstimate
    is_sound: NDArray[np.bool_]  # the control may be zero
    is_pass: NDArray[np.bool_]
    is_fail: NDArray[np.bool_]
    is_probable: NDArray[np.bool_]  # neither of them, but a slow-down is likely


def contrast(pairs: PairRatios, round_index: int) -> Contrasts:
    """Effect and control of a round, of equal variance where processes deviate independently.

    Processes are started in the order A B B A, so that a steady influence of the place in it
    cancels in the effect; in the control it does so over two rounds, by signs that alternate.
    """
    sign = -1.0 if round_index % 2 else 1.0
    effect = (pairs.b1_to_a1 + pairs.b2_to_a2) / 2
    return Contrasts(effect, sign * (pairs.a2_to_a1 - pairs.b2_to_b1) / 2)


def judge(rounds: Contrasts, smallest_effect: float, alpha: float) -> Judgement:
    """Verdicts at one look.

    PASS: the slow-down is surely smaller than the smallest that matters. FAIL: it is surely
    larger than what the same code showed against itself, and may be one that matters. Neither
    where the control itself is off zero: then this machine sees differences that are not there.
    Of neither a slow-down is probable that is estimated at half of the smallest that matters at
    least, and above zero with 90 %.
    """
    effect, control = middle(rounds.effect, alpha), middle(rounds.control, alpha)
    is_sound = (control.lower <= 0) & (control.upper >= 0)
    is_small = effect.upper < np.log1p(smallest_effect)
    is_slower = effect.lower > np.abs(control.estimate)
    is_fail = is_sound & ~is_small & is_slower
    above_zero = middle(rounds.effect, PROBABLE_ALPHA).lower > 0
    is_probable = above_zero & (effect.estimate >= np.log1p(smallest_effect / 2))
    is_probable &= is_sound & ~is_small & ~is_fail
    return Judgement(effect, control, is_sound, is_sound & is_small, is_fail, is_probable)
