"""The latency of a network: what is timed, what is apart, and what is looked at meanwhile."""

from dataclasses import replace
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any, Self

import pytest
import torch
from torch import nn

from bench.machine.gpu import Gpu
from bench.measuring.probes import latency
from bench.measuring.probes.latency import TimedStep, measure_thread_gain, watch_clock
from bench.measuring.repetition import LEAST_CALLS, Sample, calls_in_turn
from bench.measuring.step import Run, no_mark, prepare_step
from bench.measuring.stopwatch import CallTiming
from bench.results.measurements import LatencyTimes
from bench.results.record import CellError, Status
from bench.results.workload import Phase
from tests import fault_models
from tests.bench.example_records import make_job
from tests.bench.measuring.clock import QUIET, Clock
from tests.simulated_cuda.fixtures import a_gpu_fixture as a_gpu_fixture


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
    sample = Sample(CallTiming(1.0, [1.0], 1.25), QUIET, 0)
    take = watch_clock(lambda run: sample, Gpu(nvml, None), slowed_by)
    for _ in range(81):
        assert take(lambda mark=no_mark: torch.zeros(1)) is sample
    assert len(looks) == 5
    assert slowed_by == {"power cap", "thermal slowdown by the hardware"}


def timed(step: TimedStep, n_turns: int = 1) -> LatencyTimes:
    """A step after some turns."""
    for turn in range(n_turns):
        step.take_turn(turn)
    return step.finish("budget", 0.5)


@pytest.mark.parametrize(
    ("costs_s", "n_warmup"), [([0.2, 0.1], 3), ([20, 1], 2), ([0.001, 0.002], 3)]
)
def test_the_first_call_and_the_warm_up_are_apart(
    monkeypatch: pytest.MonkeyPatch, costs_s: list[float], n_warmup: int
) -> None:
    monkeypatch.setattr(latency, "time_on_host", Clock(costs_s).stopwatch)
    step = TimedStep(
        fault_models.healthy, make_job(n_samples=20, threads=torch.get_num_threads()).workload
    )
    found = timed(step, n_turns=2)
    n_calls = calls_in_turn(min(costs_s))
    assert found.first_time_s == costs_s[0]
    assert found.warmup_times_s == (costs_s[-1],) * n_warmup
    assert found.times_s == (costs_s[-1],) * 2 * n_calls
    assert found.turns == (0,) * n_calls + (1,) * n_calls
    assert (found.stopped_by, found.waited_s) == ("budget", 0.5)
    assert found.load_s is not None
    assert found.load_s > 0


class OnNoDevice(nn.Conv1d):
    """Stays where it is, whatever device it is sent to."""

    def to(self, *place: Any, **options: Any) -> Self:
        return self


def on_no_device() -> nn.Module:
    return OnNoDevice(1, 2, 3, padding=1)


@pytest.mark.parametrize("phase", ["inference", "update"])
def test_on_a_gpu_no_first_call_leaves_a_process_without_warm_up(
    monkeypatch: pytest.MonkeyPatch, phase: Phase
) -> None:
    """On a clock in the place of events; the first call loads libraries for four seconds."""
    clock = Clock([4.0, 0.3, 0.2, 0.1])
    monkeypatch.setattr(latency, "time_on_cuda", clock.stopwatch)
    monkeypatch.setattr(latency, "open_own_gpu", lambda: None)
    monkeypatch.setattr(latency, "time_with_cold_cache", lambda run, stopwatch: (0.2,))
    monkeypatch.setattr(
        latency, "prepare_step", lambda model, workload: prepare_step(model, workload, "cpu")
    )
    threads = torch.get_num_threads()
    workload = make_job(phase=phase, n_samples=20, threads=threads, device="cuda").workload
    found = timed(TimedStep(on_no_device, workload), n_turns=4)
    assert (found.first_time_s, found.warmup_times_s) == (4.0, (0.3, 0.2, 0.1))
    assert found.times_s == (0.1,) * 4
    assert found.cold_cache_times_s == (0.2,)


