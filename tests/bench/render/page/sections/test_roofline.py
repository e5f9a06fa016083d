"""Rooflines: points and ceilings of the summary, and where ceilings meet."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.registry import TABLE1
from bench.render.page.section import Section
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.render.page.sections.roofline import find_rooflines
from bench.results.record import Record, Status
from bench.results.roofline import find_roofline
from tests.bench.example_records import SETTINGS, complete_run, fail
from tests.bench.render.page.sections.folders import check_chart, rows_of, store, table_of

ENTRIES = TABLE1[:3]
RECORDS = complete_run(ENTRIES, replace(SETTINGS, roofline=True))


def find(records: list[Record], folder: Path) -> Section:
    store(folder, RUNS, records)
    section, _ = find_rooflines(ReportFolder(folder))
    check_chart(section)
    return section


def roofs_of(section: Section) -> dict[str, dict[str, Any]]:
    chart: Any = section.chart
    rows = chart["layer"][0]["data"]["values"]
    return {row["roof"].partition(":")[0]: row for row in rows}


def test_points_are_the_summarys(tmp_path: Path) -> None:
    rows = rows_of(find(RECORDS, tmp_path))
    roofline = find_roofline(RECORDS)
    assert roofline is not None
    assert len(rows) == len(ENTRIES)
    for row, point in zip(rows, roofline.points, strict=True):
        assert row["intensity"] == pytest.approx(point.intensity, rel=5e-4)
        assert row["value"] == pytest.approx(point.rate.value, rel=5e-4)
        assert row["floor_value"] == pytest.approx(point.floor_rate.value, rel=5e-4)


def test_slopes_rise_with_intensity_and_end_at_the_highest_ceiling(tmp_path: Path) -> None:
    section = find(RECORDS, tmp_path)
    roofs = roofs_of(section)
    for name, rate in (("products, float32", 1e11), ("products, bfloat16", 2e11)):
        assert roofs[name]["bottom"] == roofs[name]["top"] == rate
    for name, bandwidth in (
        ("data in memory (128 MiB)", 1e10),
        ("data in a cache (0.25 MiB)", 5e10),
    ):
        slope = roofs[name]
        assert slope["bottom"] == pytest.approx(bandwidth * slope["left"], rel=1e-3)
        assert slope["top"] == pytest.approx(bandwidth * slope["right"], rel=1e-3)
        assert slope["top"] == 2e11
    left, right = min(r["left"] for r in roofs.values()), max(r["right"] for r in roofs.values())
    assert all(left < row["intensity"] < right for row in rows_of(section))


def test_ceilings_and_cells_are_those_of_the_report(tmp_path: Path) -> None:
    store(tmp_path, RUNS, RECORDS)
    networks, ceilings = find_rooflines(ReportFolder(tmp_path))
    assert table_of(ceilings)[0] == {
        "Ceiling": "Product of large matrices, float32",
        "Measured": "100 GFLOP/s ± 0.0 %",
    }
    for row in table_of(networks):
        assert row["Of the product ceiling"] == "40%"
        assert row["Times the floor"].startswith("2.02 ± ")


def test_a_network_without_ceilings_is_named(tmp_path: Path) -> None:
    records = [
        fail(one, Status.ERROR, "No such product")
        if (one.job.model, one.job.probe) == (ENTRIES[1].name, "ceilings")
        else one
        for one in RECORDS
    ]
    section = find(records, tmp_path)
    assert "has no ceilings. error: No such product. From" in section.sentence
    assert len(rows_of(section)) == len(ENTRIES) - 1


def test_too_few_rounds_are_ranges(tmp_path: Path) -> None:
    rows = rows_of(find([record for record in RECORDS if record.job.round == 0], tmp_path))
    assert all(row["noisy"] and row["low"] < row["value"] < row["high"] for row in rows)


def test_a_run_without_ceilings_has_none(tmp_path: Path) -> None:
    store(tmp_path, RUNS, complete_run(ENTRIES))
    assert find_rooflines(ReportFolder(tmp_path)) == []
