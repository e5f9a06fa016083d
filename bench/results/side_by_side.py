"""Values of several runs side by side: their quotients, and whether networks keep their order.

Values of two runs were measured apart, so a quotient of them is no paired ratio: what slowed the
machine for as long as a run took does not cancel in it. Within a run it does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean

from bench.registry import KNOWN, Entry
from bench.results.metrics import GPU_METRICS, METRICS
from bench.results.statistics import WIDEST, Estimate, Interval
from bench.results.summary import NOT_MEASURED, ModelSummary, RunSummary, Value, choose_base

MIN_NETWORKS = 3
"""Two are in the same order or in the other, which says little of an order."""
_METRICS = {metric.name: metric for metric in (*METRICS, *GPU_METRICS)}


def list_entries(runs: Sequence[RunSummary]) -> list[Entry]:
    """Every network of any run, once: registered ones in the registry's order, then own by name."""
    found = {model.entry.name: model.entry for run in runs for model in run.models}
    registered = [entry for name, entry in KNOWN.items() if name in found]
    return [*registered, *(found[name] for name in sorted(found.keys() - KNOWN.keys()))]


def value_in(run: RunSummary, name: str, metric: str) -> Value | None:
    """A metric of a network in one run; None where the run has not that network."""
    model = _find(run, name)
    return None if model is None else model.values.get(metric, NOT_MEASURED)


def base_of(run: RunSummary) -> str | None:
    """The network that the others of a run are compared with; of a run of counts too."""
    return run.base or choose_base([model.entry.name for model in run.models])


def ratio_within(run: RunSummary, name: str, metric: str) -> Value | None:
    """A network's value over that of the run's base; None where one of them is not there.

    Of times it is the paired ratio, of calls that were neighbours in time.
    """
    model, base = _find(run, name), _find(run, base_of(run))
    if model is None or base is None:
        return None
    if not _METRICS[metric].spec.takes_time:
        return divide(model.values.get(metric, NOT_MEASURED), base.values.get(metric, NOT_MEASURED))
    timing = model.timings.get(_METRICS[metric].phase)
    if timing is None:
        return None
    if model is base:
        return Value(1.0)
    return to_value(timing.ratio) if timing.ratio else None


def _find(run: RunSummary, name: str | None) -> ModelSummary | None:
    return next((model for model in run.models if model.entry.name == name), None)


def to_value(estimate: Estimate) -> Value:
    """A number with its interval, or the range in its place."""
    if not estimate.is_trusted:
        return Value(None, span=estimate.span)
    return Value(estimate.value, interval=estimate.interval)


def divide(value: Value, by: Value) -> Value | None:
    """The quotient of two values that were measured apart; None where one is missing or 0.

    It has an interval where both have one. Where one of them is a range it is the range from the
    smallest to the largest quotient, and where its interval is too wide for a number that interval.
    The doubts are those of both.
    """
    ends, by_ends = _ends(value), _ends(by)
    if ends is None or by_ends is None or min(*ends, *by_ends) <= 0:
        return None
    doubts = tuple(dict.fromkeys((*by.doubts, *value.doubts)))
    if value.value is None or by.value is None:
        return Value(None, doubts=doubts, span=(ends[0] / by_ends[1], ends[1] / by_ends[0]))
    quotient = value.value / by.value
    interval = _join(quotient, value, by)
    if interval and interval.relative_width(quotient) >= WIDEST:
        return Value(None, doubts=doubts, span=(interval.low, interval.high))
    return Value(quotient, doubts=doubts, interval=interval)


def _ends(value: Value) -> tuple[float, float] | None:
    """From where to where a value may lie."""
    if value.span is not None:
        return value.span
    if value.interval is not None:
        return value.interval.low, value.interval.high
    return None if value.value is None else (value.value, value.value)


def _join(quotient: float, value: Value, by: Value) -> Interval | None:
    """The interval of a quotient of independent values: on logarithms, squares of distances add up.

    Each end lies as far from the quotient as the root of the sum of the squares of the two
    distances that make it (Zou and Donner, Statistics in Medicine 27, 2008). With the values
    exchanged it is one over what it was.
    """
    if value.interval is None or by.interval is None:
        return None
    assert value.value is not None  # an interval belongs to a number
    assert by.value is not None
    up = math.hypot(
        math.log(value.interval.high / value.value), math.log(by.value / by.interval.low)
    )
    down = math.hypot(
        math.log(value.value / value.interval.low), math.log(by.interval.high / by.value)
    )
    level = min(value.interval.level, by.interval.level)
    return Interval(quotient * math.exp(-down), quotient * math.exp(up), level)


@dataclass(frozen=True)
class OrderAgreement:
    """How well two runs agree on the order of the networks that both have a number of."""

    n_networks: int
    tau: float | None  # Kendall's, -1 to 1; None of too few networks, or where all are equal
    swapped: tuple[tuple[str, str], ...]  # pairs of names in one order here and the other there


def compare_orders(first: RunSummary, second: RunSummary, metric: str) -> OrderAgreement:
    """Of the networks by one metric; what is a range or missing in one of the runs has no place."""
    before, after = _numbers(first, metric), _numbers(second, metric)
    names = [entry.name for entry in list_entries((first, second)) if entry.name in before]
    names = [name for name in names if name in after]
    swapped = tuple(
        (one, other)
        for one, other in combinations(names, 2)
        if (before[one] - before[other]) * (after[one] - after[other]) < 0
    )
    tau = _kendall([before[name] for name in names], [after[name] for name in names])
    return OrderAgreement(len(names), tau, swapped)


@dataclass(frozen=True)
class OrderStability:
    """How well several runs agree on an order, over the pairs of runs that have a Kendall's τ."""

    n_pairs: int
    mean: float
    smallest: float
    between: tuple[int, int]  # places of the two runs that agree least; of several the first two


def survey_orders(runs: Sequence[RunSummary], metric: str) -> OrderStability | None:
    """Every run with every other; None where no two have a τ."""
    pairs = {
        (one, other): found.tau
        for one, other in combinations(range(len(runs)), 2)
        if (found := compare_orders(runs[one], runs[other], metric)).tau is not None
    }
    if not pairs:
        return None
    between = min(pairs, key=lambda pair: pairs[pair])
    return OrderStability(len(pairs), mean(pairs.values()), pairs[between], between)


def _numbers(run: RunSummary, metric: str) -> Mapping[str, float]:
    values = {model.entry.name: value_in(run, model.entry.name, metric) for model in run.models}
    return {name: v.value for name, v in values.items() if v is not None and v.value is not None}


def _kendall(first: Sequence[float], second: Sequence[float]) -> float | None:
    if len(first) < MIN_NETWORKS:
        return None
    from scipy.stats import kendalltau  # here: commands that compute nothing start without it

    tau = float(kendalltau(first, second).statistic)
    return None if math.isnan(tau) else tau