def test_training_that_leaves_nan_after_a_finite_loss_is_found() -> None:
    workload = make_job(phase="update", n_samples=20, threads=torch.get_num_threads()).workload
    step = TimedStep(fault_models.trains_to_nan, workload)
    step.take_turn(0)
    with pytest.raises(CellError, match="in the loss and in 3 of 3 parameters") as found:
        step.finish("budget", 0.0)
    assert found.value.status == Status.NON_FINITE


@pytest.mark.parametrize("dtype", ["float32", "amp-bfloat16", "amp-float16"])
def test_training_that_goes_well_passes(dtype: str) -> None:
    threads = torch.get_num_threads()
    workload = make_job(phase="update", n_samples=400, threads=threads, dtype=dtype).workload
    found = timed(TimedStep(fault_models.healthy, workload), n_turns=3)
    assert len(found.parts_s) == 5


def test_a_turn_tells_whether_it_was_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    disturbed = replace(QUIET, wait_s=0.5)
    contentions = iter([*[disturbed] * LEAST_CALLS, QUIET, disturbed])  # warm-up does not count
    clock = Clock([1.0])
    monkeypatch.setattr(latency, "time_on_host", clock.stopwatch)
    monkeypatch.setattr(
        latency,
        "sampler",
        lambda stopwatch, threads: lambda run: Sample(stopwatch(run), next(contentions), 0),
    )
    step = TimedStep(
        fault_models.healthy, make_job(n_samples=20, threads=torch.get_num_threads()).workload
    )
    assert [step.take_turn(turn) for turn in range(2)] == [False, True]


def test_an_update_steps_parts_add_up_to_the_whole() -> None:
    workload = make_job(phase="update", n_samples=20, threads=torch.get_num_threads()).workload
    found = timed(TimedStep(fault_models.healthy, workload))
    sums_s = [sum(parts) for parts in zip(*found.parts_s.values(), strict=True)]
    assert sums_s == pytest.approx(list(found.times_s))


def test_what_disturbed_is_judged_by_the_threads_of_the_workload() -> None:
    threads = torch.get_num_threads()
    workload = make_job(n_samples=20, threads=threads).workload
    found = timed(TimedStep(fault_models.healthy, workload))
    assert {call.threads for call in found.calls} == {threads}


def test_how_much_threads_bring_is_told_where_there_are_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a clock by which each product takes a second over its threads; they are as before then."""
    threads = torch.get_num_threads()

    def time_product(run: Run) -> CallTiming:
        seconds = 1.0 / torch.get_num_threads()
        return CallTiming(seconds, [seconds], seconds)

    monkeypatch.setattr(latency, "time_on_host", time_product)
    assert measure_thread_gain(1) is None
    torch.set_num_threads(3)
    try:
        assert measure_thread_gain(3) == pytest.approx(3.0)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


@pytest.mark.usefixtures("a_gpu")
def test_on_a_gpu_a_turn_of_short_calls_is_a_series() -> None:
    threads = torch.get_num_threads()
    workload = make_job(n_samples=20, device="cuda", threads=threads).workload
    found = timed(TimedStep(fault_models.healthy, workload))
    assert {call.threads for call in found.calls} == {threads}
    assert found.cold_cache_times_s


def test_estimates_are_checked_in_the_first_call() -> None:
    with pytest.raises(CellError, match="NaN or Inf"):
        TimedStep(
            fault_models.returns_nan,
            make_job(n_samples=20, threads=torch.get_num_threads()).workload,
        )


def test_a_forward_that_sets_the_threads_is_found_out() -> None:
    threads = torch.get_num_threads()
    workload = make_job(n_samples=20, threads=threads + 1).workload
    with pytest.raises(CellError, match="set the number of threads"):
        TimedStep(fault_models.healthy, workload)
