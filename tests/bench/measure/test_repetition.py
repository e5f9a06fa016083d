"""Timing with a clock of its own: what is run, what is kept and when it stops, to the call."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from bench.machine.contention import Counters, read_counters
from bench.measure.repetition import (
    Sample,
    Sampler,
    StopRule,
    is_precise,
    is_stable,
    sampler,
    time_repeatedly,
)
from bench.measure.step import PARTS, Run, no_mark
from bench.measure.stopwatch import CallTiming
from bench.results.measurements import LatencyTimes
from tests.bench.measure.clock import QUIET, Clock

costs = st.floats(0.001, 10.0)
BUSY = replace(QUIET, wait_s=0.5)


def repeat_step(sample: Sampler, rule: StopRule) -> LatencyTimes:
    """The times of a step that takes none itself, as they are stored."""
    return time_repeatedly(lambda mark=no_mark: torch.zeros(1), sample, rule, 1).to_times(0.25)


def timed(costs_s: Iterable[float], rule: StopRule) -> tuple[list[float], bool, list[float]]:
    clock, calls = Clock(costs_s), [0]

    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        calls[0] += 1
        return torch.zeros(1)

    found = time_repeatedly(run, clock, rule, 1).to_times(0.25)
    warmup, times = list(found.warmup_times_s), list(found.times_s)
    assert calls[0] == clock.n_runs == len(warmup) + len(times)  # all that ran is kept
    assert found.first_time_s == 0.25
    assert found.is_warmup_stable is not None
    return warmup, found.is_warmup_stable, times


CASES: dict[str, tuple[list[float], float, list[float], bool, list[float]]] = {
    # name: (costs, budget, warm-up, whether it was stable, times)
    "steady from the start": ([1.0], 8.0, [1.0] * 3, True, [1.0] * 5),
    "slow at first": ([4.0, 2.0, 1.0], 40.0, [4.0, 2.0, 1.0, 1.0, 1.0], True, [1.0] * 10),
    "slower and slower": ([1.0, 2.0, 3.0, 4.0], 10.0, [1.0, 2.0], False, [3.0, 4.0]),
    "a share of the budget for the warm-up": (
        [1.0, 2.0, 1.0, 2.0, 1.0],
        10.0,
        [1.0, 2.0],
        False,
        [1.0, 2.0] + [1.0] * 4,
    ),
    "within five hundredths": ([1.04, 1.0, 1.02], 10.3, [1.04, 1.0, 1.02], True, [1.02] * 8),
    "not within five hundredths": ([1.06, 1.0, 1.0, 1.0], 10.3, [1.06, 1, 1, 1], True, [1.0] * 7),
    "nothing to spend": ([3.0], 0.0, [], False, [3.0]),
    "one call spends all": ([50.0], 10.0, [50.0], False, [50.0]),
}


@pytest.mark.parametrize("case", CASES)
def test_every_call_is_the_expected_one(case: str) -> None:
    costs_s, budget_s, warmup, is_warm, times = CASES[case]
    assert timed(costs_s, StopRule(budget_s)) == (warmup, is_warm, times)


def test_calls_that_never_agree_end_at_the_largest_number() -> None:
    costs_s = [0.001 * (1 + index % 7) for index in range(100)]
    _, _, times = timed(costs_s, StopRule(10.0, warmup_share=0.0, max_repeats=17))
    assert len(times) == 17


def stopped_by(costs_s: Iterable[float], rule: StopRule) -> str | None:
    return repeat_step(Clock(costs_s), rule).stopped_by


def test_what_ended_the_repeating_is_told() -> None:
    assert stopped_by([1.0], StopRule(5.0)) == "budget"
    assert stopped_by([1.0], StopRule(500.0)) == "precision"
    assert stopped_by([1.0, 2.0] * 50, StopRule(500.0, 0.0, max_repeats=20)) == "repeats"


@given(st.lists(costs, min_size=10, max_size=200))
def test_precise_is_a_narrow_order_statistic_interval(times_s: list[float]) -> None:
    """Scipy's exact binomial ranks lie within one of the normal approximation's."""
    n_times, ordered = len(times_s), sorted(times_s)
    low, high = (int(stats.binom.ppf(share, n_times, 0.5)) for share in (0.025, 0.975))
    inner = ordered[min(high - 1, n_times - 1)] - ordered[low + 1] if low + 1 < high else 0.0
    outer = ordered[min(high + 2, n_times - 1)] - ordered[max(low - 2, 0)]
    allowed = 2 * StopRule(1.0).precise_within * ordered[n_times // 2]
    if outer <= allowed:
        assert is_precise(times_s, StopRule(1.0))
    if inner > allowed:
        assert not is_precise(times_s, StopRule(1.0))


def test_nine_times_are_too_few_to_be_precise() -> None:
    assert not is_precise([1.0] * 9, StopRule(1.0))
    assert is_precise([1.0] * 10, StopRule(1.0))


def test_a_least_number_is_kept_even_when_the_budget_is_spent() -> None:
    assert timed([9.0], StopRule(1.0, min_repeats=4)) == ([9.0], False, [9.0] * 4)


@given(st.lists(costs, min_size=1, max_size=50), st.floats(0, 20))
def test_the_budget_has_the_last_word(costs_s: list[float], budget_s: float) -> None:
    """Spent before the last call of each part: less than the part's budget."""
    rule = StopRule(budget_s, max_repeats=30)
    warmup, is_warm, times = timed(costs_s, rule)
    assert 1 <= len(times) <= 30
    assert sum(warmup[:-1]) < rule.warmup_share * budget_s or not warmup
    if len(times) > 1:
        assert sum(warmup) + sum(times[:-1]) < budget_s
    if len(times) < 30 and not is_precise(times, rule):
        assert sum(warmup) + sum(times) >= budget_s
    assert is_warm == is_stable(warmup, rule)


