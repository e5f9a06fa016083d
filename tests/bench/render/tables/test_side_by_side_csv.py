"""comparison.csv: every value of every run, to the last bit, beside its ratios."""

import csv
import io

import pytest

from bench.registry import TABLE1
from bench.render.run_columns import SideBySide
from bench.render.tables.side_by_side_csv import list_rows, render_side_by_side_csv
from bench.results.record import Status
from bench.results.summary import RunSummary, Value, summarize
from tests.bench.example_records import complete_run_on_gpu, fail
from tests.bench.made_up_runs import NETWORKS, make_run, on_machine, with_values

Rows = list[dict[str, str]]
TIME = "latency_s_inference"
A, B = on_machine("A"), on_machine("B", factor=2.0)


def read(*runs: RunSummary) -> Rows:
    """The rows of the file as any reader of CSV has them."""
    return list(csv.DictReader(io.StringIO(render_side_by_side_csv(SideBySide.of(runs)))))


def numbers(rows: Rows, column: str) -> list[float]:
    return [float(row[column]) for row in rows]


def of(run: str, rows: Rows) -> Rows:
    return [row for row in rows if row["run"] == run]


def test_values_are_those_of_the_runs_to_the_last_bit() -> None:
    found = read(A, B)
    for row in found:
        run = {"A": A, "B": B}[row["run"]]
        (model,) = [model for model in run.models if model.entry.name == row["model"]]
        value = model.values[row["metric"]]
        assert float(row["value"]) == value.value
        if value.interval:
            ends = float(row["value_low"]), float(row["value_high"])
            assert ends == (value.interval.low, value.interval.high)
    assert len(found) == len(SideBySide.of((A, B)).columns) * len(NETWORKS) * 2


def test_ratios_are_of_the_further_runs() -> None:
    of_times = [row for row in read(A, B) if row["metric"] == TIME]
    assert {row["ratio_to_first_run"] for row in of("A", of_times)} == {""}
    ratios = of("B", of_times)
    assert numbers(ratios, "ratio_to_first_run") == pytest.approx([2.0] * 3)
    assert max(numbers(ratios, "ratio_to_first_run_low")) < 2
    assert min(numbers(ratios, "ratio_to_first_run_high")) > 2
    assert numbers(ratios, "ratio_to_base") == pytest.approx([0.5, 1.0, 1.5])
    assert {row["base"] for row in of_times} == {"sudormrf-1.0x"}


def test_a_range_has_ends_and_no_value() -> None:
    rows = of("B", read(A, with_values(B, TIME, [Value(None, span=(0.1, 0.3))] * 3)))
    for row in (row for row in rows if row["metric"] == TIME):
        assert (row["value"], row["value_low"], row["value_high"]) == ("", "0.1", "0.3")
        assert row["ratio_to_first_run"] == ""
        assert float(row["ratio_to_first_run_low"]) < float(row["ratio_to_first_run_high"])


def test_statuses_and_reasons_are_beside_the_gaps() -> None:
    dead = [fail(record, Status.KILLED, "Gone.") for record in make_run(machine={"cpu": "B"})]
    gone = of("B", read(A, summarize(dead)))
    assert {(row["status"], row["reason"]) for row in gone} == {("killed", "Gone.")}
    assert {(row["value"], row["ratio_to_first_run"]) for row in gone} == {("", "")}


def test_what_a_run_has_not_has_no_row() -> None:
    found = read(A, summarize(make_run(TABLE1[4:7], machine={"cpu": "B"})))
    for run, entries in {"A": NETWORKS, "B": TABLE1[4:7]}.items():
        assert {row["model"] for row in of(run, found)} == {entry.name for entry in entries}
    on_gpu = read(A, summarize(complete_run_on_gpu(NETWORKS)))
    assert {r["run"] for r in on_gpu if r["metric"].endswith("_gpu_inference")} == {"Example"}


def test_rows_say_where_and_on_what_they_were_made() -> None:
    row = next(list_rows(SideBySide.of((A, B))))
    assert (row["run"], row["cpu"], row["n_samples"], row["threads"]) == ("A", "A", 8000, 2)
    assert row["commit"] == "0123456789abcdef0123456789abcdef01234567"
