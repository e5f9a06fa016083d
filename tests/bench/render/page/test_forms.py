"""A run of forms on the page: a row for each form, which has a time and nothing else."""

import pytest

from bench.render.page.data import make_table
from bench.render.page.forms import summarize_for_page
from bench.results.form_summary import summarize_forms
from bench.results.record import Status
from tests.bench.example_records import complete_run, fail
from tests.bench.made_up_forms import FORM, rounds

RECORDS = [
    *rounds(0.1, dtype="float32"),
    *rounds(0.04, FORM, runtime="onnxruntime", dtype="float32"),
    *[
        fail(record, Status.MISMATCH, "It rounds.")
        for record in rounds(0.03, FORM, runtime="onnxruntime", dtype="int8")
    ],
]


def test_each_form_is_a_row_that_its_runtime_and_precision_tell_apart() -> None:
    table = make_table(summarize_for_page(RECORDS), {})
    assert {"Runtime", "Precision"} <= set(table.facets)
    places = [table.facets.index(name) for name in ("Runtime", "Precision")]
    found = [tuple(row.facets[place] for place in places) for row in table.rows]
    assert found == [("eager", "float32"), ("onnxruntime", "float32"), ("onnxruntime", "int8")]


def test_its_time_is_that_of_the_form_and_a_failure_has_its_reason() -> None:
    table = make_table(summarize_for_page(RECORDS), {})
    place = [head.key for head in table.heads].index("latency_s_inference")
    eager, fast, wrong = (row.cells[place] for row in table.rows)
    timings = [form.timing for form in summarize_forms(RECORDS) if form.timing]
    assert [eager.value, fast.value] == [timing.latency.value for timing in timings]
    assert fast.value == pytest.approx(0.0404)
    assert (wrong.text, wrong.reason) == ("mismatch", "It rounds.")


def test_it_has_no_ratio_to_a_base_network() -> None:
    table = make_table(summarize_for_page(RECORDS), {})
    place = [head.key for head in table.heads].index("ratio_inference")
    _, *others = (row.cells[place] for row in table.rows)
    assert {(cell.text, cell.reason) for cell in others} == {
        ("not measured", "Not part of this run.")
    }


def test_another_run_is_one_summary() -> None:
    assert len(summarize_for_page(complete_run())) == 1
