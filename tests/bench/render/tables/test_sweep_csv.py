"""The CSV file of a sweep: a row a cell, raw, and a status for what is not there."""

import csv
import io
from dataclasses import replace

import pytest

from bench.render.tables.sweep_csv import render_sweep_csv
from bench.results.record import Record, Status
from bench.results.sweep_answers import summarize_sweep
from tests.bench.made_up_sweep import NETWORKS, Grid, is_of, make_sweep, without_result

GRID = Grid(models=("conv",), lengths=(8000, 16000), batches=(1, 2))


def rows_of(records: list[Record]) -> list[dict[str, str]]:
    text = render_sweep_csv(summarize_sweep(["conv"], records))
    return list(csv.DictReader(io.StringIO(text)))


def test_there_is_a_row_for_each_cell_with_values_to_the_last_bit() -> None:
    records = make_sweep(GRID)
    rows = rows_of(records)
    cells = summarize_sweep(["conv"], records).cells
    assert [(row["n_samples"], row["batch"]) for row in rows] == [
        ("8000", "1"),
        ("16000", "1"),
        ("8000", "2"),
        ("16000", "2"),
    ]
    for row, cell in zip(rows, cells, strict=True):
        assert cell.time is not None
        assert cell.time.interval is not None
        assert float(row["latency_s"]) == cell.time.value
        assert float(row["latency_s_low"]) == cell.time.interval.low
        assert row["latency_s_is_range"] == "False"
        assert int(row["macs"]) == cell.macs
        assert int(row["peak_process_bytes"]) == cell.process_bytes
        assert float(row["forecast_error_process"]) == cell.process_error
        assert float(row["mixtures_per_s"]) == pytest.approx(cell.key.batch / cell.time.value)
        assert row["status"] == "ok"


def test_a_time_that_cannot_be_trusted_is_a_range_alone() -> None:
    row = rows_of(make_sweep(replace(GRID, n_rounds=1)))[0]
    assert row["latency_s"] == row["real_time_factor"] == row["mixtures_per_s"] == ""
    assert row["latency_s_is_range"] == "True"
    assert row["latency_s_doubts"] == "few_processes"
    expected_s = NETWORKS["conv"].latency_s(8000, 1, 1)
    assert float(row["latency_s_low"]) < 1.1 * expected_s
    assert float(row["latency_s_high"]) > 0.9 * expected_s


def test_what_failed_says_why() -> None:
    records = [
        without_result(record, Status.SKIPPED, "Too large.")
        if is_of(record, "conv", "memory", 16000, batch=2)
        else record
        for record in make_sweep(GRID)
    ]
    row = rows_of(records)[-1]
    assert (row["status"], row["failed_probe"], row["reason"]) == (
        "skipped",
        "memory",
        "Too large.",
    )
    assert row["peak_process_bytes"] == row["forecast_error_process"] == ""
    assert row["latency_s"]
    assert row["forecast_n_smaller"] == "3"
