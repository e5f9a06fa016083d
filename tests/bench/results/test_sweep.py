"""Cells from records: what belongs together, and what was not measured."""

from dataclasses import replace

import pytest

from bench.errors import UsageError
from bench.registry import NULL
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status, results_of
from bench.results.sweep import Key, SweepCell, along, collect_cells, invert, scale, varied_fields
from bench.results.timing import DoubtKind
from tests.bench.example_records import (
    environment,
    make_job,
    make_latency,
    make_record,
    make_rounds,
)
from tests.bench.made_up_sweep import (
    FREE_BYTES,
    NETWORKS,
    Grid,
    described,
    is_of,
    make_peaks,
    make_sweep,
    without_result,
)

SMALL = Grid(models=("conv",), lengths=(8000, 16000), batches=(1, 2), threads=(1, 2))


def one_cell(records: list[Record], **settings: object) -> SweepCell:
    (cell,) = (
        cell
        for cell in collect_cells(records)
        if all(getattr(cell.key, name) == value for name, value in settings.items())
    )
    return cell


def test_there_is_a_cell_for_each_point_of_the_grid() -> None:
    cells = collect_cells(make_sweep(SMALL))
    keys = [cell.key for cell in cells]
    assert keys == [
        Key("conv", "inference", "cpu", "float32", threads, batch, n_samples)
        for threads in (1, 2)
        for batch in (1, 2)
        for n_samples in (8000, 16000)
    ]
    assert all(cell.status == Status.OK for cell in cells)


def test_a_cell_has_what_each_probe_found() -> None:
    cell = one_cell(make_sweep(SMALL), n_samples=16000, batch=2, threads=1)
    costs = NETWORKS["conv"]
    assert cell.time is not None
    assert cell.time.value == pytest.approx(costs.latency_s(16000, 2, 1), rel=0.05)
    assert (cell.time.n_processes, cell.time.n_samples) == (3, 15)
    assert cell.process_bytes == costs.process_bytes(16000, 2) == 410_000_000
    assert cell.allocated_bytes == 210_000_000
    assert cell.macs == 2 * (12_345 + 16_000_000)
    assert cell.forecast is not None
    assert cell.forecast.available_bytes == FREE_BYTES
    assert cell.process_error == pytest.approx(0.02)
    assert cell.allocated_error == pytest.approx((1.02 * 410 - 200) / 210 - 1)


def test_rates_are_of_one_mixture() -> None:
    """Two mixtures of 2 s in 0.4 s."""
    job = make_job(n_samples=16000, batch=2)
    (cell,) = collect_cells(make_rounds([[0.4] * 5, [0.2] * 5, [0.8] * 5], job))
    rates = cell.time_per_mixture, cell.real_time_factor, cell.throughput
    assert [rate.value for rate in rates if rate] == pytest.approx([0.2, 0.1, 5.0])
    assert cell.throughput is not None
    assert cell.time is not None
    assert cell.throughput.seen == pytest.approx((2 / 0.8, 2 / 0.2))
    assert cell.throughput.interval is not None
    assert cell.time.interval is not None
    assert cell.throughput.interval.low == pytest.approx(2 / cell.time.interval.high)


def test_inverting_and_scaling_keep_what_a_value_rests_on() -> None:
    (cell,) = collect_cells(make_rounds([[0.4] * 5, [0.39] * 5, [0.41] * 5]))
    time = cell.time
    assert time is not None
    for changed in (scale(time, 3.0), invert(time, 3.0)):
        assert (changed.n_processes, changed.n_samples) == (3, 15)
        assert changed.is_trusted == time.is_trusted
        assert changed.interval is not None
        assert changed.interval.low < changed.value < changed.interval.high
    assert invert(invert(time, 3.0), 3.0).value == pytest.approx(time.value)


def test_a_count_is_of_all_threads_wherever_it_was_made() -> None:
    records = [
        record
        for record in make_sweep(SMALL)
        if record.job.probe != "operations" or record.job.workload.threads == 1
    ]
    cells = collect_cells(records)
    assert len(cells) == 8
    assert all(cell.macs for cell in cells)


def test_a_count_alone_is_a_cell_where_nothing_else_has_its_size() -> None:
    records = [record for record in make_sweep(SMALL) if record.job.probe == "operations"]
    assert {cell.key.n_samples for cell in collect_cells(records)} == {8000, 16000}


