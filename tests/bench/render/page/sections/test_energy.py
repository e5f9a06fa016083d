"""Energy on the page: values of the summary, tables of the report, reasons in their place."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.registry import TABLE1
from bench.render.page.sections.energy import find_energies
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.render.tables.energy import table_rows
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import SETTINGS, complete_run, fail
from tests.bench.render.page.sections.folders import check_chart, rows_of, store

ENTRIES = TABLE1[:3]
WITH_ENERGY = replace(SETTINGS, energy=True)


def failing(records: list[Record]) -> list[Record]:
    reason = "The kernel shows no counter."
    return [fail(r, Status.UNSUPPORTED, reason) if r.job.probe == "energy" else r for r in records]


def test_points_and_tables_are_the_summarys(tmp_path: Path) -> None:
    records = complete_run(ENTRIES, WITH_ENERGY)
    store(tmp_path, RUNS, records)
    (section,) = find_energies(ReportFolder(tmp_path))
    check_chart(section)
    summary = summarize(records)
    assert summary.energy is not None
    rows = rows_of(section, energy="Above idle, training step")
    points = [point for point in summary.energy.points if point.phase == "update"]
    assert [row["value"] for row in rows] == pytest.approx(
        [point.net.value for point in points], rel=5e-4
    )
    assert section.table is not None
    assert section.table[1] == table_rows(summary.phases, summary)


def test_a_run_on_a_gpu_has_a_table_of_its_own_for_it(tmp_path: Path) -> None:
    store(tmp_path, RUNS, complete_run(ENTRIES, WITH_ENERGY.on("cuda")))
    sections = find_energies(ReportFolder(tmp_path))
    assert [section.key for section in sections] == ["energy", "energy-gpu"]
    assert rows_of(sections[0], energy="Inference on the GPU")


def test_without_a_counter_there_is_the_reason_alone(tmp_path: Path) -> None:
    store(tmp_path, RUNS, failing(complete_run(ENTRIES, WITH_ENERGY)))
    (section,) = find_energies(ReportFolder(tmp_path))
    assert section.sentence.startswith("Energy was not measured. The kernel shows no counter.")
    assert (section.chart, section.table) == (None, None)


def test_a_run_that_was_not_to_measure_it_is_none(tmp_path: Path) -> None:
    store(tmp_path, RUNS, complete_run(ENTRIES))
    assert find_energies(ReportFolder(tmp_path)) == []
