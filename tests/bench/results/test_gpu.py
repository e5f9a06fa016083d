"""What is known of calls on a GPU beside their time, from records."""

from dataclasses import replace
from typing import Any

import pytest

from bench.results.gpu import GpuSummary, summarize_gpu
from bench.results.measurements import LatencyTimes, Launches, MemoryPeaks
from bench.results.record import Record, Status
from tests.bench.example_records import fail, make_job, make_record
from tests.bench.example_results import GPU_READING, undisturbed

JOB = make_job(phase="gpu_inference", device="cuda")


def timed(round_index: int, **times: Any) -> Record:
    """A round of three calls; the second waited for a processor."""
    loud = replace(undisturbed(3), wait_s=(0.0, 5.0, 0.0))
    known = LatencyTimes((1.0, 9.0, 1.0), host_times_s=(2.0, 20.0, 2.0), contention=loud)
    return make_record(replace(JOB, round=round_index), replace(known, **times))


def summary_of(*records: Record) -> GpuSummary:
    found = summarize_gpu(records)
    assert found is not None
    return found


def test_the_hosts_time_is_of_the_same_undisturbed_calls() -> None:
    found = summary_of(*(timed(index) for index in range(3)))
    assert found.host is not None
    assert found.host.value == pytest.approx(2.0)
    assert (found.host.n_processes, found.host.n_samples) == (3, 6)
    assert found.cold_cache is None


def test_times_with_a_cold_cache_are_the_middle_over_rounds() -> None:
    found = summary_of(*(timed(i, cold_cache_times_s=(c, c, 9.0)) for i, c in enumerate((2, 3, 4))))
    assert found.cold_cache is not None
    assert found.cold_cache.value == pytest.approx((2 * 3 * 4) ** (1 / 3))  # of logarithms


def test_readings_are_medians_over_processes_and_energy_is_a_difference() -> None:
    records = [
        timed(
            index,
            gpu_before=replace(GPU_READING, total_energy_j=100.0),
            gpu_during=replace(GPU_READING, power_w=power_w, total_energy_j=100.0 + power_w),
            gpu_slowed_by=slowed_by,
        )
        for index, (power_w, slowed_by) in enumerate(
            [(50.0, ()), (70.0, ("power cap",)), (60.0, ("board limit", "power cap"))]
        )
    ]
    found = summary_of(*records)
    assert found.reading("power_w") == 60.0
    assert found.round_energies_j == (50.0, 70.0, 60.0)
    assert found.round_energy_j == 60.0
    assert found.slowed_by == ("board limit", "power cap")


def test_what_the_driver_hides_is_not_known_and_never_0() -> None:
    found = summary_of(timed(0), timed(1, gpu_during=replace(GPU_READING, power_w=None)))
    assert found.reading("power_w") is None
    assert (found.round_energies_j, found.round_energy_j) == ((), None)


def test_memory_and_launches_are_the_newest() -> None:
    peaks, launches = MemoryPeaks(5, 1, 0, 0, 4), Launches(1.0, 7, 0.5)
    found = summary_of(
        make_record(replace(JOB, probe="memory"), replace(peaks, peak_allocated_bytes=1)),
        make_record(replace(JOB, probe="memory"), peaks),
        make_record(replace(JOB, probe="launches"), launches),
    )
    assert (found.memory, found.launches, found.host) == (peaks, launches, None)


def test_where_everything_failed_nothing_is_known() -> None:
    assert summarize_gpu([fail(timed(0), Status.OOM, "Full.")]) is None
    assert summarize_gpu([]) is None
