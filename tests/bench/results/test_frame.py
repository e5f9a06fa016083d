"""Values as a table: one row a value, the same as the summaries', and CSV as it always was."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.registry import NULL, TABLE1
from bench.render.tables.rows import render_csv, to_rows
from bench.results.frame import TYPES, Row, list_values, make_frame, make_tidy, to_csv
from bench.results.measurements import OperationCount, Tally
from bench.results.metrics import Metric
from bench.results.record import Record, Status
from bench.results.store import read_records
from bench.results.summary import NOT_MEASURED, RunSummary, newest_of_each_cell, summarize
from tests.bench.example_records import (
    complete_run,
    complete_run_on_gpu,
    environment,
    fail,
    make_job,
    make_record,
    make_rounds,
)

ROOT = Path(__file__).parents[3]


def written_by_hand(rows: Sequence[Any]) -> str:
    """As tables were written before there were frames."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


cells = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
)


@given(st.lists(st.fixed_dictionaries({"a": cells, "b": cells}), min_size=1, max_size=5))
def test_any_cell_is_written_as_before(rows: list[Row]) -> None:
    assert to_csv(make_frame(rows)) == written_by_hand(rows)


def examples() -> dict[str, RunSummary]:
    reason = 'It said "no", twice; then\tnothing,\never.'
    broken = [fail(r, Status.OOM, reason) if r.job.model == "demucs" else r for r in complete_run()]
    unknown = make_record(
        make_job(probe="operations"), OperationCount(1, 2, {"fft": Tally("unknown", 3)}, "meta")
    )
    return {
        "complete": summarize(complete_run()),
        "on a GPU": summarize(complete_run_on_gpu()),
        "broken": summarize(broken),
        "a range": summarize(make_rounds([[1.0], [2.0]] * 3)),
        "unknown operators": summarize([unknown]),
    }


@pytest.mark.parametrize("name", examples())
def test_table1_has_the_bytes_it_had(name: str) -> None:
    summary = examples()[name]
    assert render_csv(summary) == written_by_hand(to_rows(summary))


def test_the_committed_table_comes_from_its_records() -> None:
    """To rounding: logarithms differ in the last bit between processors."""
    text = (ROOT / "reports" / "table1.csv").read_text(encoding="utf-8")
    (began,) = {row["started_at"] for row in csv.DictReader(io.StringIO(text, newline=""))}
    runs = [
        records
        for path in (ROOT / "reports" / "records").glob("*.jsonl")
        if (records := read_records(path).records)
        and min(record.started_at for record in records) == began
    ]
    (records,) = runs
    again = render_csv(summarize(newest_of_each_cell(records)))
    cells, others = (list(csv.reader(io.StringIO(one, newline=""))) for one in (text, again))
    assert [len(row) for row in cells] == [len(row) for row in others]
    for cell, other in zip(chain(*cells), chain(*others), strict=True):
        assert cell == other or float(cell) == pytest.approx(float(other), rel=1e-12)


def by_name(rows: Sequence[Row]) -> dict[tuple[object, ...], Row]:
    found: dict[tuple[object, ...], Row] = {
        (row["model"], row["quantity"], row["phase"]): row for row in rows
    }
    assert len(found) == len(rows)
    return found


def phase_of(metric: Metric) -> str | None:
    """Parameters, and the bytes of the weights as they are stored, are of the network alone."""
    return None if metric.probe == "parameters" else metric.phase


@pytest.mark.parametrize("make", [complete_run, complete_run_on_gpu])
def test_each_value_of_a_run_has_its_row_and_each_row_its_value(make: Any) -> None:
    records = make(TABLE1[:3])
    summary, rows = summarize(records), by_name(list(list_values(records)))
    expected = {
        (model.entry.name, metric.field, phase_of(metric)): model.values[metric.name]
        for model in summary.models
        for metric in summary.metrics
        if model.values[metric.name] is not NOT_MEASURED
    }
    assert rows.keys() == expected.keys()
    for key, value in expected.items():
        row = rows[key]
        assert (row["value"], row["status"], row["reason"]) == (
            value.value,
            value.status.value,
            value.reason,
        )
        interval = value.interval and (value.interval.low, value.interval.high)
        assert (row["low"], row["high"]) == (value.span or interval or (None, None))
        assert row["doubts"] == " ".join(doubt.kind for doubt in value.doubts)
    assert NULL.name not in {row["model"] for row in rows.values()}


def test_a_row_says_what_was_run_where_and_when() -> None:
    (row,) = list_values([replace(make_rounds([[1.0]])[0])], "some/file.jsonl")
    shown = {
        "model": "dprnn",
        "phase": "inference",
        "device": "cpu",
        "quantity": "latency_s",
        "unit": "s",
        "n_samples": 8000,
        "threads": 2,
        "keeps_pages": True,
        "machine": "Example CPU, 2 processors",
        "torch": "2.13.0",
        "file": "some/file.jsonl",
    }
    assert shown.items() <= row.items()
    assert (row["value"], row["low"], row["high"]) == (None, 1.0, 1.0)
    assert row["doubts"] == "few_processes few_calls"
    assert row.keys() == TYPES.keys()


def test_runs_that_can_not_share_a_table_share_a_frame() -> None:
    """Other lengths, machines and allocators; what a crash did not say is the file's only one."""
    other = environment(machine={"cpu": "Other CPU"})
    records: list[Record] = [
        *make_rounds([[1.0]] * 3, make_job(n_samples=100)),
        *make_rounds([[2.0]] * 3, make_job(n_samples=200)),
        *make_rounds([[3.0]] * 3, make_job(n_samples=200, keeps_pages=False)),
        *(replace(r, environment=other) for r in make_rounds([[4.0]] * 3)),
    ]
    assert len(list(list_values(records))) == 4
    crashed = replace(fail(make_rounds([[1.0]])[0], Status.KILLED, "Gone."), environment=None)
    again = replace(crashed, job=replace(crashed.job, round=7))
    (row,) = list_values([*make_rounds([[1.0] * 9] * 3), again])
    assert row["doubts"] == "rounds_failed"


def test_a_broken_contract_has_a_row_of_its_own() -> None:
    broken = fail(make_record(make_job(probe="contract")), Status.BAD_SHAPE, "Seven sources.")
    (row,) = list_values([broken])
    assert (row["quantity"], row["status"], row["reason"]) == (
        "contract",
        "bad_shape",
        "Seven sources.",
    )


@pytest.mark.parametrize("rows", [[], list(list_values(complete_run(TABLE1[:1])))])
def test_columns_have_their_types(rows: list[Row]) -> None:
    frame = make_tidy(rows)
    assert list(frame.columns) == list(TYPES)
    assert len(frame) == len(rows)
    assert pd.api.types.is_float_dtype(frame["value"])
    assert pd.api.types.is_integer_dtype(frame["n_samples"])
    assert pd.api.types.is_string_dtype(frame["model"])
    assert str(frame["started_at"].dt.tz) == "UTC"


def test_pandas_is_imported_in_one_file() -> None:
    imports = re.compile(r"^\s*(import|from) pandas\b", re.MULTILINE)
    files = [path for path in (ROOT / "bench").rglob("*.py") if imports.search(path.read_text())]
    assert files == [ROOT / "bench" / "results" / "frame.py"]
