"""Time of one step: the first call, the warm-up and every timed call, raw.

Around each timed call, outside the timed region, the kernel's counters say whether something
else used the processors meanwhile.
"""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import torch
from torch import nn

from bench.machine.contention import Contention, contention_between, read_counters
from bench.machine.gpu import SLOWDOWNS, Gpu, open_gpu
from bench.machine.state import describe_gpu_state
from bench.measure.step import PARTS, Run, prepare_step
from bench.measure.stopwatch import Stopwatch, Timing, time_on_cuda, time_on_host
from bench.results.record import Workload

CALLS_BETWEEN_LOOKS = 20
"""Timed calls on a GPU from one look at what holds its clock back to the next."""
N_COLD_CACHE = 10
"""Calls on a GPU whose second-level cache was overwritten just before."""


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

    timing: Timing
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


def watch_clock(sample: Sampler, gpu: Gpu | None, reasons: set[str]) -> Sampler:
    """The same samples; after every so many of them ``reasons`` gains what lowers the GPU's clock.

    The driver is asked outside the timed region, while the GPU is still warm from the call.
    """
    calls = count()

    def take(run: Run) -> Sample:
        taken = sample(run)
        if gpu is not None and next(calls) % CALLS_BETWEEN_LOOKS == 0:
            reasons.update(SLOWDOWNS & set(gpu.throttle_reasons() or ()))
        return taken

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


def time_repeatedly(run: Run, sample: Sampler, rule: StopRule, threads: int = 1) -> dict[str, Any]:
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
    return {
        "warmup_times_s": warmup_s,
        "is_warmup_stable": is_stable(warmup_s, rule),
        "times_s": times_s,
        "stopped_by": stopped_by,
        **_describe_parts(samples),
        **_describe_host_times(samples),
        "contention": _describe_contention([sample.contention for sample in samples], whole),
    }


def _stop_reason(times_s: Sequence[float], spent_s: float, rule: StopRule) -> str:
    """Why no further call is timed; empty while one is."""
    if len(times_s) < rule.min_repeats:
        return ""
    if spent_s >= rule.budget_s:
        return "budget"
    if len(times_s) >= rule.max_repeats:
        return "repeats"
    return "precision" if is_precise(times_s, rule) else ""


def _describe_parts(samples: Sequence[Sample]) -> dict[str, Any]:
    """Seconds of each part of an update step by its name; nothing for a step without parts."""
    columns = list(zip(*(sample.timing.parts_s for sample in samples), strict=True))
    if len(columns) != len(PARTS):
        return {}
    return {"parts_s": {name: list(part) for name, part in zip(PARTS, columns, strict=True)}}


def _describe_host_times(samples: Sequence[Sample]) -> dict[str, Any]:
    """The host's wall times where the clock was another, a GPU's events."""
    host_s = [sample.timing.host_s for sample in samples]
    total_s = [sample.timing.total_s for sample in samples]
    return {} if host_s == total_s else {"host_times_s": host_s}


def _describe_contention(contentions: Sequence[Contention], whole: Contention) -> dict[str, Any]:
    """The counters as columns, a value for each timed call, and the commonest reasons.

    The whole series beside them shows a neighbour that single short calls can't: the kernel
    counts others' time in ticks of 10 ms.
    """
    same = ("wall_s", "threads", "n_cpus")  # stored elsewhere, or one for all
    rows = [asdict(contention) for contention in contentions]
    columns = {name: [row[name] for row in rows] for name in rows[0] if name not in same}
    reasons = Counter(contention.reason for contention in contentions if contention.reason)
    return columns | {
        "is_contended": [contention.is_contended for contention in contentions],
        "reasons": [reason for reason, _ in reasons.most_common(3)],
        "is_series_contended": whole.is_contended,
        "series_reason": whole.reason,
    }


def time_with_cold_cache(run: Run, stopwatch: Stopwatch) -> list[float]:
    """Seconds of calls that find nothing of theirs in the GPU's second-level cache.

    Calls one after another find what fits of their weights and features in it.
    """
    cache_bytes = torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size
    filler = torch.empty(2 * cache_bytes, dtype=torch.uint8, device="cuda")
    times_s = []
    for _ in range(N_COLD_CACHE):
        filler.zero_()
        times_s.append(stopwatch(run).total_s)
    return times_s


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> dict[str, Any]:
    """Times of one step in this process.

    Raises:
        CellError: the network breaks the contract.
    """
    on_cuda = workload.device == "cuda"
    stopwatch = time_on_cuda if on_cuda else time_on_host
    step = prepare_step(build().to(workload.device), workload)
    first_s = stopwatch(step.run_checked).total_s
    sample = sampler(stopwatch, workload.threads)
    rule = StopRule(max(0.0, budget_s - first_s))
    if not on_cuda:
        return {"first_time_s": first_s} | time_repeatedly(step.run, sample, rule, workload.threads)
    slowed_by: set[str] = set()
    before = _gpu_state()
    watched = watch_clock(sample, open_gpu(), slowed_by)
    measured = time_repeatedly(step.run, watched, rule, workload.threads)
    during = _gpu_state()  # the clocks do not fall before the next milliseconds
    slowed_by |= SLOWDOWNS & set((during or {}).get("throttle_reasons") or ())
    return {
        "first_time_s": first_s,
        **measured,
        "cold_cache_times_s": time_with_cold_cache(step.run, stopwatch),
        "gpu_before": before,
        "gpu_during": during,
        "gpu_slowed_by": sorted(slowed_by),
    }


def _gpu_state() -> dict[str, Any] | None:
    """Clocks, what slows them, heat, power and energy; None where the driver is hidden."""
    driver = open_gpu()
    return None if driver is None else describe_gpu_state(driver, os.getpid(), has_context=True)