@given(st.lists(costs, max_size=6))
def test_stable_is_three_calls_that_agree(times_s: list[float]) -> None:
    last = times_s[-3:]
    agree = len(last) == 3 and all(a <= 1.05 * b for a in last for b in last)
    if all(abs(a - 1.05 * b) > 1e-9 for a in last for b in last):  # not on the edge itself
        assert is_stable(times_s, StopRule(1.0)) == agree


def test_parts_and_contention_are_kept_call_by_call() -> None:
    samples = iter(
        [
            Sample(CallTiming(1.5, [0.1, 0.2, 0.3, 0.4, 0.5], 1.5), QUIET),
            Sample(CallTiming(3.0, [0.2, 0.4, 0.6, 0.8, 1.0], 3.0), BUSY),
        ]
    )
    rule = StopRule(4.0, warmup_share=0.0)
    found = repeat_step(lambda run: next(samples), rule)
    assert found.times_s == (1.5, 3.0)
    assert list(found.parts_s) == list(PARTS)
    assert found.parts_s["backward"] == (0.4, 0.8)
    assert found.calls == [
        replace(QUIET, wall_s=1.5),
        replace(BUSY, wall_s=3.0),
    ]
    assert [call.is_contended for call in found.calls] == [False, True]
    assert found.host_times_s is None


def test_a_gpus_clock_has_the_hosts_beside_it() -> None:
    """And a call's contention is over the host's time, in which the counters were read."""
    contention = replace(QUIET, wall_s=1.25)
    sample = Sample(CallTiming(1.0, [1.0], 1.25), contention)
    found = repeat_step(lambda run: sample, StopRule(0.5))
    assert (found.times_s, found.host_times_s) == ((1.0,), (1.25,))
    assert found.parts_s == {}
    assert found.calls == [contention]


def test_what_disturbed_the_whole_series_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    counters, waits_s = read_counters(), iter([0.0, 1e6])  # before and after
    monkeypatch.setattr(
        "bench.measure.repetition.read_counters",
        lambda: replace(counters, thread_waits_s={1: next(waits_s)}),
    )
    found = repeat_step(Clock([1.0]), StopRule(0.0))
    assert found.is_series_contended is True
    assert found.series_contention is not None
    assert found.series_contention.has_waited


def test_the_kernels_counters_are_read_before_and_after_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []
    counters = read_counters()

    def read() -> Counters:
        events.append("read")
        return counters

    def stopwatch(run: Run) -> CallTiming:
        events.append("run")
        return CallTiming(1.0, [1.0], 1.0)

    monkeypatch.setattr("bench.measure.repetition.read_counters", read)
    sample = sampler(stopwatch, threads=1)(lambda mark=no_mark: torch.zeros(1))
    assert events == ["read", "run", "read"]
    assert sample.contention.wall_s == 1.0
