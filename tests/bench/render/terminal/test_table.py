"""The tables at the end of a run: whole on any terminal, with units that fit."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from bench.registry import TABLE1
from bench.render.columns import table1_columns
from bench.render.terminal.table import print_beside, print_summary
from bench.results.measurements import LatencyTimes, OperationCount, ParameterCount, Tally
from bench.results.record import Record, Status
from bench.results.summary import BASE, summarize
from tests.bench.example_records import SETTINGS, complete_run, fail, make_job, make_record

LONG = "packages.networks.experiments.of_a_long_year:a_network_with_a_name_beyond_eighty_columns"


def console_of(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, color_system=None)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def printed(records: Sequence[Record], width: int = 80) -> str:
    console = console_of(width)
    print_summary(summarize(records), console)
    return text_of(console)


@pytest.mark.parametrize("width", [20, 80, 200])
def test_names_and_values_are_whole_at_any_width(width: int) -> None:
    records = [*complete_run(), make_record(make_job(LONG, factory=LONG), LatencyTimes((0.0123,)))]
    text = printed(records, width)
    assert "…" not in text
    for model in summarize(records).models:
        lines = [line for line in text.splitlines() if f" {model.entry.display_name} " in line]
        cells = " ".join(lines)
        for column in table1_columns("cpu"):
            assert column.format_alone(model.values[column.metric]) in cells


def test_the_papers_networks_fit_into_80_columns() -> None:
    assert max(map(len, printed(complete_run()).splitlines())) <= 80


def test_small_values_have_units_that_fit() -> None:
    records = [
        make_record(make_job("a.b:c", "parameters", factory="a.b:c"), ParameterCount(8, 8, 0, 32)),
        make_record(make_job("a.b:c", factory="a.b:c"), LatencyTimes((27.1e-6,))),
    ]
    line = next(line for line in printed(records).splitlines() if "a.b:c" in line)
    assert "8" in line.split()
    assert "27.1 µs" in line


def test_statuses_stand_in_every_cell() -> None:
    records = [fail(r, Status.TIMEOUT, "Slow.") for r in complete_run(TABLE1[:1])]
    assert printed(records).count("timeout") == len(table1_columns("cpu"))


def test_a_name_with_brackets() -> None:
    name = "my.networks[red]:small"
    assert name in printed([make_record(make_job(name, factory=name), LatencyTimes((1.0,)))])


def test_operators_without_a_formula_are_named() -> None:
    count = OperationCount(
        1, 2, {"fft": Tally("unknown", 3), "add": Tally("elementwise", 1)}, "meta"
    )
    text = printed([make_record(make_job(probe="operations"), count)])
    line = next(line for line in text.splitlines() if "formula" in line)
    assert "dprnn I" in line
    assert "fft" in line
    assert "add" not in line


def test_ratios_stand_beside_those_of_another_run() -> None:
    here = complete_run()
    slower = [
        replace(record, result=LatencyTimes(tuple(2 * t for t in record.result.times_s)))
        if record.job.model == "dprnn" and isinstance(record.result, LatencyTimes)
        else record
        for record in here
    ]
    console = console_of(80)
    print_beside(summarize(slower), [summarize(here)], console)
    lines = text_of(console).partition("─")[2].splitlines()[1:]
    rows = [line.split() for line in lines if line.strip()]
    quotients = {" ".join(row[:-3]): float(row[-1]) for row in rows}
    assert {name: q for name, q in quotients.items() if q != 1} == {"DPRNN I": 2, "DPRNN B": 2}
    assert len(quotients) == 2 * (len(TABLE1) - 1)


def test_a_run_with_another_base_has_nothing_beside_it() -> None:
    console = console_of(80)
    print_beside(summarize(complete_run(TABLE1[:2])), [summarize(complete_run())], console)
    assert "another base" in text_of(console)


def test_a_run_of_other_networks_is_passed_over() -> None:
    """A run of Table 2 shares no network with Table 1 but the base itself."""
    base = [entry for entry in TABLE1 if entry.name == BASE]
    runs = [summarize(complete_run(base)), summarize(complete_run())]
    console = console_of(80)
    print_beside(summarize(complete_run()), runs, console)
    assert "DPRNN I" in text_of(console)


def test_a_run_on_other_lengths_has_nothing_beside_it() -> None:
    longer = complete_run(settings=replace(SETTINGS, n_samples=16000))
    console = console_of(80)
    print_beside(summarize(complete_run()), [summarize(longer)], console)
    assert "DPRNN" not in text_of(console)
