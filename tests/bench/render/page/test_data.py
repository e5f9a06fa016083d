"""The rows of the page: what the summaries say, unrounded, with a reason for every gap."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.registry import TABLE1, TABLE2
from bench.render.page.cells import estimate_cell
from bench.render.page.data import Table, make_table, to_json
from bench.results.record import Status
from bench.results.statistics import Estimate, Interval
from bench.results.store import read_records
from bench.results.summary import RunSummary, summarize
from tests.bench.committed_runs import newest_table1
from tests.bench.example_evaluations import EVALUATION
from tests.bench.example_records import (
    complete_run,
    complete_run_on_gpu,
    environment,
    fail,
    make_job,
    make_rounds,
)
from tests.bench.render.page.made_up_pages import (
    ONE_PROCESS,
    REASON,
    failed_run,
    troubled_run,
)

ROOT = Path(__file__).parents[4]
SCHEMA1 = ROOT / "reports" / "records" / "cpu-20261123T022842Z.jsonl"


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    return troubled_run()


def keys(table: Table) -> list[str]:
    return [head.key for head in table.heads]


def agrees(summary: RunSummary, table: Table) -> None:
    """Every metric of a run is in the table, as the run has it."""
    places = {key: place for place, key in enumerate(keys(table))}
    for model, row in zip(summary.models, table.rows, strict=True):
        for metric in summary.metrics:
            value, cell = model.values[metric.name], row.cells[places[metric.name]]
            assert (cell.value, cell.is_missing) == (value.value, value.is_missing)
            ends = value.span or (value.interval and (value.interval.low, value.interval.high))
            assert (cell.low, cell.high) == (ends or (None, None))


def test_every_value_is_the_runs(summary: RunSummary) -> None:
    agrees(summary, make_table([summary], {}))


def test_records_of_the_first_release_have_their_values_too() -> None:
    assert b'"schema": 1' in SCHEMA1.read_bytes().splitlines()[0]
    old = summarize(read_records(SCHEMA1).records)
    agrees(old, make_table([old], {}))


def test_what_scripts_read_is_the_same_to_the_last_digit(summary: RunSummary) -> None:
    table = make_table([summary], {})
    read = json.loads(json.dumps(to_json(table), allow_nan=False))
    for row, packed in zip(table.rows, read["rows"], strict=True):
        for cell, short in zip(row.cells, packed["cells"], strict=True):
            if cell.is_missing:
                assert short is None
            elif isinstance(short, list):
                assert short == [cell.value, cell.low, cell.high, int(bool(cell.reason))]
            else:
                assert (short, cell.low, cell.reason) == (cell.value, None, "")


def test_every_missing_cell_has_its_status_and_reason(summary: RunSummary) -> None:
    table = make_table([summary], {})
    (row,) = [row for row in table.rows if row.name == "Demucs"]
    measured = [
        cell for key, cell in zip(keys(table), row.cells, strict=True) if "paper" not in key
    ]
    assert {(cell.text, cell.reason) for cell in measured} == {("oom", REASON)}
    assert table.reasons.count(REASON) == 1


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_a_run_in_which_all_failed_is_a_table_of_reasons(status: Status) -> None:
    records = [fail(record, status, REASON) for record in complete_run(TABLE1[:2])]
    table = make_table([summarize(records)], {})
    assert len(table.rows) == 2
    costs = [cell for row in table.rows for cell in row.cells if cell.value is None]
    assert len(costs) > 40
    assert all(cell.is_missing and cell.reason for cell in costs)


def test_a_time_that_can_not_be_trusted_is_a_range_with_its_doubt(summary: RunSummary) -> None:
    table = make_table([summary], {})
    (row,) = [row for row in table.rows if row.name == "DPRNN"]
    cell = row.cells[keys(table).index("latency_s_inference")]
    (model,) = [model for model in summary.models if model.entry.name == ONE_PROCESS]
    assert cell.value is None
    assert (cell.low, cell.high) == model.values["latency_s_inference"].span
    assert cell.text.endswith(", noisy")
    assert "1 process of the 3 that a value needs" in cell.reason
    assert (cell.published, cell.ratio) == (3.98, None)
    assert row.facets[table.facets.index("Status")] == "in doubt"


def test_the_papers_value_and_the_ratio_stand_beside_the_measured(summary: RunSummary) -> None:
    table = make_table([summary], {})
    cell = table.rows[0].cells[keys(table).index("macs_inference")]
    assert (cell.value, cell.published) == (1_234_567_891, 5.23e9)
    assert cell.ratio == pytest.approx(1_234_567_891 / 5.23e9)
    assert cell.beside == "5.23, × 0.236"


def test_ratios_are_to_the_base_network_which_has_none(summary: RunSummary) -> None:
    table = make_table([summary], {})
    place = keys(table).index("ratio_inference")
    assert table.heads[place].text == "Inference: time, ratio to SuDoRM-RF 1.0x"
    found = {row.name: row.cells[place] for row in table.rows}
    assert found["SuDoRM-RF 1.0x"].text == "1"
    assert found["Conv-TasNet"].value == pytest.approx(1 / 5)
    assert found["Demucs"].reason == REASON


def test_networks_outside_the_paper_have_no_columns_of_it() -> None:
    records = make_rounds([[0.5, 0.5]] * 3, make_job("mine.py:net", factory="mine.py:net"))
    table = make_table([summarize(records)], {})
    assert keys(table) == ["latency_s_inference", "ratio_inference"]
    assert not table.has_published
    assert table.facets == ()


def test_table2_and_own_evaluations_are_columns_where_a_network_has_them() -> None:
    own = {("sudormrf-1.0x", "speech"): replace(EVALUATION, separator="sudormrf-1.0x")}
    table = make_table([summarize(complete_run(TABLE2[:2]))], own)
    found = {key: [row.cells[place] for row in table.rows] for place, key in enumerate(keys(table))}
    assert [cell.value for cell in found["paper_table2"]] == [16.0, 15.9]
    first, second = found["own_speech"]
    assert (first.value, first.low, first.high) == (4.1, 3.9, 4.3)
    assert first.text == "4.10 ± 0.20"
    assert (second.text, second.reason) == ("not trained", "Not trained here.")
    assert all(head.is_gain == ("SI-SDRi" in head.text) for head in table.heads)


@pytest.mark.parametrize("run", ["troubled", "committed"])
def test_no_row_with_a_doubtful_cell_is_called_ok(run: str, summary: RunSummary) -> None:
    """Nor one whose times are sound and a ratio of them isn't."""
    table = make_table([summary if run == "troubled" else newest_table1(ROOT / "reports")], {})
    place = table.facets.index("Status")
    doubtful = {
        row.facets[place]
        for row in table.rows
        if any(cell.reason and not cell.is_missing for cell in row.cells)
    }
    assert doubtful
    assert "ok" not in doubtful


