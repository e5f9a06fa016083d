"""Repeating a step: warm-up, timed calls, and what ends them.

Around each timed call, outside the timed region, the kernel's counters say whether something
else used the processors meanwhile.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.machine.contention import contention_between, read_counters
from bench.measure.step import PARTS, Run
from bench.measure.stopwatch import CallTiming, Stopwatch
from bench.results.contention import CallContention, Contention
from bench.results.measurements import LatencyTimes


@dataclass(frozen=True)
class StopRule:
    """When warming up and repeating end; the time to spend always has the last word."""

    budget_s: float  # for warm-up and repeats together, the first call included
    warmup_share: float = 0.3  # of the budget, at most
    min_repeats: int = 1  # even when the budget is spent; other rounds give more
    max_repeats: int = 300
    stable_within: float = 0.05  # the last three calls agree: the warm-up is over
    precise_within: float = 0.005  # half the interval of this process's median, over the median


@dataclass(frozen=True)
class Sample:
    """One timed call and what went on around it."""

    timing: CallTiming
    contention: Contention


Sampler = Callable[[Run], Sample]
"""Takes one sample of a step."""


def sampler(stopwatch: Stopwatch, threads: int) -> Sampler:
    """Samples with a stopwatch, the kernel's counters read before and after."""

    def take(run: Run) -> Sample:
        before = read_counters()
        timing = stopwatch(run)
        after = read_counters()
        return Sample(timing, contention_between(before, after, timing.host_s, threads))

    return take


def is_stable(times_s: Sequence[float], rule: StopRule) -> bool:
    """Whether the last three times lie within the rule's share of their smallest."""
    last = times_s[-3:]
    return len(last) == 3 and max(last) - min(last) <= rule.stable_within * min(last)


def is_precise(times_s: Sequence[float], rule: StopRule) -> bool:
    """Whether the 95 % order-statistic interval of the median is as narrow as the rule asks.

    The ranks are those of the binomial law's normal approximation, good from 10 times on.
    """
    n_times = len(times_s)
    if n_times < 10:
        return False
    ordered = sorted(times_s)
    reach = 1.96 * math.sqrt(n_times) / 2
    low = ordered[max(0, math.floor(n_times / 2 - reach))]
    high = ordered[min(n_times - 1, math.ceil(n_times / 2 + reach))]
    return high - low <= 2 * rule.precise_within * ordered[n_times // 2]


@dataclass(frozen=True)
class CallSeries:
    """The calls of one process: how it warmed up, what was timed, and what ended it."""

    warmup_s: Sequence[float]
    is_warmup_stable: bool
    samples: Sequence[Sample]
    stopped_by: str
    contention: Contention  # of all timed calls together

    def to_times(self, first_time_s: float) -> LatencyTimes:
        """As it is stored."""
        timings = [sample.timing for sample in self.samples]
        times_s = tuple(timing.total_s for timing in timings)
        host_s = tuple(timing.host_s for timing in timings)
        return LatencyTimes(
            times_s=times_s,
            first_time_s=first_time_s,
            warmup_times_s=tuple(self.warmup_s),
            is_warmup_stable=self.is_warmup_stable,
            stopped_by=self.stopped_by,
            parts_s=_parts(timings),
            host_times_s=None if host_s == times_s else host_s,
            contention=CallContention.of([sample.contention for sample in self.samples]),
            series_contention=self.contention,
            is_series_contended=self.contention.is_contended,
        )


def time_repeatedly(run: Run, sample: Sampler, rule: StopRule, threads: int) -> CallSeries:
    """Warm up until stable, then repeat until precise or the time is spent; all is kept."""
    spent = 0.0
    warmup_s: list[float] = []
    while spent < rule.warmup_share * rule.budget_s and not is_stable(warmup_s, rule):
        warmup_s.append(sample(run).timing.total_s)
        spent += warmup_s[-1]
    samples: list[Sample] = []
    times_s: list[float] = []
    before, start = read_counters(), time.perf_counter()
    while not (stopped_by := _stop_reason(times_s, spent, rule)):
        samples.append(sample(run))
        times_s.append(samples[-1].timing.total_s)
        spent += times_s[-1]
    series_s = time.perf_counter() - start
    whole = contention_between(before, read_counters(), series_s, threads)
    return CallSeries(warmup_s, is_stable(warmup_s, rule), samples, stopped_by, whole)


def _stop_reason(times_s: Sequence[float], spent_s: float, rule: StopRule) -> str:
    """Why no further call is timed; empty while one is."""
    if len(times_s) < rule.min_repeats:
        return ""
    if spent_s >= rule.budget_s:
        return "budget"
    if len(times_s) >= rule.max_repeats:
        return "repeats"
    return "precision" if is_precise(times_s, rule) else ""


def _parts(timings: Sequence[CallTiming]) -> dict[str, tuple[float, ...]]:
    """Seconds of each part of a training step by its name; nothing for a step without parts."""
    columns = list(zip(*(timing.parts_s for timing in timings), strict=True))
    return dict(zip(PARTS, columns, strict=True)) if len(columns) == len(PARTS) else {}
