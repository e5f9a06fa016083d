"""The reports of a run of forms."""

import csv
import io
from pathlib import Path

from bench.registry import TABLE1
from bench.render.forms import write_form_reports
from bench.results.store import RecordFile
from tests.bench.example_records import complete_run, make_job, make_record
from tests.bench.example_results import measured
from tests.bench.made_up_forms import FORM, rounds

RECORDS = [
    *rounds(0.1, dtype="float32"),
    *rounds(0.04, FORM, runtime="onnxruntime", dtype="float32"),
    *rounds(0.03, FORM, runtime="onnxruntime", dtype="int8"),
]


def test_without_ceilings_there_is_no_roofline(tmp_path: Path) -> None:
    names = [path.name for path in write_form_reports(RECORDS, tmp_path)]
    assert names == ["runtimes.md", "runtimes.csv", "runtimes.tex", "index.html"]


def test_the_page_is_of_the_runs_where_the_folder_has_some(tmp_path: Path) -> None:
    *_, page = write_form_reports(RECORDS, tmp_path)
    assert "1 network, measured in 3 runs" in page.read_text(encoding="utf-8")
    file = RecordFile.create(tmp_path / "records" / "cpu-20260103T000000Z.jsonl")
    for record in complete_run(TABLE1[:2]):
        file.append(record)
    *_, page = write_form_reports(RECORDS, tmp_path)
    assert "2 networks, measured on Example CPU" in page.read_text(encoding="utf-8")


def test_with_ceilings_every_runtime_of_their_dtype_stands_below_them(tmp_path: Path) -> None:
    """The example's floor is 50 ms; a form in another dtype has no ceilings here."""
    jobs = [make_job("sudormrf-1.0x", "ceilings", round_index=index) for index in range(3)]
    ceilings = [make_record(job, measured(1.0, job)) for job in jobs]
    paths = {path.name: path for path in write_form_reports([*RECORDS, *ceilings], tmp_path)}
    assert {"roofline.md", "roofline.csv", "roofline.png", "roofline.svg"} < set(paths)
    rows = list(csv.DictReader(io.StringIO(paths["roofline.csv"].read_text())))
    times = {row["runtime"]: float(row["times_the_floor"]) for row in rows}
    assert [row["runtime"] for row in rows] == ["eager", "onnxruntime"]
    assert round(times["eager"] / times["onnxruntime"], 6) == 2.5
    assert "faster than its floor" in paths["roofline.md"].read_text()
