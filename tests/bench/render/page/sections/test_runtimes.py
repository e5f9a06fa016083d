"""Runtimes: each form's ratio as the summary has it, and why forms are not there."""

from pathlib import Path

import pytest

from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.render.page.sections.runtimes import REMARK, find_runtimes
from bench.results.form_summary import summarize_forms
from bench.results.record import Status
from tests.bench.example_records import complete_run, fail
from tests.bench.made_up_forms import FORM, rounds
from tests.bench.render.page.sections.folders import check_chart, rows_of, store, table_of

UNSUPPORTED = "The exporter stopped at aten.col2im, in net.py, line 3."
RECORDS = [
    *rounds(0.1),
    *rounds(0.04, FORM, runtime="onnxruntime"),
    *rounds(0.2, FORM, runtime="onnxruntime", dtype="int8")[:1],
    *(fail(one, Status.UNSUPPORTED, UNSUPPORTED) for one in rounds(0.03, runtime="compile")[:1]),
]


@pytest.mark.parametrize("kind", ["runtimes", RUNS])
def test_ratios_are_the_summarys_and_eager_is_their_measure(kind: str, tmp_path: Path) -> None:
    store(tmp_path, kind, RECORDS)
    (section,) = find_runtimes(ReportFolder(tmp_path))
    check_chart(section)
    rows = {row["form"]: row for row in rows_of(section)}
    assert rows.keys() == {"onnxruntime, float32", "onnxruntime, int8"}
    for form in summarize_forms(RECORDS):
        work = form.workload
        ratio = form.timing.ratio if form.timing else None
        row = rows.get(f"{work.runtime}, {work.dtype}")
        if ratio is not None and row is not None:
            assert row["noisy"] is not ratio.is_trusted
            assert (row["low"], row["high"]) == pytest.approx(ratio.span, rel=5e-4)
    assert rows["onnxruntime, float32"]["value"] == pytest.approx(0.4)


def test_a_form_without_a_time_has_its_status_and_reason(tmp_path: Path) -> None:
    store(tmp_path, "runtimes", RECORDS)
    (section,) = find_runtimes(ReportFolder(tmp_path))
    rows = {(row["Runtime"], row["Precision"]): row for row in table_of(section)}
    assert rows["compile", "float32"]["Time"] == "unsupported"
    assert rows["compile", "float32"][REMARK] == UNSUPPORTED
    assert "1 process of the 3" in rows["onnxruntime", "int8"][REMARK]
    assert rows["onnxruntime", "float32"]["Ratio to eager float32"].startswith("0.400")
    assert rows["eager", "float32"]["Ratio to eager float32"] == "1"


def test_where_no_form_was_timed_there_is_no_chart(tmp_path: Path) -> None:
    failed = [fail(one, Status.OOM, "Full.") for one in RECORDS]
    store(tmp_path, "runtimes", failed)
    (section,) = find_runtimes(ReportFolder(tmp_path))
    assert section.chart is None
    assert {row[REMARK] for row in table_of(section)} == {"Full."}


def test_a_run_of_eager_networks_is_none(tmp_path: Path) -> None:
    store(tmp_path, RUNS, complete_run())
    assert find_runtimes(ReportFolder(tmp_path)) == []
