"""Two sides measured in turns until the verdict is there or the time is spent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.gate.effect import (
    ALPHA,
    LOOKS,
    Judgement,
    contrasts,
    is_side_b,
    judge,
)
from bench.gate.sides import Side
from bench.gate.values import MissingValueError, process_time
from bench.results.record import Record
from bench.results.verdict import Check, Verdict

MeasureSide = Callable[[Side, int], Record]
"""Measures a side in a fresh process; the number is that process's place in the order."""

ROUND = 4
"""Processes in a round: A B B A."""


@dataclass
class Duel:
    """A network on two sides, and what has been measured of it."""

    base: Side
    head: Side
    log_times: list[float] = field(default_factory=list)  # in the order of running
    check: Check | None = None  # once the verdict is there

    @property
    def is_open(self) -> bool:
        """Whether further rounds could settle it."""
        return self.check is None


def settle(
    duels: Sequence[Duel],
    measure: MeasureSide,
    smallest_effect: float,
    is_time_left: Callable[[], bool],
) -> list[Check]:
    """Measure rounds of A B B A of all open duels in turns, and look a fixed number of times.

    A look may also come before its number of rounds, when the time is spent; then it is the
    last. Each look at each duel has an equal share of the chance of a wrong verdict, so that the
    chance is that of all together (Bonferroni).
    """
    alpha = ALPHA / (len(LOOKS) * len(duels))
    for n_rounds in LOOKS:
        while any(_lacks(duel, n_rounds) for duel in duels) and is_time_left():
            for duel in filter(lambda duel: _lacks(duel, n_rounds), duels):
                run_round(duel, measure)
        is_last = n_rounds == LOOKS[-1] or not is_time_left()
        for duel in filter(lambda duel: duel.is_open, duels):
            duel.check = look(duel, smallest_effect, alpha, is_last)
        if not any(duel.is_open for duel in duels):
            break
    return [duel.check for duel in duels if duel.check]


def _lacks(duel: Duel, n_rounds: int) -> bool:
    return duel.is_open and len(duel.log_times) < n_rounds * ROUND


def run_round(duel: Duel, measure: MeasureSide) -> None:
    """Four processes, A B B A. One without a time settles the duel: FAIL if it is the head's."""
    first = len(duel.log_times)
    for slot, is_head in enumerate(is_side_b(ROUND), start=first):
        side = duel.head if is_head else duel.base
        try:
            duel.log_times.append(float(np.log(process_time(measure(side, slot)))))
        except MissingValueError as error:
            verdict = Verdict.FAIL if is_head else Verdict.INCONCLUSIVE
            duel.check = _check(duel, verdict, f"no time of {side.label}: {error}")
            return


def look(duel: Duel, smallest_effect: float, alpha: float, is_last: bool) -> Check | None:
    """The verdict, or None while it is open and more may be measured."""
    judgement = judge(contrasts(np.array(duel.log_times)), smallest_effect, alpha)
    if judgement.is_pass:
        verdict, end = Verdict.PASS, f"below the {smallest_effect:.0%} that matter"
    elif judgement.is_fail:
        verdict, end = Verdict.FAIL, f"not below the {smallest_effect:.0%} that matter"
    elif is_last:
        verdict, end = Verdict.INCONCLUSIVE, "not settled"
    else:
        return None
    reason = f"{_in_words(judgement, duel)}; {end} ({len(duel.log_times)} processes)"
    effect = [_share(float(bound)) for bound in judgement.effect]
    return _check(duel, verdict, reason, *effect, smallest_effect)


def _in_words(judgement: Judgement, duel: Duel) -> str:
    """Such as "HEAD +9.8% [+7.1%, +12.6%] against v1; the same code against itself +0.4%"."""
    estimate, lower, upper = (_percent(float(bound)) for bound in judgement.effect)
    control = _percent(float(judgement.control.estimate))
    return (
        f"{duel.head.label} {estimate} [{lower}, {upper}] against {duel.base.label}, "
        f"the same code against itself {control}"
    )


def _share(log_ratio: float) -> float | None:
    return float(np.expm1(log_ratio)) if np.isfinite(log_ratio) else None


def _percent(log_ratio: float) -> str:
    return f"{np.expm1(log_ratio):+.1%}" if np.isfinite(log_ratio) else "unknown"


def _check(duel: Duel, verdict: Verdict, reason: str, *values: float | None) -> Check:
    return Check(duel.head.entry.name, "time", verdict, reason, *values)
