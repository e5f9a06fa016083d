"""The latency of a network: what is timed, what is apart, and what is looked at meanwhile."""

from itertools import chain, repeat
from types import SimpleNamespace

import pytest
import torch

from bench.machine.gpu import Gpu
from bench.measure.probes import latency
from bench.measure.probes.latency import measure, watch_clock
from bench.measure.repetition import Sample
from bench.measure.step import no_mark
from bench.measure.stopwatch import CallTiming
from bench.results.record import CellError
from tests import fault_models
from tests.bench.example_records import make_job
from tests.bench.measure.clock import QUIET, Clock


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
    sample = Sample(CallTiming(1.0, [1.0], 1.25), QUIET)
    take = watch_clock(lambda run: sample, Gpu(nvml, None), slowed_by)
    for _ in range(81):
        assert take(lambda mark=no_mark: torch.zeros(1)) is sample
    assert len(looks) == 5
    assert slowed_by == {"power cap", "thermal slowdown by the hardware"}


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
    found = measure(fault_models.healthy, make_job(n_samples=20).workload, budget_s)
    assert found.first_time_s == costs_s[0]
    assert found.warmup_times_s == (costs_s[-1],) * n_warmup
    assert found.times_s == (costs_s[-1],) * n_times


def test_an_update_steps_parts_add_up_to_the_whole() -> None:
    workload = make_job(phase="update", n_samples=20).workload
    found = measure(fault_models.healthy, workload, 0.0)
    (whole_s,) = found.times_s
    assert sum(part[0] for part in found.parts_s.values()) == pytest.approx(whole_s)


@pytest.mark.parametrize("threads", [1, 3])
def test_what_disturbed_is_judged_by_the_threads_of_the_workload(threads: int) -> None:
    workload = make_job(n_samples=20, threads=threads).workload
    found = measure(fault_models.healthy, workload, 0.0)
    assert found.series_contention is not None
    assert found.series_contention.threads == threads
    assert [call.threads for call in found.calls] == [threads]


@pytest.mark.cuda
def test_on_a_gpu_they_are_those_of_the_workload_too() -> None:
    workload = make_job(n_samples=20, device="cuda", threads=3).workload
    found = measure(fault_models.healthy, workload, 0.0)
    assert found.series_contention is not None
    assert found.series_contention.threads == 3


def test_estimates_are_checked_in_the_first_call() -> None:
    with pytest.raises(CellError, match="NaN or Inf"):
        measure(fault_models.returns_nan, make_job(n_samples=20).workload, 1.0)
