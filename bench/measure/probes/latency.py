"""Wall time of one step: the first call, the warm-up and every timed call, raw."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bench.measure.step import prepare_step
from bench.results.record import Workload

Timer = Callable[[Callable[[], object]], float]
"""Runs a function once and returns how long it took, in seconds."""


@dataclass(frozen=True)
class StopRule:
    """When warming up and repeating end; the time to spend always has the last word."""

    budget_s: float  # for warm-up and repeats together, the first call included
    warmup_share: float = 0.3  # of the budget, at most
    min_repeats: int = 1  # even when the budget is spent; other rounds give more
    max_repeats: int = 1000
    stable_within: float = 0.05  # the last three calls agree: the warm-up is over


def host_timer(run: Callable[[], object]) -> float:
    """Wall time on the host's monotonic clock, for work that ends when the call returns."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def cuda_timer(run: Callable[[], object]) -> float:
    """Time between two events on the current CUDA stream, all earlier work finished first."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    end.synchronize()
    elapsed_ms: float = start.elapsed_time(end)
    return elapsed_ms / 1000


def is_stable(times_s: Sequence[float], rule: StopRule) -> bool:
    """Whether the last three times lie within the rule's share of their smallest."""
    last = times_s[-3:]
    return len(last) == 3 and max(last) - min(last) <= rule.stable_within * min(last)


def time_repeatedly(run: Callable[[], object], timer: Timer, rule: StopRule) -> dict[str, Any]:
    """Warm up until stable, then repeat until the time is spent; all times kept, in seconds."""
    spent = 0.0
    warmup_s: list[float] = []
    while spent < rule.warmup_share * rule.budget_s and not is_stable(warmup_s, rule):
        warmup_s.append(timer(run))
        spent += warmup_s[-1]
    times_s: list[float] = []
    while len(times_s) < rule.min_repeats or (
        spent < rule.budget_s and len(times_s) < rule.max_repeats
    ):
        times_s.append(timer(run))
        spent += times_s[-1]
    return {
        "warmup_times_s": warmup_s,
        "is_warmup_stable": is_stable(warmup_s, rule),
        "times_s": times_s,
    }


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> dict[str, Any]:
    """Times of one step in this process.

    Raises:
        CellError: the network breaks the contract.
    """
    step = prepare_step(build().to(workload.device), workload)
    timer = host_timer if workload.device == "cpu" else cuda_timer
    first_s = timer(step.run_checked)
    remaining = StopRule(max(0.0, budget_s - first_s))
    return {"first_time_s": first_s} | time_repeatedly(step.run, timer, remaining)
