"""Figures as printed: all of them are there, and a rule reproduces what it should and no more."""

from dataclasses import replace

import pytest

from bench.registry import KNOWN
from bench.render.tables.published import render_published
from bench.results.measurements import (
    CounterComparison,
    CounterResult,
    OperationCount,
    ParameterCount,
    Result,
)
from bench.results.printed import (
    PUBLISHED,
    Printed,
    list_rules,
    models_of,
    nearest,
    read_printed,
    reproduced_by,
)
from bench.results.record import Record
from tests.bench.example_records import make_job, make_record

FIGURE = Printed("Conv-TasNet", "MACs", "10.23", "G/s", "a table", model="conv-tasnet")


def record(probe: str, result: Result, n_samples: int = 8000) -> Record:
    job = make_job(probe=probe, model="conv-tasnet")
    return make_record(replace(job, workload=replace(job.workload, n_samples=n_samples)), result)


def counters(n_samples: int, **macs: float) -> Record:
    found = {name: CounterResult(value) for name, value in macs.items()}
    return record("counters", CounterComparison(found, {}), n_samples)


RECORDS = [
    record("operations", OperationCount(4_971_663_360, 10**10, {}, "meta")),
    record("parameters", ParameterCount(5_050_545, 5_050_545, 0, 20_202_180)),
    counters(8000, ours=4.9717e9, ptflops=5.1152e9),
    counters(16000, ours=9.9433e9, ptflops=10.2304e9),
]


def test_the_rules_that_round_to_the_printed_digits_are_named() -> None:
    found = [rule.rule for rule in reproduced_by(FIGURE, list_rules(FIGURE, RECORDS))]
    assert found == ["ptflops, 16,000 samples", "ptflops, 8,000 samples, times two"]


@pytest.mark.parametrize(
    ("printed", "count", "is_like"),
    [
        ("10.23", 10.2349e9, True),
        ("10.23", 10.2351e9, False),
        ("10.2", 10.2351e9, True),
        ("10", 10.2351e9, True),
        ("10.24", 10.2351e9, True),
        ("10.230", 10.2349e9, False),
    ],
)
def test_a_count_is_compared_in_the_digits_that_are_printed(
    printed: str, count: float, is_like: bool
) -> None:
    assert replace(FIGURE, printed=printed).is_like(count) == is_like


def test_the_nearest_rule_is_named_where_none_gives_the_figure() -> None:
    figure = replace(FIGURE, printed="7.19")
    best = nearest(figure, list_rules(figure, RECORDS))
    assert best is not None
    assert best.rule == "ptflops, 8,000 samples"
    text = render_published([figure], RECORDS)
    assert "not reproduced; nearest: ptflops, 8,000 samples (-28.9 %)" in text
    assert "| 4.972 | 7.19 |" in text


def test_parameters_are_reproduced_by_their_number() -> None:
    figure = replace(FIGURE, quantity="parameters", printed="5.05", unit="M")
    assert "| all parameters | a table | 5.051 | 5.05 |" in render_published([figure], RECORDS)
    wrong = replace(figure, printed="5.62")
    assert "not reproduced; nearest: all parameters" in render_published([wrong], RECORDS)


def test_what_is_not_counted_says_why() -> None:
    unknown = replace(FIGURE, network="TIGER", model=None)
    assert "this project does not build the network" in render_published([unknown], RECORDS)
    time = replace(FIGURE, quantity="CPU time", unit="ms", printed="64")
    assert "it belongs to the machine" in render_published([time], RECORDS)


def test_every_figure_of_the_file_has_its_source_and_is_a_row() -> None:
    figures = read_printed()
    assert len(figures) == 53
    assert all(figure.where for figure in figures)
    text = render_published(figures, [])
    rows = [line for line in text.splitlines() if line.startswith("| ") and "Network" not in line]
    assert len(rows) == len(figures) + 2  # and a rule below each heading
    for figure in figures:
        assert any(figure.network in row and f" {figure.printed} " in row for row in rows)
    assert set(models_of(figures, KNOWN)) >= {"conv-tasnet", "dprnn", "sepformer"}
    assert PUBLISHED.name == "published.toml"
