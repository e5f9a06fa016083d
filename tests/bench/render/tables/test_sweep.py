"""The report of a sweep: its sections, forecasts, doubts, failures and provenance."""

from dataclasses import replace

from bench.render.tables.sweep import render_sweep
from bench.results.record import Record, Status
from bench.results.sweep_answers import summarize_sweep
from tests.bench.example_records import fail, make_job, make_record
from tests.bench.made_up_sweep import (
    ENTRIES,
    Grid,
    is_of,
    make_forecast,
    make_sweep,
    without_result,
)

GRID = Grid(lengths=(4000, 8000, 16000, 32000), batches=(1, 2))


def render(records: list[Record]) -> str:
    sweep = summarize_sweep([entry.name for entry in ENTRIES], records)
    return render_sweep(ENTRIES, records, sweep, {})


def section(text: str, title: str) -> str:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_a_section_is_there_only_with_its_records() -> None:
    records = make_sweep(GRID)
    whole = render(records)
    counted = render([record for record in records if record.job.probe == "operations"])
    for title in ("Forecasts of memory", "Real-time factor against length"):
        assert f"## {title}" in whole
        assert f"## {title}" not in counted
    assert "### Multiply-adds" in counted
    assert "## What was not measured" not in whole


def test_forecasts_have_their_share_and_the_worst_is_named() -> None:
    """One of 16 is 30 % too low: 290 MB of process, told as 203 MB."""
    records = [
        replace(record, result=make_forecast(203_000_000, n_smaller=1))
        if is_of(record, "conv", "forecast", 8000, batch=1)
        else record
        for record in make_sweep(GRID)
    ]
    text = section(render(records), "Forecasts of memory")
    assert (
        "| process | Convolutional, 1 s, batch 1 | 16 | 15 of 16 (93.8 %) | +2.0 % | -30.0 % |"
        in text
    )
    assert (
        "- Convolutional, 1 s, batch 1, process: forecast 203 MB from 1 smaller cell, measured "
        "290 MB (-30.0 %)" in text
    )


def test_good_forecasts_name_no_cell_that_missed() -> None:
    text = render(make_sweep(replace(GRID, forecast_error=0.0)))
    assert "16 of 16 (100.0 %)" in text
    assert "Beyond 10 %" not in text


def test_what_was_skipped_has_its_reason_once() -> None:
    reason = "It would need 9.0 GB and 6.0 GB are free."
    records = [
        without_result(record, Status.SKIPPED, reason)
        if record.job.workload.n_samples == 32000 and record.job.probe in ("memory", "latency")
        else record
        for record in make_sweep(GRID)
    ]
    text = section(render(records), "What was not measured, and why")
    row = f"| Attentive | 4 s | batch 2 | memory, latency | skipped | {reason} |"
    assert text.count(row) == 1
    assert text.count(reason) == 4


def test_a_network_that_broke_its_contract_is_named() -> None:
    broken = fail(make_record(make_job("attentive", "contract")), Status.BAD_SHAPE, "Wrong shape.")
    text = render([broken, *make_sweep(replace(GRID, models=("conv",)))])
    assert "| Attentive |  |  | contract | bad_shape | Wrong shape. |" in text


def test_doubts_stand_once_for_all_cells_that_have_them() -> None:
    text = section(render(make_sweep(replace(GRID, n_rounds=2))), "Doubts about times")
    assert text.strip() == (
        "- 16 cells, the first of them Convolutional, 0.5 s, batch 1: Noisy: 2 processes of the "
        "3 that a value needs."
    )


def test_the_provenance_has_every_size() -> None:
    text = section(render(make_sweep(GRID)), "Where these values come from")
    assert "- Processor: Example CPU, 2 of 4 processors" in text
    assert (
        "- Workload: recorded speech at 8 kHz; samples 4000, 8000, 16000, 32000; batch 1, 2; "
        "threads 1; dtype float32" in text
    )
    assert "- Started: 2026-01-02T00:00:00+00:00" in text


def test_no_records_are_a_report_that_says_so() -> None:
    assert "no network was measured" in render([])