def test_a_forecast_that_began_after_its_measurement_is_none() -> None:
    records = [
        replace(record, started_at="2030-01-01T00:00:00+00:00")
        if is_of(record, "conv", "forecast", 8000)
        else record
        for record in make_sweep(SMALL)
    ]
    for cell in collect_cells(records):
        assert (cell.forecast is None) == (cell.key.n_samples == 8000)


def test_a_probe_that_failed_is_named_and_the_others_stay() -> None:
    records = [
        without_result(record, Status.OOM, "Refused.")
        if is_of(record, "conv", "memory", 16000, batch=2, threads=2)
        else record
        for record in make_sweep(SMALL)
    ]
    cell = one_cell(records, n_samples=16000, batch=2, threads=2)
    assert (cell.status, cell.process_bytes) == (Status.OOM, None)
    assert [(f.probe, f.reason) for f in cell.failures] == [("memory", "Refused.")]
    assert cell.time is not None
    assert cell.forecast is not None


def test_some_failed_rounds_are_a_doubt_and_no_failure() -> None:
    records = make_rounds([[0.4] * 5, [0.4] * 5, [0.4] * 5])
    records[2] = without_result(records[2], Status.KILLED, "Killed.")
    (cell,) = collect_cells(records)
    assert cell.status == Status.OK
    assert cell.timing is not None
    doubt = next(d for d in cell.timing.doubts if d.kind == DoubtKind.ROUNDS_FAILED)
    assert (doubt.n, doubt.of, doubt.causes) == (1, 3, ("Killed.",))


def test_the_newest_record_of_a_cell_counts() -> None:
    old = make_rounds([[9.0] * 5])[0]
    failed = without_result(old, Status.INTERRUPTED, "Stopped.")
    (cell,) = collect_cells([failed, make_rounds([[0.5] * 5])[0]])
    assert cell.time is not None
    assert cell.time.value == 0.5


def test_the_harness_itself_is_no_cell() -> None:
    assert collect_cells([make_latency(1.0, model=NULL.name)]) == ()


def test_records_of_two_machines_are_refused() -> None:
    records = make_sweep(SMALL)
    elsewhere = described(records[:1], environment(machine={"cpu": "Another CPU"}))
    with pytest.raises(UsageError, match="different machines"):
        collect_cells([*elsewhere, *records])


def test_energy_is_of_a_mixture_of_the_timed_calls() -> None:
    grid = replace(SMALL, phase="gpu_inference", device="cuda", threads=(1,))
    cells = collect_cells(make_sweep(grid))
    assert [cell.energy_j for cell in cells] == pytest.approx([2.0] * len(cells))


def test_energy_is_not_told_of_processes_that_were_timed_together() -> None:
    grid = replace(SMALL, phase="gpu_inference", device="cuda", threads=(1,))
    records = make_sweep(grid)
    timed = [record for record, _ in results_of(LatencyTimes, records)]
    together = [
        replace(record, started_at=timed[0].started_at) if record in timed else record
        for record in records
    ]
    assert [cell.energy_j for cell in collect_cells(together)] == [None] * 4


def test_cells_along_a_setting_share_all_others() -> None:
    groups = along(collect_cells(make_sweep(SMALL)), "batch")
    assert len(groups) == 4
    for key, group in groups.items():
        assert key.batch == 0
        assert [cell.key.batch for cell in group] == [1, 2]
        assert {cell.key._replace(batch=0) for cell in group} == {key}


def test_a_label_says_what_varies() -> None:
    assert varied_fields(collect_cells(make_sweep(SMALL))) == ["batch", "threads"]


def test_a_cell_without_a_forecast_is_measured_all_the_same() -> None:
    records = [
        without_result(record, Status.UNSUPPORTED, "It needs data.")
        if is_of(record, "conv", "forecast", 8000, batch=1, threads=1)
        else record
        for record in make_sweep(SMALL)
    ]
    cell = one_cell(records, n_samples=8000, batch=1, threads=1)
    assert cell.status == Status.OK
    assert [failure.probe for failure in cell.failures] == ["forecast"]
    assert cell.process_error is None


def test_memory_on_a_gpu_is_the_drivers_or_what_the_allocator_took() -> None:
    job = make_job("conv", "memory", "gpu_inference", device="cuda")
    told = make_peaks(500_000_000, "cuda")
    hidden = replace(told, process_bytes=None, peak_reserved_bytes=400_000_000)
    for peaks, expected in ((told, 500_000_000), (hidden, 400_000_000)):
        (cell,) = collect_cells([make_record(job, peaks)])
        assert cell.process_bytes == expected
