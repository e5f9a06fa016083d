"""Timing with a clock of its own: what is run, what is kept and when it stops, to the call."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.contract import CellError
from bench.measure.probes import latency
from bench.measure.probes.latency import StopRule, host_timer, is_stable, measure, time_repeatedly
from tests import fault_models
from tests.bench.example_records import make_job

costs = st.floats(0.001, 10.0)


class Clock:
    """A timer whose runs cost what a list says, the last cost for ever."""

    def __init__(self, costs_s: Iterable[float]) -> None:
        *first, last = costs_s
        self.costs_s: Iterator[float] = chain(first, repeat(last))
        self.n_runs = 0

    def __call__(self, run: Callable[[], object]) -> float:
        run()
        self.n_runs += 1
        return next(self.costs_s)


def timed(costs_s: Iterable[float], rule: StopRule) -> tuple[list[float], bool, list[float]]:
    clock, calls = Clock(costs_s), [0]

    def run() -> None:
        calls[0] += 1

    result = time_repeatedly(run, clock, rule)
    warmup, times = result["warmup_times_s"], result["times_s"]
    assert calls[0] == clock.n_runs == len(warmup) + len(times)  # all that ran is kept
    return warmup, result["is_warmup_stable"], times


CASES: dict[str, tuple[list[float], float, list[float], bool, list[float]]] = {
    # name: (costs, budget, warm-up, whether it was stable, times)
    "steady from the start": ([1.0], 8.0, [1.0] * 3, True, [1.0] * 5),
    "slow at first": ([4.0, 2.0, 1.0], 40.0, [4.0, 2.0, 1.0, 1.0, 1.0], True, [1.0] * 31),
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


def test_free_calls_end_at_the_largest_number() -> None:
    warmup, is_warm, times = timed([0.0], StopRule(1.0, max_repeats=17))
    assert (warmup, is_warm, len(times)) == ([0.0] * 3, True, 17)


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
    if len(times) < 30:
        assert sum(warmup) + sum(times) >= budget_s
    assert is_warm == is_stable(warmup, rule)


@given(st.lists(costs, max_size=6))
def test_stable_is_three_calls_that_agree(times_s: list[float]) -> None:
    last = times_s[-3:]
    agree = len(last) == 3 and all(a <= 1.05 * b for a in last for b in last)
    if all(abs(a - 1.05 * b) > 1e-9 for a in last for b in last):  # not on the edge itself
        assert is_stable(times_s, StopRule(1.0)) == agree


def test_the_hosts_timer_runs_once_and_reads_the_clock_around_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[object] = []
    ticks = iter([10.0, 12.5])

    def tick() -> float:
        events.append("tick")
        return next(ticks)

    monkeypatch.setattr("bench.measure.probes.latency.time.perf_counter", tick)
    assert host_timer(lambda: events.append("run")) == 2.5
    assert events == ["tick", "run", "tick"]


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
    monkeypatch.setattr(latency, "host_timer", Clock(costs_s))
    result = measure(fault_models.healthy, make_job(n_samples=20).workload, budget_s)
    assert result["first_time_s"] == costs_s[0]
    assert result["warmup_times_s"] == [costs_s[-1]] * n_warmup
    assert result["times_s"] == [costs_s[-1]] * n_times


def test_estimates_are_checked_in_the_first_call() -> None:
    with pytest.raises(CellError, match="NaN or Inf"):
        measure(fault_models.returns_nan, make_job(n_samples=20).workload, 1.0)
