"""From a budget and records to PASS, FAIL or INCONCLUSIVE, with the reason in a line."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.gate.budgets import Budget
from bench.gate.outlook import needed_rounds
from bench.gate.percentile import bound_percentile
from bench.gate.values import (
    MissingValueError,
    latency_of,
    log_ratio,
    number_of,
    process_time,
    times_of,
)
from bench.registry import Entry
from bench.results.intervals import BoundedEstimate, middle
from bench.results.probes import PROBES
from bench.results.record import Record
from bench.results.verdict import Check, Verdict
from bench.results.workload import Workload
from bench.units import digits_apart, format_si, format_significant

Bounds = tuple[float, float, float]
"""An estimate, its lower and its upper bound."""


class Certainty(NamedTuple):
    """How sure a verdict on a time must be: over all looks together, so that each has a share."""

    confidence: float
    n_looks: int = 1

    @property
    def alpha(self) -> float:
        """The chance that a bound is wrong at one look."""
        return (1 - self.confidence) / self.n_looks

    @property
    def in_words(self) -> str:
        """The confidence in percent."""
        return f"{100 * self.confidence:g}%"


def judge(budget: Budget, records: Sequence[Record], certainty: Certainty) -> Check:
    """The verdict on one budget. What is missing, NaN or failed is FAIL."""
    try:
        mine = matching(budget.entry, budget, records)
        if budget.probe == "latency":
            return _judge_times(budget, mine, records, certainty)
        return _judge_counts(budget, [number_of(record, budget.quantity) for record in mine])
    except MissingValueError as error:
        return _check(budget, Verdict.FAIL, f"no value: {error}")


def matching(entry: Entry, budget: Budget, records: Sequence[Record]) -> list[Record]:
    """A network's records of a budget's probe and workload, as far as that probe depends on it.

    Raises:
        MissingValueError: there is none.
    """
    wanted = _identity(budget.workload.at(entry.sample_rate), budget.probe)
    found = [
        record
        for record in records
        if record.job.model == entry.name
        and record.job.probe == budget.probe
        and _identity(record.job.workload, budget.probe) == wanted
    ]
    if not found:
        words = ", ".join(wanted)
        raise MissingValueError(f"no record of {entry.name} {budget.probe} with {words}")
    return found


IN_WORDS = {"n_samples": "{} samples", "batch": "batch {}", "threads": "threads {}"}


def _identity(workload: Workload, probe: str) -> tuple[str, ...]:
    """What of a workload the values of a probe depend on, in words."""
    return tuple(
        IN_WORDS.get(name, "{}").format(getattr(workload, name))
        for name in PROBES[probe].depends_on
    )


def _judge_counts(budget: Budget, values: Sequence[float]) -> Check:
    """Nothing is random in a count: the largest is over or not.

    The resident set is: processes that disagree leave it open.
    """
    limit, worst = budget.limit, max(values)
    is_over = worst > limit
    verdict = Verdict.FAIL if is_over else Verdict.PASS
    if budget.quantity == "peak_rss_bytes":
        if is_over and min(values) <= limit:
            verdict = Verdict.INCONCLUSIVE
        span = f"{format_si(min(values), 'B', 4)} to {format_si(worst, 'B', 4)}"
        reason = f"{span} in {_processes(len(values))}, budget {format_si(limit, 'B', 4)}"
        return _check(budget, verdict, reason, worst)
    over = worst - limit
    distance = f"{abs(over):,.0f} {'over' if is_over else 'under'} " if over else ""
    return _check(budget, verdict, f"{worst:,.0f}, {distance}budget {limit:,.0f}", worst)


def _judge_times(
    budget: Budget, mine: Sequence[Record], records: Sequence[Record], certainty: Certainty
) -> Check:
    if budget.reference is not None:
        ratios = _ratios(*_of_one_kind(mine, matching(budget.reference, budget, records)))
        return _judge_middle(budget, ratios, f"{budget.reference.name}'s time", certainty)
    (mine,) = _of_one_kind(mine)
    if budget.quantity == "p95_s":
        return _judge_p95(budget, mine, certainty)
    times = [time_s for record in mine if (time_s := process_time(record)) is not None]
    if budget.quantity == "rtf":
        duration_s = budget.workload.batch * budget.workload.duration_s
        return _judge_middle(budget, [t / duration_s for t in times], "real time", certainty)
    return _judge_middle(budget, times, "", certainty)


def _of_one_kind(*sides: Sequence[Record]) -> list[list[Record]]:
    """The records of processes that kept their pages where each side has some, else the others.

    Raises:
        MissingValueError: one side has those alone, and another none of them.
    """
    for keeps_pages in (True, False):
        chosen = [[r for r in side if r.job.workload.keeps_pages == keeps_pages] for side in sides]
        if all(chosen):
            return chosen
    raise MissingValueError("no round has a time of both")


def _ratios(mine: Sequence[Record], references: Sequence[Record]) -> list[float]:
    """The ratio in each round that measured both, over turns in which both were undisturbed.

    Raises:
        MissingValueError: no round has both, or one of its times is missing.
    """
    pairs = [
        (record, reference)
        for number in {record.job.round: None for record in mine}
        for record, reference in zip(
            (r for r in mine if r.job.round == number),
            (r for r in references if r.job.round == number),
            strict=False,
        )
    ]
    if not pairs:
        raise MissingValueError("no round has a time of both")
    logs = [log_ratio(latency_of(record), latency_of(other)) for record, other in pairs]
    return [math.exp(log) for log in logs if log is not None]


def _judge_middle(budget: Budget, values: Sequence[float], of: str, certainty: Certainty) -> Check:
    """The middle of rounds' values, which a bound holds apart from the limit."""
    if not values:
        return _judge_nothing(budget)
    interval: BoundedEstimate = middle(np.log(values), certainty.alpha)
    value, lower, upper = (float(np.exp(bound)) for bound in interval)
    digits = digits_apart([value, lower, upper, budget.limit])

    def show(number: float) -> str:
        return format_significant(number, digits) if of else format_si(number, "s", digits)

    span = "without bounds"
    if math.isfinite(upper):
        span = f"[{show(lower)}, {show(upper)}], each with {certainty.in_words}"
    reason = (
        f"{show(value)} {span} in {_processes(len(values))}, "
        f"budget {show(budget.limit)}{of and ' of ' + of}"
    )
    return _decide(budget, (value, lower, upper), reason)


