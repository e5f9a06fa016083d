"""Streams: latency and real-time factor of each size of chunks, and what failed."""

from pathlib import Path

import pytest

from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.streaming import find_streams
from bench.render.tables.streaming import summarize_costs
from bench.results.record import Status
from tests.bench.example_records import fail
from tests.bench.render.page.sections.folders import check_chart, rows_of, store, table_of
from tests.bench.render.tables.test_streaming import ENTRY, record

RECORDS = [
    record(size, [0.01 * size / 160 + 0.0001 * index, 0.012], index)
    for size in (160, 320)
    for index in range(3)
]


def test_points_are_the_summarys(tmp_path: Path) -> None:
    store(tmp_path, "streaming", RECORDS)
    (section,) = find_streams(ReportFolder(tmp_path))
    check_chart(section)
    rows = rows_of(section, network=ENTRY.display_name)
    for row, cost in zip(rows, summarize_costs(RECORDS), strict=True):
        assert row["latency"] == pytest.approx(cost.latency_s, rel=5e-4)
        assert row["value"] == pytest.approx(cost.real_time_factor, rel=5e-4)
        assert row["noisy"] is not cost.compute.is_trusted
    assert [row["Chunk (samples)"] for row in table_of(section)] == ["160", "320"]


def test_a_disturbed_stream_is_hollow(tmp_path: Path) -> None:
    disturbed = [record(640, [0.03, 0.031], index, is_contended=True) for index in range(3)]
    store(tmp_path, "streaming", [*RECORDS, *disturbed])
    (section,) = find_streams(ReportFolder(tmp_path))
    (row,) = rows_of(section, chunk="640")
    assert row["noisy"] is True


def test_what_failed_is_named_with_its_size(tmp_path: Path) -> None:
    failed = fail(record(640, []), Status.UNSUPPORTED, "It has no stream.")
    store(tmp_path, "streaming", [*RECORDS, failed])
    (section,) = find_streams(ReportFolder(tmp_path))
    said = "SuDoRM-RF causal 1.0x (streaming in chunks of 640): unsupported: It has no stream."
    assert said in section.sentence
    assert not rows_of(section, chunk="640")


def test_where_all_failed_the_reasons_stand_alone(tmp_path: Path) -> None:
    store(tmp_path, "streaming", [fail(one, Status.OOM, "Full.") for one in RECORDS])
    (section,) = find_streams(ReportFolder(tmp_path))
    assert (section.chart, section.table) == (None, None)
    assert "oom: Full." in section.sentence


def test_of_nothing_there_is_none(tmp_path: Path) -> None:
    assert find_streams(ReportFolder(tmp_path)) == []
