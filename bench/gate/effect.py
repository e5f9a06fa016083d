"""What two sides that took turns say: the effect, the control, and the three verdicts.

Processes run in the order A B B A A B B A ... Each has a neighbour of the other side, and these
pairs give the effect; and it has a neighbour of its own side, and these pairs, the same code
against itself, are the control. All pairs are equally close in time, so that what disturbs the
effect disturbs the control as much, and a steady drift cancels in both.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.results.intervals import Array, BoundedEstimate, middle

LOOKS = (3, 5, 10, 20)
"""After so many rounds of A B B A the verdict is looked at; the fourth look is the last."""

ALPHA = 0.01
"""The chance of a wrong verdict in one direction, over all looks and networks of a run."""

SMALLEST_EFFECT = 0.05
"""A slow-down that matters, as a share, unless the user names another."""


class Contrasts(NamedTuple):
    """Log ratios of neighbours: between the sides (B over A), and within them."""

    effect: Array  # [..., n]
    control: Array  # [..., n - 1]


class Judgement(NamedTuple):
    """The effect and the control as log ratios, and which verdicts they carry."""

    effect: BoundedEstimate
    control: BoundedEstimate
    is_pass: NDArray[np.bool_]
    is_fail: NDArray[np.bool_]


def is_side_b(n_slots: int) -> NDArray[np.bool_]:
    """Which of the processes in the order of their running are side B's."""
    return np.isin(np.arange(n_slots) % 4, (1, 2))


def contrasts(log_times: Array) -> Contrasts:
    """The pairs of processes in the order of their running, ``[..., 2 n]``.

    Signs alternate in the control as the order does in the effect.
    """
    n = log_times.shape[-1] // 2
    steps = np.diff(log_times[..., : 2 * n], axis=-1)
    signs = np.where(np.arange(n) % 2, -1.0, 1.0)
    return Contrasts(steps[..., ::2] * signs, steps[..., 1::2] * signs[: n - 1])


def judge(pairs: Contrasts, smallest_effect: float, alpha: float) -> Judgement:
    """Verdicts at one look.

    PASS: the slow-down is surely smaller than the smallest that matters. FAIL: it is surely
    larger than what the same code showed against itself, and may be one that matters. Neither
    where the control itself is off zero: then this machine sees differences that are not there.
    """
    effect, control = middle(pairs.effect, alpha), middle(pairs.control, alpha)
    is_sound = (control.lower <= 0) & (control.upper >= 0)
    is_small = effect.upper < np.log1p(smallest_effect)
    is_slower = effect.lower > np.abs(control.estimate)
    return Judgement(effect, control, is_sound & is_small, is_sound & ~is_small & is_slower)
