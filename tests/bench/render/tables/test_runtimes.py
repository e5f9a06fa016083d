"""reports/runtimes.md: what a row says, what is left out, and what is said below."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.render.tables.runtimes import (
    HEADS,
    form_cells,
    render_csv,
    render_runtimes,
    write_runtimes,
)
from bench.results.form_summary import summarize_forms
from bench.results.record import Record, Status
from tests.bench.example_records import fail
from tests.bench.made_up_forms import FORM, rounds, timed

INT8 = replace(FORM, precision="int8 in matrix products, else float32", any_length=False)
UNSUPPORTED = "The exporter stopped at aten.col2im, in net.py, line 3."
RECORDS: list[Record] = [
    *rounds(0.1),
    *rounds(0.04, FORM, runtime="onnxruntime"),
    *rounds(0.2, INT8, runtime="onnxruntime", dtype="int8"),
    *(
        fail(record, Status.MISMATCH, "It differs by 3.0e-01.")
        for record in rounds(0.03, runtime="openvino", dtype="bfloat16")[:1]
    ),
    *(
        fail(record, Status.UNSUPPORTED, UNSUPPORTED)
        for record in rounds(0.03, runtime="compile")[:1]
    ),
]


def rendered() -> str:
    return render_runtimes(summarize_forms(RECORDS), RECORDS)


def rows() -> dict[tuple[str, str], dict[str, str]]:
    lines = [line for line in rendered().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    found = [dict(zip(HEADS, row, strict=True)) for row in cells if len(row) == len(HEADS)]
    return {(row["Runtime"], row["Precision"]): row for row in found[1:]}


def test_time_ratio_and_parity_stand_beside_each_other() -> None:
    row = rows()["onnxruntime", "float32"]
    assert row["Time"].startswith("40.4 ms")
    assert row["Ratio to eager float32"].startswith("0.400")
    assert (row["Largest error"], row["SI-SDR to eager (dB)"]) == ("2.0e-06", "111")
    assert (row["Preparation"], row["First call"]) == ("12.0 s", "500 ms")
    assert (row["File"], row["Memory"], row["Threads used"]) == ("14.0 MB", "400 MB", "1.00")
    assert (
        row["Paid for after"] == "200 calls"
    )  # 12 s, of which a call saves 0.0606 s, after the first


def test_eager_is_1_and_a_slower_form_never_pays() -> None:
    assert rows()["eager", "float32"]["Ratio to eager float32"] == "1"
    assert rows()["onnxruntime", "int8"]["Paid for after"] == "never"


def test_noise_leaves_open_when_a_form_pays() -> None:
    records = [*rounds(0.1), *rounds(0.04, FORM, runtime="openvino")[:1]]
    text = render_runtimes(summarize_forms(records), records)
    (line,) = (line for line in text.splitlines() if line.startswith("| openvino"))
    assert "not known" in line
    assert "calls |" not in line


def test_a_form_that_may_be_slower_is_not_said_to_pay() -> None:
    calls_s = (0.096, 0.099, 0.101)
    others = [timed(call_s, i, FORM, runtime="compile") for i, call_s in enumerate(calls_s)]
    records = [*rounds(0.1), *others]
    (form,) = (form for form in summarize_forms(records) if not form.is_base)
    assert form.pays_after
    assert form_cells(form)[HEADS.index("Paid for after")] == "not known"


def test_a_mismatch_has_no_time_and_its_figures_below() -> None:
    row = rows()["openvino", "bfloat16"]
    assert row["Time"] == "mismatch"
    assert set(list(row.values())[3:]) == {""}
    assert "- openvino, bfloat16: mismatch: It differs by 3.0e-01." in rendered()
    assert "30.3 ms" not in rendered()


def test_what_is_unsupported_has_its_operator_and_place() -> None:
    assert f"- compile, float32: unsupported: {UNSUPPORTED}" in rendered()


def test_what_a_file_holds_for_and_what_8_bits_lose_is_said() -> None:
    text = rendered()
    assert "- onnxruntime, int8: its file holds for this length alone" in text
    assert "SI-SDR against the recorded sources lower by 0.25 dB" in text


def test_the_limits_are_stated() -> None:
    assert "| bfloat16 | 1e-01 | 25 dB |" in rendered()


def test_the_data_are_raw() -> None:
    data = {
        (row["runtime"], row["dtype"]): row
        for row in csv.DictReader(io.StringIO(render_csv(summarize_forms(RECORDS))))
    }
    assert float(data["onnxruntime", "float32"]["latency_s"]) == pytest.approx(0.0404)
    assert data["onnxruntime", "float32"]["file_bytes"] == "14000000"
    assert data["openvino", "bfloat16"]["status"] == "mismatch"
    assert data["openvino", "bfloat16"]["latency_s"] == ""


def test_both_files_are_written_or_the_folder_is_named(tmp_path: Path) -> None:
    paths = write_runtimes(RECORDS, tmp_path / "reports")
    assert [path.name for path in paths] == ["runtimes.md", "runtimes.csv", "runtimes.tex"]
    assert all(path.stat().st_size > 100 for path in paths)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="can't be written"):
        write_runtimes(RECORDS, tmp_path / "file")
