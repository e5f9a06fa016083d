"""Timing with a clock of its own: what is run, what is kept and when it stops, to the call."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, repeat
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from bench.machine.contention import Contention, Counters, read_counters
from bench.machine.gpu import Gpu
from bench.measure.probes import latency
from bench.measure.probes.latency import (
    Sample,
    StopRule,
    is_precise,
    is_stable,
    measure,
    sampler,
    time_repeatedly,
    watch_clock,
)
from bench.measure.step import PARTS, Run, no_mark
from bench.measure.stopwatch import Timing
from bench.results.record import CellError
from tests import fault_models
from tests.bench.example_records import make_job

costs = st.floats(0.001, 10.0)


QUIET = Contention(
    wall_s=1.0,
    threads=1,
    n_cpus=2,
    wait_s=0.0,
    involuntary_switches=0,
    others_cpu_s=0.0,
    steal_s=0.0,
    pressure_s=None,
    n_others_running=0,
)
BUSY = replace(QUIET, wait_s=0.5)


class Clock:
    """Takes samples whose runs cost what a list says, the last cost for ever."""

    def __init__(self, costs_s: Iterable[float]) -> None:
        *first, last = costs_s
        self.costs_s: Iterator[float] = chain(first, repeat(last))
        self.n_runs = 0

    def stopwatch(self, run: Run) -> Timing:
        run()
        self.n_runs += 1
        cost_s = next(self.costs_s)
        return Timing(cost_s, [cost_s], cost_s)

    def __call__(self, run: Run) -> Sample:
        return Sample(self.stopwatch(run), QUIET)


def timed(costs_s: Iterable[float], rule: StopRule) -> tuple[list[float], bool, list[float]]:
    clock, calls = Clock(costs_s), [0]

    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        calls[0] += 1
        return torch.zeros(1)

    result = time_repeatedly(run, clock, rule)
    warmup, times = result["warmup_times_s"], result["times_s"]
    assert calls[0] == clock.n_runs == len(warmup) + len(times)  # all that ran is kept
    return warmup, result["is_warmup_stable"], times


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


def stopped_by(costs_s: Iterable[float], rule: StopRule) -> str:
    reason: str = time_repeatedly(lambda mark=no_mark: torch.zeros(1), Clock(costs_s), rule)[
        "stopped_by"
    ]
    return reason


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
            Sample(Timing(1.5, [0.1, 0.2, 0.3, 0.4, 0.5], 1.5), QUIET),
            Sample(Timing(3.0, [0.2, 0.4, 0.6, 0.8, 1.0], 3.0), BUSY),
        ]
    )
    rule = StopRule(4.0, warmup_share=0.0)
    result = time_repeatedly(lambda mark=no_mark: torch.zeros(1), lambda run: next(samples), rule)
    assert result["times_s"] == [1.5, 3.0]
    assert list(result["parts_s"]) == list(PARTS)
    assert result["parts_s"]["backward"] == [0.4, 0.8]
    assert result["contention"]["is_contended"] == [False, True]
    assert result["contention"]["wait_s"] == [0.0, 0.5]
    assert result["contention"]["reasons"] == ["waited 500 ms of 1000 ms for a processor"]
    assert "host_times_s" not in result


def test_a_gpus_clock_has_the_hosts_beside_it() -> None:
    sample = Sample(Timing(1.0, [1.0], 1.25), QUIET)
    result = time_repeatedly(lambda mark=no_mark: torch.zeros(1), lambda run: sample, StopRule(0.5))
    assert (result["times_s"], result["host_times_s"]) == ([1.0], [1.25])


def test_what_lowers_the_gpus_clock_is_looked_for_during_the_series() -> None:
    bits = chain([0x1, 0x4, 0x40], repeat(0x1))  # idle; a power cap; heat; idle
    looks: list[None] = []

    def reasons(handle: None) -> int:
        looks.append(handle)
        return next(bits)

    nvml = SimpleNamespace(
        nvmlDeviceGetCurrentClocksEventReasons=reasons, NVMLError=ArithmeticError
    )
    slowed_by: set[str] = set()
    sample = Sample(Timing(1.0, [1.0], 1.25), QUIET)
    take = watch_clock(lambda run: sample, Gpu(nvml, None), slowed_by)
    for _ in range(81):
        assert take(lambda mark=no_mark: torch.zeros(1)) is sample
    assert len(looks) == 5
    assert slowed_by == {"power cap", "thermal slowdown by the hardware"}


def test_the_kernels_counters_are_read_before_and_after_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []
    counters = read_counters()

    def read() -> Counters:
        events.append("read")
        return counters

    def stopwatch(run: Run) -> Timing:
        events.append("run")
        return Timing(1.0, [1.0], 1.0)

    monkeypatch.setattr("bench.measure.probes.latency.read_counters", read)
    sample = sampler(stopwatch, threads=1)(lambda mark=no_mark: torch.zeros(1))
    assert events == ["read", "run", "read"]
    assert sample.contention.wall_s == 1.0


@pytest.mark.parametrize(
    ("costs_s", "budget_s", "n_warmup", "n_times"),
    [([2, 1], 12.0, 3, 7), ([20, 1], 12.0, 0, 1), ([1], 0.0, 0, 1)],
)
def test_the_first_call_is_apart_and_paid_from_the_budget(
    monkeypatch: pytest.MonkeyPatch,
    costs_s: list[float],
    budget_s: float,
    n_warmup: int,
    n_times: int,
) -> None:
    monkeypatch.setattr(latency, "time_on_host", Clock(costs_s).stopwatch)
    result = measure(fault_models.healthy, make_job(n_samples=20).workload, budget_s)
    assert result["first_time_s"] == costs_s[0]
    assert result["warmup_times_s"] == [costs_s[-1]] * n_warmup
    assert result["times_s"] == [costs_s[-1]] * n_times


def test_an_update_steps_parts_add_up_to_the_whole() -> None:
    workload = make_job(phase="update", n_samples=20).workload
    result = measure(fault_models.healthy, workload, 0.0)
    (whole_s,) = result["times_s"]
    assert sum(part[0] for part in result["parts_s"].values()) == pytest.approx(whole_s)


def test_estimates_are_checked_in_the_first_call() -> None:
    with pytest.raises(CellError, match="NaN or Inf"):
        measure(fault_models.returns_nan, make_job(n_samples=20).workload, 1.0)
