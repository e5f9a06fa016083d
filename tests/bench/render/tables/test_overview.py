"""The opening of table1.md: sentences that follow from the values, and a narrow table."""

from collections.abc import Sequence

import pytest

from bench.registry import TABLE1
from bench.render.tables.overview import describe_findings, render_overview
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, fail, make_job, make_rounds
from tests.bench.render.tables.test_table1 import tables

WIDEST = 110
"""Characters of a row that fits the width of a page on GitHub."""


def findings(records: Sequence[Record]) -> str:
    return " ".join(describe_findings(summarize(records)))


def test_the_cheapest_in_everything_is_named() -> None:
    """In the example the first network costs least of all."""
    assert findings(complete_run()).startswith(
        "**Conv-TasNet** is the cheapest in all of Params, MACs I, MACs B, Memory I, Memory B, "
        "Time I and Time B."
    )


def test_columns_without_a_certain_order_are_named() -> None:
    records = [
        fail(record, Status.OOM, "Full.")
        if record.job.model == "demucs" and record.job.probe == "memory"
        else record
        for record in complete_run()
    ]
    text = findings(records)
    assert "**Conv-TasNet** is the cheapest in Params, MACs I, MACs B, Time I and Time B." in text
    assert "Which is the cheapest in Memory I and Memory B is not certain." in text


def test_the_frontier_is_of_the_papers_quality_and_counted_operations() -> None:
    """Operations grow down the table here: who has a better one above it is beaten."""
    best, frontier = float("-inf"), []
    for model in summarize(complete_run()).models:
        assert model.published
        if model.published.si_sdri_speech_db > best:
            best = model.published.si_sdri_speech_db
            frontier.append(model.entry.display_name)
    assert f"{' and '.join(frontier)} are on the Pareto frontier; for Demucs," in findings(
        complete_run()
    )


def test_times_that_are_ranges_are_counted() -> None:
    assert "can't be trusted" not in findings(complete_run())
    noisy = make_rounds([[0.1], [0.2]] * 3, make_job("sudormrf-1.0x"), turns=(0,))
    assert "1 of 2 times can't be trusted and are ranges." in findings(noisy)


@pytest.mark.parametrize("records", [complete_run(), make_rounds([[1.0]] * 6, make_job("a:b"))])
def test_the_table_is_narrow_and_comes_after_what_was_found(records: list[Record]) -> None:
    *_, legend = parts = list(render_overview(summarize(records)))
    (table,) = tables("\n\n".join(parts))
    assert {len(row) for row in table} == {len(table[0])}
    assert all(len(" | ".join(row)) <= WIDEST for row in table)
    assert ("\\*" in legend) == any("\\*" in cell for row in table for cell in row)


def test_every_network_has_a_row() -> None:
    _, table, _ = render_overview(summarize(complete_run()))
    names = [row[0] for row in next(tables(table))[1:]]
    assert names == [entry.display_name for entry in TABLE1]
