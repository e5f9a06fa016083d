"""The tables at the end of a run: whole on any terminal, with units that fit."""

import io
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from bench.registry import TABLE1
from bench.render.columns import table1_columns
from bench.render.terminal.table import print_beside, print_summary, render_terminal
from bench.results.measurements import LatencyTimes, OperationCount, ParameterCount, Tally
from bench.results.record import Record, Status
from bench.results.summary import BASE, summarize
from tests.bench.example_records import (
    SETTINGS,
    complete_run,
    complete_run_on_gpu,
    fail,
    make_job,
    make_record,
    make_rounds,
)

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
    records = [*complete_run(), *make_rounds([[0.0123]], make_job(LONG, factory=LONG))]
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
        *make_rounds([[27.1e-6, 27.1e-6]] * 3, make_job("a.b:c", factory="a.b:c")),
    ]
    line = next(line for line in printed(records).splitlines() if "a.b:c" in line)
    assert "8" in line.split()
    assert "27.1 µs ± 0.0 %" in line


def test_statuses_stand_in_every_cell() -> None:
    records = [fail(r, Status.TIMEOUT, "Slow.") for r in complete_run(TABLE1[:1])]
    assert printed(records).count("timeout") == len(table1_columns("cpu"))


def test_a_name_with_brackets() -> None:
    name = "my.networks[red]:small"
    assert name in printed(make_rounds([[1.0]], make_job(name, factory=name)))


def row_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if f" {name} " in line)


def test_a_time_has_its_interval_and_a_column_of_ratios() -> None:
    text = printed(complete_run())
    assert row_of(text, "Demucs").split("MB")[1].split() == "202 ms ± 2 % 0.400 ± 0.0 %".split()
    assert row_of(text, "SuDoRM-RF 1.0x").split()[-5:] == "ms ± 2 % 1".split()
    assert "Ratio: of the time to that of SuDoRM-RF 1.0x." in " ".join(text.split())


def test_what_can_not_be_trusted_is_a_range_and_says_where_to_read_on() -> None:
    base = make_rounds([[0.1]] * 6, make_job("sudormrf-1.0x"), turns=(0,))
    noisy = make_rounds([[0.12], [0.21]] * 3, turns=(0,))
    text = printed([*base, *noisy])
    assert "120 to 210 ms, noisy" in row_of(text, "DPRNN")
    assert "1.2 to 2.1, noisy" in row_of(text, "DPRNN")
    assert "† or noisy: the report says why." in " ".join(text.split())
    assert "noisy" not in printed(base)


def test_without_times_there_is_no_column_of_ratios() -> None:
    text = printed([r for r in complete_run(TABLE1[:1]) if r.job.probe != "latency"])
    assert "Ratio" not in text


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
        replace(record, result=replace(result, times_s=tuple(2 * t for t in result.times_s)))
        if record.job.model == "dprnn" and isinstance(result := record.result, LatencyTimes)
        else record
        for record in here
    ]
    console = console_of(80)
    print_beside(summarize(slower), [summarize(here)], console)
    lines = text_of(console).partition("─")[2].splitlines()[1:]
    rows = [re.split(" {2,}", line.strip()) for line in lines if line.strip()]
    assert {len(row) for row in rows} == {4}
    quotients = {row[0]: float(row[-1]) for row in rows}
    assert {name: q for name, q in quotients.items() if q != 1} == {"DPRNN I": 2, "DPRNN B": 2}
    assert len(quotients) == 2 * (len(TABLE1) - 1)
    assert rows[0][1:3] == ["0.200 ± 0.0 %"] * 2


def test_ranges_have_no_quotient() -> None:
    base = make_rounds([[0.1]] * 6, make_job("sudormrf-1.0x"), turns=(0,))
    noisy = make_rounds([[0.12], [0.21]] * 3, turns=(0,))
    sure = make_rounds([[0.12]] * 6, turns=(0,))
    console = console_of(80)
    print_beside(summarize([*base, *sure]), [summarize([*base, *noisy])], console)
    row = re.split(" {2,}", row_of(text_of(console), "DPRNN I").strip())
    assert row == ["DPRNN I", "1.20 ± 0.0 %", "1.2 to 2.1, noisy", "noisy"]


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


def test_a_run_with_a_gpu_has_a_third_table() -> None:
    first, second, third = render_terminal(summarize(complete_run_on_gpu()))
    assert first.title == "Inference (I) on Example CPU"
    assert second.title == "Training step (B) on Example GPU"
    assert third.title == "The same inference on Example GPU"
    heads = [str(column.header) for column in third.columns]
    assert heads == ["Model", "Time", "Memory", "Launches", "Ratio"]
    assert len(list(render_terminal(summarize(complete_run())))) == 2
