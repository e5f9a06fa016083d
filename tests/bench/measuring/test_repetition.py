"""Warm-up, turns and samples, with a clock of its own: what is run, what is kept, to the call."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bench.machine.contention import Counters, read_counters
from bench.measuring import repetition
from bench.measuring.repetition import (
    LEAST_CALLS,
    MOST_CALLS,
    STABLE_WITHIN,
    TURN_S,
    WARMUP_S,
    CallSeries,
    Sample,
    calls_in_turn,
    is_stable,
    sampler,
    warm_up,
)
from bench.measuring.step import PARTS, Run, no_mark
from bench.measuring.stopwatch import CallTiming
from bench.results.measurements import LatencyTimes
from tests.bench.measuring.clock import QUIET, Clock

costs = st.floats(0.001, 1.0)
BUSY = replace(QUIET, wait_s=0.5)
KNOWN = LatencyTimes((), first_time_s=0.25, load_s=1.5)


def nothing(mark: Callable[[], None] = no_mark) -> Tensor:
    return torch.zeros(1)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_reading_the_clocks_is_no_part_of_a_call(
    n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call of 50 us, and 6 us around it, of which one thread uses 5."""
    walls_s, used_s = iter((1.0, 1.0 + 56e-6)), iter((3.0, 3.0 + 55e-6 + (n_threads - 1) * 50e-6))
    clocks = SimpleNamespace(perf_counter=lambda: next(walls_s), process_time=lambda: next(used_s))
    monkeypatch.setattr(repetition, "time", clocks)
    sample = sampler(lambda run: CallTiming(50e-6, [50e-6], 50e-6), threads=1)(nothing)
    assert sample.processor_s == pytest.approx(n_threads * 50e-6 - 1e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("costs_s", "expected"),
    [
        ([0.01], [0.01] * 3),  # steady from the start
        ([0.04, 0.02, 0.01], [0.04, 0.02, 0.01, 0.01, 0.01]),  # slow at first
        ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]),  # never steady: until the time is spent
        ([0.7], [0.7] * 2),  # one call would spend it, and the second may still be slow
        ([3.0, 1.0], [3.0]),  # long enough
        ([1.0, 3.0], [1.0, 3.0]),
    ],
)
def test_every_call_of_a_warm_up(costs_s: list[float], expected: list[float]) -> None:
    assert warm_up(nothing, Clock(costs_s)) == expected


@pytest.mark.parametrize(
    ("costs_s", "expected"),
    [
        ([4.0], [4.0] * 3),  # each is longer than the time there is
        ([0.1], [0.1] * 3),  # steady from the start
        ([0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2]),  # the least, and the time is spent
        ([0.04, 0.02, 0.01], [0.04, 0.02, 0.01, 0.01, 0.01]),
    ],
)
def test_on_a_gpu_three_calls_warm_up_at_least(costs_s: list[float], expected: list[float]) -> None:
    assert warm_up(nothing, Clock(costs_s), is_on_gpu=True) == expected


@given(st.lists(costs, min_size=1, max_size=50))
def test_a_warm_up_ends_when_it_is_stable_or_enough_of_its_time_is_spent(
    costs_s: list[float],
) -> None:
    """No call of these is a long one."""
    found = warm_up(nothing, Clock(costs_s))
    assert len(found) >= LEAST_CALLS
    assert sum(found) >= WARMUP_S or is_stable(found)
    for length in range(LEAST_CALLS, len(found)):
        assert sum(found[:length]) < WARMUP_S
        assert not is_stable(found[:length])


@given(st.lists(costs, max_size=6))
def test_stable_is_three_calls_that_agree(times_s: list[float]) -> None:
    last = times_s[-3:]
    edge = 1 + STABLE_WITHIN
    agree = len(last) == 3 and all(a <= edge * b for a in last for b in last)
    if all(abs(a - edge * b) > 1e-9 for a in last for b in last):  # not on the edge itself
        assert is_stable(times_s) == agree


@given(st.floats(1e-7, 100.0))
def test_a_turn_is_one_call_or_as_many_short_ones_as_fill_it(call_s: float) -> None:
    n_calls = calls_in_turn(call_s)
    assert 1 <= n_calls <= MOST_CALLS
    assert n_calls == 1 or (n_calls - 1) * call_s < TURN_S
    assert n_calls == MOST_CALLS or n_calls * call_s >= TURN_S


def test_parts_contention_faults_and_turns_are_kept_call_by_call() -> None:
    series = CallSeries()
    series.add(Sample(CallTiming(1.5, [0.1, 0.2, 0.3, 0.4, 0.5], 1.5), QUIET, 7), 3)
    series.add(Sample(CallTiming(3.0, [0.2, 0.4, 0.6, 0.8, 1.0], 3.0), BUSY, 11), 5)
    found = series.added_to(KNOWN)
    assert (found.times_s, found.turns, found.page_faults) == ((1.5, 3.0), (3, 5), (7, 11))
    assert list(found.parts_s) == list(PARTS)
    assert found.parts_s["backward"] == (0.4, 0.8)
    assert found.calls == [replace(QUIET, wall_s=1.5), replace(BUSY, wall_s=3.0)]
    assert found.undisturbed_s == [1.5]
    assert found.host_times_s is None
    assert (found.first_time_s, found.load_s) == (0.25, 1.5)


def test_a_gpus_clock_has_the_hosts_beside_it() -> None:
    """And a call's contention is over the host's time, in which the counters were read."""
    series = CallSeries()
    contention = replace(QUIET, wall_s=1.25)
    series.add(Sample(CallTiming(1.0, [1.0], 1.25), contention, 0), 0)
    found = series.added_to(KNOWN)
    assert (found.times_s, found.host_times_s) == ((1.0,), (1.25,))
    assert found.parts_s == {}
    assert found.calls == [contention]


def test_the_kernels_counters_are_read_before_and_after_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []
    counters, faults = read_counters(), iter([100, 142])

    def read() -> Counters:
        events.append("read")
        return counters

    def stopwatch(run: Run) -> CallTiming:
        events.append("run")
        return CallTiming(1.0, [1.0], 1.0)

    monkeypatch.setattr("bench.measuring.repetition.read_counters", read)
    monkeypatch.setattr("bench.measuring.repetition._page_faults", lambda: next(faults))
    sample = sampler(stopwatch, threads=1)(nothing)
    assert events == ["read", "run", "read"]
    assert sample.contention.wall_s == 1.0
    assert sample.page_faults == 42


def test_page_faults_are_those_of_pages_that_were_never_touched() -> None:
    """A mapping of its own, written to page by page."""
    import mmap

    n_pages = 300

    def touch(mark: Callable[[], None] = no_mark) -> Tensor:
        with mmap.mmap(-1, n_pages * mmap.PAGESIZE) as pages:
            pages.madvise(mmap.MADV_NOHUGEPAGE)
            for page in range(n_pages):
                pages[page * mmap.PAGESIZE] = 1
        return torch.zeros(1)

    def stopwatch(run: Run) -> CallTiming:
        run()
        return CallTiming(1.0, [1.0], 1.0)

    assert n_pages <= sampler(stopwatch, threads=1)(touch).page_faults <= 2 * n_pages
