"""Table 1 as CSV and JSON: read back, it is what was measured, to the last bit."""

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.registry import TABLE1
from bench.render.tables.rows import render_csv, render_json
from bench.results.measurements import LatencyTimes, OperationCount, Tally
from bench.results.metrics import METRICS
from bench.results.published import TABLE1 as PUBLISHED
from bench.results.record import Status
from bench.results.summary import summarize
from tests.bench.example_records import (
    complete_run,
    complete_run_on_gpu,
    fail,
    make_job,
    make_record,
    make_rounds,
)
from tests.bench.example_results import undisturbed

Row = dict[str, str]


def read(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_every_value_comes_back_exactly() -> None:
    summary = summarize(list(complete_run()))
    rows = read(render_csv(summary))
    assert [row["model"] for row in rows] == [entry.name for entry in TABLE1]
    for row, model in zip(rows, summary.models, strict=True):
        for metric in METRICS:
            assert float(row[metric.name]) == model.values[metric.name].value
            assert row[f"{metric.name}_status"] == "ok"
            assert row[f"{metric.name}_reason"] == ""


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_any_value_comes_back_exactly(value: float) -> None:
    """Of the range of a single call: no logarithm is between."""
    (row,) = read(render_csv(summarize(make_rounds([[value]]))))
    assert row["latency_s_inference"] == ""
    assert float(row["latency_s_inference_low"]) == float(row["latency_s_inference_high"]) == value


COMPARED = {
    "n_params": "n_params",
    "macs_inference": "operations_inference",
    "macs_update": "operations_update",
    "peak_rss_bytes_inference": "memory_bytes_inference",
    "peak_rss_bytes_update": "memory_bytes_update",
    "latency_s_inference": "latency_s_inference",
    "latency_s_update": "latency_s_update",
}


def test_the_papers_values_stand_beside_ours() -> None:
    rows = read(render_csv(summarize(list(complete_run()))))
    assert {name for name in rows[0] if name.endswith("_paper")} == {
        f"{name}_paper" for name in COMPARED
    }
    for row in rows:
        paper = PUBLISHED[row["model"]]
        assert float(row["paper_si_sdri_speech_db"]) == paper.si_sdri_speech_db
        assert float(row["paper_si_sdri_nonspeech_db"]) == paper.si_sdri_nonspeech_db
        for metric, field in COMPARED.items():
            assert float(row[f"{metric}_paper"]) == getattr(paper, field)


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_a_gap_has_a_status_and_a_reason(status: Status) -> None:
    reason = 'It said "no", twice; then\tnothing, ever.'
    records = [fail(r, status, reason) if r.job.model == "demucs" else r for r in complete_run()]
    for row in read(render_csv(summarize(records))):
        for metric in METRICS:
            is_gap = row["model"] == "demucs"
            assert (row[metric.name] == "") == is_gap
            assert row[f"{metric.name}_status"] == (status.value if is_gap else "ok")
            assert row[f"{metric.name}_reason"] == (reason if is_gap else "")


def test_a_network_that_is_not_in_the_paper_has_no_values_of_it() -> None:
    record = make_record(make_job("a.b:c", factory="a.b:c"), LatencyTimes((1.0,)))
    (row,) = read(render_csv(summarize([record])))
    assert {value for name, value in row.items() if "paper" in name} == {""}


def test_json_holds_the_rows_of_the_csv() -> None:
    summary = summarize(complete_run())
    rows = json.loads(render_json(summary))
    for row, line in zip(rows, read(render_csv(summary)), strict=True):
        assert {name: "" if value is None else str(value) for name, value in row.items()} == line


def test_each_row_says_what_was_run_and_where_and_what_a_time_rests_on() -> None:
    rows = read(render_csv(summarize(complete_run())))
    for row in rows:
        assert (row["n_samples"], row["batch"], row["threads"]) == ("8000", "1", "2")
        assert (row["cpu"], row["torch"]) == ("Example CPU", "2.13.0")
        low, high = (float(row[f"latency_s_inference_{end}"]) for end in ("low", "high"))
        assert low <= float(row["latency_s_inference"]) <= high
        assert rests_on(row, "latency_s_inference") == ("3", "9", "0.95", "False", "")
        assert rests_on(row, "ratio_inference") == ("3", "9", "0.95", "False", "")
        assert (row["latency_s_inference_calls_disturbed"], row["page_faults_inference"]) == (
            "0",
            "2",
        )
        assert (row["keeps_pages"], row["took_turns"]) == ("True", "True")
    ratios = {row["model"]: float(row["ratio_inference"]) for row in rows}
    assert ratios[rows[0]["ratio_base"]] == 1


def rests_on(row: Row, name: str) -> tuple[str, ...]:
    return tuple(row[f"{name}_{f}"] for f in ("processes", "calls", "level", "is_range", "doubts"))


def test_a_range_has_ends_and_doubts_and_no_value_and_its_status_is_ok() -> None:
    """Six rounds from 1 to 2 s: half the interval is 35 %."""
    (row,) = read(render_csv(summarize(make_rounds([[1.0], [2.0]] * 3))))
    assert (row["latency_s_inference"], row["latency_s_inference_status"]) == ("", "ok")
    ends = [float(row[f"latency_s_inference_{end}"]) for end in ("low", "high")]
    assert ends == pytest.approx([1.0, 2.0])
    assert rests_on(row, "latency_s_inference") == ("6", "6", "0.95", "True", "wide_interval")


def test_the_range_of_too_few_processes_is_all_that_was_seen_and_has_no_level() -> None:
    loud = replace(undisturbed(2), wait_s=(0.0, 3.0))
    records = make_rounds([[1.0, 9.0], [1.5, 9.0]], contention=loud)
    (row,) = read(render_csv(summarize(records)))
    doubts = "few_processes few_calls"
    assert rests_on(row, "latency_s_inference") == ("2", "2", "", "True", doubts)
    assert (row["latency_s_inference_low"], row["latency_s_inference_high"]) == ("1.0", "1.5")
    assert row["latency_s_inference_calls_disturbed"] == "2"


def test_a_ratio_that_can_not_be_trusted_is_a_range_beside_a_time_that_can() -> None:
    """The times of the last round have a partner, the others none."""
    base = make_rounds([[1.0, 1.0]] * 3, make_job("sudormrf-1.0x"), turns=(0, 1))
    ours = make_rounds([[2.0, 2.0]] * 5, turns=(0, 1))[2:]
    rows = {row["model"]: row for row in read(render_csv(summarize([*base, *ours])))}
    row = rows["dprnn"]
    assert row["latency_s_inference_is_range"] == "False"
    assert (row["ratio_inference"], row["ratio_inference_low"]) == ("", "2.0")
    assert rests_on(row, "ratio_inference") == ("1", "2", "", "True", "few_processes few_calls")


def test_records_without_counters_leave_those_cells_empty() -> None:
    (row,) = read(render_csv(summarize(make_rounds([[1.0] * 5] * 3))))
    assert row["latency_s_inference"] == "1.0"
    assert row["latency_s_inference_calls_disturbed"] == row["page_faults_inference"] == ""


def test_doubts_and_unknown_operators_are_in_the_row() -> None:
    count = OperationCount(1, 2, {"fft": Tally("unknown", 3)}, "meta")
    (row,) = read(render_csv(summarize([make_record(make_job(probe="operations"), count)])))
    assert row["unknown_operators"] == "fft"
    assert row["macs_inference_is_sound"] == "False"
    assert "fft" in row["macs_inference_reason"]


def test_without_a_gpu_no_column_is_about_one() -> None:
    (row, *_) = read(render_csv(summarize(complete_run(TABLE1[:2]))))
    words = ("gpu_", "launches", "busy", "cold_", "host_s", "replay", "clock", "power")
    assert [name for name in row if any(word in name for word in words)] == []


def test_a_gpu_adds_columns_and_changes_none_of_the_others() -> None:
    """But for the paper's memory of a training step, which is the allocator's there."""
    on_cpu = read(render_csv(summarize(complete_run(TABLE1[:2]))))
    on_gpu = read(render_csv(summarize(complete_run_on_gpu(TABLE1[:2]))))
    for without, row in zip(on_cpu, on_gpu, strict=True):
        of_inference = {name: value for name, value in without.items() if "inference" in name}
        assert of_inference.items() <= row.items()
        assert set(without) - set(row) == {"peak_rss_bytes_update_paper"}
    assert float(on_gpu[0]["latency_s_gpu_inference"]) == pytest.approx(0.101)
    assert float(on_gpu[1]["ratio_gpu_inference"]) == pytest.approx(2.0)
    for phase, factor in (("gpu_inference", 1), ("update", 3)):
        row = {
            name.removesuffix(f"_{phase}"): value
            for name, value in on_gpu[0].items()
            if name.endswith(phase)
        }
        assert int(row["n_launches"]) == 500 * factor
        assert float(row["busy_share"]) == pytest.approx(0.4)
        assert row["is_launch_bound"] == "True"
        assert float(row["host_s"]) == pytest.approx(0.12625 * factor)
        assert float(row["cold_cache_s"]) == pytest.approx(0.1515 * factor)
        assert int(row["peak_reserved_bytes"]) == 110_000_000 * factor
        assert int(row["cold_process_bytes"]) == 510_000_000 * factor
        assert float(row["power_w"]) == 120
        assert float(row["round_energy_j"]) == 40 * factor
        assert row["slowed_by"] == ""
    assert (on_gpu[0]["replay_status_gpu_inference"], on_gpu[0]["replay_status_update"]) == (
        "ok",
        "skipped",
    )
