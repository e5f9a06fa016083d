"""Rounds of two sides until the verdict is there or the time is spent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bench.gate.effect import ALPHA, LOOKS, Contrasts, Judgement, PairRatios, contrast, judge
from bench.gate.outlook import Allowance, Progress, advise, advise_first, needed_rounds
from bench.gate.sides import Side
from bench.gate.values import MissingValueError, latency_of, log_ratio
from bench.measuring.conductor import Player
from bench.registry import Entry
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record
from bench.results.verdict import Check, Verdict

PlanProcess = Callable[[Entry, int], Job]
"""The job of a process of a network; the number tells the processes of one side apart."""

MeasureRound = Callable[[Sequence[Player]], Sequence[Record]]
"""Measures processes that live side by side: one record of each, in their order."""


@dataclass
class Duel:
    """A network on two sides, and what has been measured of it."""

    base: Side
    head: Side
    effects: list[float] = field(default_factory=list)  # of each round that has a value
    controls: list[float] = field(default_factory=list)
    n_begun: int = 0  # rounds, those without a value among them
    check: Check | None = None  # once the verdict is there

    @property
    def n_rounds(self) -> int:
        """Those that count."""
        return len(self.effects)


def settle(
    duels: Sequence[Duel],
    plan: PlanProcess,
    measure: MeasureRound,
    smallest_effect: float,
    allowance: Allowance,
) -> list[Check]:
    """Measure rounds of all open duels in turns, and look a fixed number of times.

    A look may also come before its number of rounds, when the time is spent; then it is the
    last. Each look at each duel has an equal share of the chance of a wrong verdict, so that the
    chance is that of all together (Bonferroni).
    """
    alpha = ALPHA / (len(LOOKS) * len(duels))
    round_s = 0.0
    for n_rounds in LOOKS:
        while (lacking := [duel for duel in duels if _lacks(duel, n_rounds)]) and allowance.is_left:
            begun_s = allowance.spent_s
            for duel in lacking:
                run_round(duel, plan, measure)
            round_s = allowance.spent_s - begun_s
        is_last = n_rounds == LOOKS[-1] or not allowance.is_left
        for duel in filter(lambda duel: duel.check is None, duels):
            duel.check = look(duel, smallest_effect, alpha, is_last, allowance.spent_s, round_s)
        if all(duel.check for duel in duels):
            break
    return [duel.check for duel in duels if duel.check]


def _lacks(duel: Duel, n_rounds: int) -> bool:
    return duel.check is None and duel.n_rounds < n_rounds


def run_round(duel: Duel, plan: PlanProcess, measure: MeasureRound) -> None:
    """Two processes of each side, started in the order A B B A, each by a server of its own.

    One without a time settles the duel: FAIL if it is the head's. A round in which a pair had no
    undisturbed turn gives no value.
    """
    index, duel.n_begun = duel.n_begun, duel.n_begun + 1
    seats = ((duel.base, 0), (duel.head, 0), (duel.head, 1), (duel.base, 1))
    records = measure(
        [
            Player(plan(side.entry, 2 * index + copy), side.environment, side.root, server)
            for server, (side, copy) in enumerate(seats)
        ]
    )
    times: list[LatencyTimes] = []
    for (side, _), record in zip(seats, records, strict=True):
        try:
            times.append(latency_of(record))
        except MissingValueError as error:
            verdict = Verdict.FAIL if side is duel.head else Verdict.INCONCLUSIVE
            duel.check = _check(duel, verdict, f"no time of {side.label}: {error}")
            return
    a1, b1, b2, a2 = times
    pairs = [log_ratio(ours, base) for ours, base in ((b1, a1), (b2, a2), (a2, a1), (b2, b1))]
    known = [np.float64(pair) for pair in pairs if pair is not None]
    if len(known) == len(pairs):
        found = contrast(PairRatios(*map(np.asarray, known)), index)
        duel.effects.append(float(found.effect))
        duel.controls.append(float(found.control))


def look(
    duel: Duel,
    smallest_effect: float,
    alpha: float,
    is_last: bool,
    spent_s: float,
    round_s: float,
) -> Check | None:
    """The verdict, or None while it is open and more may be measured.

    ``spent_s`` is the time so far, ``round_s`` that of one more round of every open duel.
    """
    if not duel.n_rounds:
        return _check(duel, Verdict.INCONCLUSIVE, _without_value(duel)) if is_last else None
    rounds = Contrasts(np.array(duel.effects), np.array(duel.controls))
    judgement = judge(rounds, smallest_effect, alpha)
    if judgement.is_pass:
        verdict, end = Verdict.PASS, f"below the {100 * smallest_effect:g}% that matter"
    elif judgement.is_fail:
        verdict, end = Verdict.FAIL, f"not below the {100 * smallest_effect:g}% that matter"
    elif is_last:
        wait_s = round_s * duel.n_begun / duel.n_rounds
        progress = Progress(duel.n_rounds, LOOKS[-1], spent_s, wait_s)
        verdict, end = Verdict.INCONCLUSIVE, _why_open(judgement, smallest_effect, progress)
    else:
        return None
    reason = f"{_in_words(judgement, duel)}; {end} ({_rounds(duel)})"
    value, lower, upper = (_share(float(bound)) for bound in judgement.effect)
    check = _check(duel, verdict, reason, value, lower, upper, smallest_effect)
    return replace(check, is_probably_slower=bool(judgement.is_probable))


def _without_value(duel: Duel) -> str:
    if not duel.n_begun:
        return "the time was spent before a round began"
    return f"no round had an undisturbed turn of each pair of processes ({_rounds(duel)})"


def _rounds(duel: Duel) -> str:
    disturbed = duel.n_begun - duel.n_rounds
    beside = f", and {disturbed} without an undisturbed turn" if disturbed else ""
    return f"{duel.n_rounds} {'round' if duel.n_rounds == 1 else 'rounds'}{beside}"


def _why_open(judgement: Judgement, smallest_effect: float, progress: Progress) -> str:
    """Not settled, and what would help; or probably slower."""
    estimate, lower, upper = (float(bound) for bound in judgement.effect)
    if not judgement.is_sound:
        return "not settled: the same code differs from itself on this machine"
    what = "not settled, probably slower" if judgement.is_probable else "not settled"
    if not np.isfinite(upper):
        return f"{what}: {advise_first(progress, LOOKS[0])}"
    to_pass = float(np.log1p(smallest_effect)) - estimate
    to_fail = estimate - abs(float(judgement.control.estimate))
    half_width = (upper - lower) / 2
    n_needed = needed_rounds(progress.n_rounds, half_width, max(to_pass, to_fail))
    return f"{what}: {advise(progress, n_needed)}"


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


def _check(
    duel: Duel,
    verdict: Verdict,
    reason: str,
    value: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
    limit: float | None = None,
) -> Check:
    return Check(duel.head.entry.name, "time", verdict, reason, value, lower, upper, limit)
