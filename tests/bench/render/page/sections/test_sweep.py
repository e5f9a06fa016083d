"""Sweeps: every cell is a mark or has a reason, and curves are those of the summary."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.registry import SAMPLE_RATE
from bench.render.page.section import Section
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.sweep import MEMORY, TIME, find_sweeps
from bench.render.tables.sweep_answers import format_longest
from bench.results.growth import Growth
from bench.results.record import Record, Status
from bench.results.sweep_answers import summarize_sweep
from tests.bench.example_records import fail, make_job, make_record
from tests.bench.made_up_sweep import Grid, is_of, make_sweep, make_times, without_result
from tests.bench.render.page.sections.folders import (
    check_chart,
    find_one,
    rows_of,
    store,
    table_of,
)

GRID = Grid(lengths=(4000, 8000, 16000, 32000), batches=(1, 2))
NAMES = ("conv", "attentive")


def find(records: list[Record], folder: Path) -> list[Section]:
    store(folder, "sweep", records)
    return find_sweeps(ReportFolder(folder))


def test_every_cell_is_a_mark_with_the_summarys_values(tmp_path: Path) -> None:
    records = make_sweep(GRID)
    section, _ = find(records, tmp_path)
    check_chart(section)
    cells = summarize_sweep(NAMES, records).cells
    for cell in cells:
        where: dict[str, object] = {"network": cell.key.model, "setting": f"batch {cell.key.batch}"}
        where |= {"seconds": cell.duration_s}
        (time,) = rows_of(section, cost=TIME, **where)
        (memory,) = rows_of(section, cost=MEMORY, **where)
        assert cell.time is not None
        assert time["value"] == pytest.approx(cell.time.value, rel=5e-4)
        assert (time["low"], time["high"]) == pytest.approx(cell.time.span, rel=5e-4)
        assert memory["value"] == pytest.approx(cell.process_bytes, rel=5e-4)
    assert len(rows_of(section)) == 2 * len(cells) + 2 * 4  # a curve for each cost and setting


def test_a_curve_is_that_of_the_summary_in_seconds(tmp_path: Path) -> None:
    records = make_sweep(GRID)
    section, _ = find(records, tmp_path)
    for key, growth in summarize_sweep(NAMES, records).times.items():
        assert isinstance(growth, Growth)
        rows = rows_of(section, cost=TIME, network=key.model, setting=f"batch {key.batch}")
        (row,) = (row for row in rows if "exponent" in row)
        assert (row["first"], row["last"]) == (0.5, 4)
        for seconds in (0.5, 1.7, 4.0):
            drawn = row["fixed"] + row["factor"] * seconds ** row["exponent"]
            expected = growth.curve.at(seconds * SAMPLE_RATE)
            assert drawn == pytest.approx(expected, rel=2e-3)


def test_growth_and_real_time_factors_are_tables(tmp_path: Path) -> None:
    growth, real_time = find(make_sweep(GRID), tmp_path)
    row = table_of(growth)[0]
    assert (row["Network"], row["Setting"]) == ("conv", "batch 1")
    assert row["Time of a call: in a word"] == "linear"
    longest = summarize_sweep(NAMES, make_sweep(GRID)).longest()
    fits = {(item.key.model, item.key.batch): format_longest(item)[0] for item in longest}
    assert row["Longest audio that fits"] == fits["conv", 1]
    assert real_time.key == "sweep-real-time"
    assert real_time.chart is None
    assert len(table_of(real_time)) == 2


def test_cells_without_a_value_have_their_reason(tmp_path: Path) -> None:
    reason = "It would need 9.0 GB and 6.0 GB are free."
    records = [
        without_result(record, Status.SKIPPED, reason)
        if record.job.workload.n_samples == 32000 and record.job.probe in ("memory", "latency")
        else record
        for record in make_sweep(GRID)
    ]
    sections = find(records, tmp_path)
    assert not rows_of(sections[0], seconds=4)
    assert {row["4 s"] for row in table_of(find_one(sections, "sweep-real-time"))} == {"skipped"}
    missing = table_of(find_one(sections, "sweep-missing"))
    assert len(missing) == 4  # networks and batches
    assert {row["Reason"] for row in missing} == {reason}
    assert {row["Probe"] for row in missing} == {"memory, latency"}


def test_a_network_that_broke_its_contract_is_named(tmp_path: Path) -> None:
    broken = fail(make_record(make_job("attentive", "contract")), Status.BAD_SHAPE, "Wrong shape.")
    records = [broken, *make_sweep(replace(GRID, models=("conv",)))]
    (row,) = table_of(find_one(find(records, tmp_path), "sweep-missing"))
    assert (row["Model"], row["Status"], row["Reason"]) == (
        "attentive",
        "bad_shape",
        "Wrong shape.",
    )


def test_only_a_cell_that_leaves_the_curve_has_a_ring(tmp_path: Path) -> None:
    records = [
        replace(record, result=make_times([2.0, 2.01, 2.02, 2.0, 2.01]))
        if is_of(record, "conv", "latency", 32000)
        else record
        for record in make_sweep(Grid(models=("conv",)))
    ]
    section, _ = find(records, tmp_path)
    assert [(row["cost"], row["seconds"]) for row in rows_of(section, is_far=True)] == [(TIME, 4)]


def test_too_few_processes_are_ranges(tmp_path: Path) -> None:
    section, _ = find(make_sweep(replace(GRID, n_rounds=2)), tmp_path)
    times = [row for row in rows_of(section, cost=TIME) if "value" in row]
    assert all(row["noisy"] and "noisy" in row["text"] for row in times)


def test_of_nothing_there_is_none(tmp_path: Path) -> None:
    assert find_sweeps(ReportFolder(tmp_path)) == []
