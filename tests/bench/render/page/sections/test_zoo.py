"""The zoo: values of the newest run of other packages' networks."""

from pathlib import Path

import pytest

from bench.registry import KNOWN, TABLE1
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.render.page.sections.zoo import find_zoos
from bench.results.record import Status
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, fail
from tests.bench.render.page.sections.folders import check_chart, rows_of, store, table_of

ENTRIES = (KNOWN["sepformer"], KNOWN["htdemucs"])


def test_costs_are_the_summarys_whatever_ran_later(tmp_path: Path) -> None:
    records = complete_run(ENTRIES)
    store(tmp_path, RUNS, records, "cpu-20260101T000000Z")
    store(tmp_path, RUNS, complete_run(TABLE1[:1]), "cpu-20260102T000000Z")
    (section,) = find_zoos(ReportFolder(tmp_path))
    check_chart(section)
    rows = rows_of(section, cost="Memory of training step")
    models = summarize(records).models
    assert [row["network"] for row in rows] == [m.entry.display_name for m in models]
    values = [model.values["peak_rss_bytes_update"].value for model in models]
    assert [row["value"] for row in rows] == pytest.approx(values, rel=5e-4)
    first, _ = table_of(section)
    assert (first["Model"], first["Package"], first["Rate (kHz)"]) == (
        "SepFormer",
        "speechbrain",
        "8.00",
    )


def test_a_network_whose_package_is_missing_is_named(tmp_path: Path) -> None:
    reason = "demucs is not installed: pip install 'separation-bench[demucs]'"
    records = [
        fail(one, Status.MISSING_DEPENDENCY, reason) if one.job.model == "htdemucs" else one
        for one in complete_run(ENTRIES)
    ]
    store(tmp_path, RUNS, records)
    (section,) = find_zoos(ReportFolder(tmp_path))
    assert f"missing_dependency: {reason}." in section.sentence
    assert {row["network"] for row in rows_of(section)} == {"SepFormer"}
    assert table_of(section)[1]["MACs I (G)"] == "missing_dependency"


def test_a_run_of_the_papers_networks_is_none(tmp_path: Path) -> None:
    store(tmp_path, RUNS, complete_run(TABLE1[:1]))
    assert find_zoos(ReportFolder(tmp_path)) == []