def test_rows_are_told_apart_by_what_differs_and_nothing_else() -> None:
    here = summarize(complete_run(TABLE1[:1]))
    elsewhere = environment(machine={"cpu": "Prozessor Ü"})
    there = summarize(
        [replace(record, environment=elsewhere) for record in complete_run(TABLE1[:1])]
    )
    assert make_table([here], {}).facets == ()
    table = make_table([here, there], {})
    assert table.facets == ("Machine",)
    assert table.options(0) == ["Example CPU", "Prozessor Ü"]


def test_rows_have_a_setting_in_common_where_their_costs_can_be_compared() -> None:
    """Two runs that differ in nothing but their networks, and one on another machine."""
    here, also_here, to_move = (complete_run(TABLE1[place : place + 1]) for place in range(3))
    elsewhere = environment(machine={"cpu": "Other CPU"})
    there = [replace(record, environment=elsewhere) for record in to_move]
    table = make_table([summarize(records) for records in (here, also_here, there)], {})
    packed: Any = to_json(table)
    assert [row["setting"] for row in packed["rows"]] == [0, 0, 1]


def test_a_gpu_has_its_columns_and_a_run_without_one_a_reason_there() -> None:
    with_gpu, without = complete_run_on_gpu(TABLE1[:1]), complete_run(TABLE1[1:2])
    table = make_table([summarize(with_gpu), summarize(without)], {})
    place = keys(table).index("latency_s_gpu_inference")
    assert table.heads[place].text == "Inference on the GPU: time (ms)"
    first, second = (row.cells[place] for row in table.rows)
    assert first.value is not None
    assert (second.text, second.reason) == ("not measured", "Not part of this run.")
    assert {"Machine", "Device"} <= set(table.facets)


def test_a_head_begins_with_the_phase_that_it_is_about() -> None:
    table = make_table([summarize(complete_run(TABLE1[:1]))], {})
    assert len({head.text for head in table.heads}) == len(table.heads)
    for head in table.heads:
        for phase, name in (("inference", "Inference: "), ("update", "Training step: ")):
            assert head.text.startswith(name) == head.key.endswith(f"_{phase}")


@pytest.mark.parametrize(
    ("half_width", "text"), [(0.02, "2.00 ± 2 %"), (0.12, "2.00† ± 12 %"), (0.3, "noisy")]
)
def test_a_ratio_is_marked_and_left_out_where_a_time_would_be(half_width: float, text: str) -> None:
    low, high = 2 * (1 - half_width), 2 * (1 + half_width)
    estimate = Estimate(2.0, Interval(low, high, 0.95), 5, 20, (low, high))
    cell = estimate_cell(estimate)
    assert text in cell.text
    assert (cell.low, cell.high) == (low, high)
    assert (cell.value is None) == (half_width >= 0.25)
    assert bool(cell.reason) == (half_width >= 0.1)


def test_a_failed_run_knows_its_networks() -> None:
    assert [row.name for row in make_table([failed_run()], {}).rows] == [
        entry.display_name for entry in TABLE1
    ]