def _judge_p95(budget: Budget, records: Sequence[Record], certainty: Certainty) -> Check:
    """An order statistic of all calls, counted as what calls in so few processes are worth."""
    processes = [times_s for record in records if (times_s := times_of(record))]
    if not processes:
        return _judge_nothing(budget)
    found = bound_percentile(processes, 0.95, certainty.alpha)
    n_calls = sum(map(len, processes))
    digits = digits_apart([found.estimate, found.lower, found.upper, budget.limit])

    def show(seconds: float) -> str:
        return format_si(seconds, "s", digits)

    worth = f"{n_calls} calls in {_processes(len(processes))}, worth {found.n_effective:.0f}"
    sure = f"with {certainty.in_words} confidence ({worth}), budget {show(budget.limit)}"
    if math.isfinite(found.upper) and found.lower <= budget.limit:
        reason = f"{show(found.estimate)}, at most {show(found.upper)} {sure}"
    elif found.lower > budget.limit:
        reason = f"{show(found.estimate)}, at least {show(found.lower)} {sure}"
    else:
        reason = (
            f"{show(found.estimate)} in {worth}: needs {found.n_needed}, "
            f"budget {show(budget.limit)}"
        )
    return _decide(budget, (found.estimate, found.lower, found.upper), reason)


def _judge_nothing(budget: Budget) -> Check:
    return _check(budget, Verdict.INCONCLUSIVE, "no value: every call was disturbed")


def rounds_to_settle(check: Check, n_rounds: int) -> float | None:
    """After how many rounds an open verdict on a time would be PASS or FAIL.

    None where there is no bound on the side of the limit yet.
    """
    if check.value is None or check.limit is None:
        return None
    margin = math.log(check.limit / check.value)
    bound = check.upper if margin > 0 else check.lower
    if not bound:  # none above, or zero below
        return None
    return needed_rounds(n_rounds, abs(math.log(bound / check.value)), abs(margin))


def _decide(budget: Budget, bounds: Bounds, reason: str) -> Check:
    _, lower, upper = bounds
    if upper <= budget.limit:
        verdict = Verdict.PASS
    elif lower > budget.limit:
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.INCONCLUSIVE
    return _check(budget, verdict, reason, *bounds)


def _processes(n: int) -> str:
    return "1 process" if n == 1 else f"{n} processes"


def _check(
    budget: Budget,
    verdict: Verdict,
    reason: str,
    value: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
) -> Check:
    value, lower, upper = (
        bound if bound is not None and math.isfinite(bound) else None
        for bound in (value, lower, upper)
    )
    phase = f"{budget.workload.phase} " if len(PROBES[budget.probe].phases) > 1 else ""
    name = f"{phase}{budget.quantity}"
    return Check(budget.entry.name, name, verdict, reason, value, lower, upper, budget.limit)
