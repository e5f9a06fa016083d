"""Layers: the shares of each network's parts, exact counts in words, and what was not counted."""

from pathlib import Path

import pytest

from bench.registry import TABLE1
from bench.render.figures.layers import sum_parts
from bench.render.page.sections.layers import find_layers
from bench.render.page.sections.newest import ReportFolder
from bench.results.measurements import ModuleCounts, ModuleRow
from bench.results.record import Status
from tests.bench.example_records import fail, make_job, make_record
from tests.bench.render.page.sections.folders import check_chart, rows_of, store, table_of

MODULES = (
    ModuleRow("", "Net", "other", 9, 4_000_000, 9_000_000, 0, 1_000_000, 8),
    ModuleRow("a", "Conv1d", "encoder", 5, 1_000_000, 2_000_000, 1_000_000, 2_000_000, 8),
    ModuleRow("b", "Conv1d", "point-wise", 4, 3_000_000, 6_000_000, 3_000_000, 6_000_000, 8),
)
COUNTED = make_record(make_job("dprnn", "layers"), ModuleCounts(MODULES))


def test_shares_are_of_the_summed_parts(tmp_path: Path) -> None:
    store(tmp_path, "operations", [COUNTED])
    (section,) = find_layers(ReportFolder(tmp_path))
    check_chart(section)
    total = sum(sum_parts(MODULES).values())
    found = {row["part"]: row["share"] for row in rows_of(section, network="DPRNN")}
    assert found == {"encoder": 25, "point-wise": 75}
    assert total == MODULES[0].macs
    (row,) = table_of(section)
    assert (row["MACs"], row["FLOPs"], row["encoder"]) == ("4.00 M", "9.00 M", "25.0%")


def test_what_was_not_counted_is_named(tmp_path: Path) -> None:
    failed = fail(make_record(make_job("demucs", "layers")), Status.OOM, "Full.")
    store(tmp_path, "operations", [COUNTED, failed])
    (section,) = find_layers(ReportFolder(tmp_path))
    assert "Not measured: Demucs (layers): oom: Full." in section.sentence
    assert [row["Network"] for row in table_of(section)] == ["DPRNN"]


def test_where_nothing_could_be_counted_the_reasons_stand_alone(tmp_path: Path) -> None:
    broken = fail(make_record(make_job("nets:mine", "contract")), Status.BAD_SHAPE, "Wrong shape.")
    store(tmp_path, "operations", [broken])
    (section,) = find_layers(ReportFolder(tmp_path))
    assert (section.chart, section.table) == (None, None)
    assert "nets:mine (contract): bad_shape: Wrong shape." in section.sentence


def test_text_is_passed_unchanged(tmp_path: Path) -> None:
    name = "nets:<b>&amp;"
    record = make_record(make_job(name, "layers"), ModuleCounts(MODULES))
    store(tmp_path, "operations", [record])
    (section,) = find_layers(ReportFolder(tmp_path))
    assert {row["network"] for row in rows_of(section)} == {name}
    assert table_of(section)[0]["Network"] == name


@pytest.mark.parametrize("kind", ["", "explain"])
def test_without_its_records_there_is_none(kind: str, tmp_path: Path) -> None:
    store(tmp_path, kind, [make_record(make_job(TABLE1[0].name))])
    assert find_layers(ReportFolder(tmp_path)) == []
