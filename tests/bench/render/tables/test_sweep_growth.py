"""The tables of growth: exponents with intervals, words, residuals, and counts."""

from dataclasses import replace

import pytest

from bench.render.cell_names import CellNames
from bench.render.tables.sweep_growth import (
    format_curve,
    format_exponent,
    name_growth,
    render_growth,
)
from bench.results.growth import CostPoint, Curve, Growth
from bench.results.record import Record
from bench.results.statistics import LEVEL, Interval
from bench.results.sweep_answers import summarize_sweep
from tests.bench.made_up_sweep import ENTRIES, LENGTHS, Grid, is_of, make_sweep, make_times


def render(records: list[Record]) -> str:
    sweep = summarize_sweep([entry.name for entry in ENTRIES], records)
    return "\n\n".join(render_growth(sweep, CellNames.of(ENTRIES, sweep.cells)))


def growth(low: float, high: float, n_points: int = 7) -> Growth:
    points = tuple(CostPoint(length, 1.0, 1.0, 1.0) for length in LENGTHS[:n_points])
    return Growth(points, Curve(0.0, 1.0, (low + high) / 2), Interval(low, high, LEVEL))


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.97, 1.04, "linear"),
        (1.04, 1.2, "linear"),
        (1.06, 1.2, "faster than linear"),
        (0.7, 0.94, "slower than linear"),
        (0.7, 0.96, "linear"),
        (0.6, 1.2, "not told"),
        (1.8, 2.6, "faster than linear"),
    ],
)
def test_the_word_is_what_the_interval_allows(low: float, high: float, word: str) -> None:
    assert name_growth(growth(low, high)) == word


def test_without_an_interval_no_word_is_said() -> None:
    few = replace(growth(0.9, 1.1, 3), interval=None)
    assert name_growth(few) == "not told"
    assert format_exponent(few) == "1.00, no interval: 3 lengths"
    assert format_exponent(growth(0.976, 1.044)) == "1.01 (0.98 to 1.04)"


def test_a_curve_is_written_over_seconds() -> None:
    assert format_curve(Curve(0.004, 0.1 / 8000, 1.0), "s") == "4.00 ms + 100 ms × t^1.00"
    assert format_curve(Curve(0.0, 5e6 / 8000**2, 2.0), "B") == "5.00 MB × t^2.00"


def test_each_network_has_its_exponent() -> None:
    text = render(make_sweep(Grid()))
    time = text.partition("### Time")[2].partition("###")[0]
    conv = next(line for line in time.splitlines() if line.startswith("| Convolutional"))
    attentive = next(line for line in time.splitlines() if line.startswith("| Attentive"))
    assert "| linear |" in conv
    assert "| faster than linear |" in attentive
    assert conv.endswith("| none |")


def test_a_cell_that_leaves_the_curve_is_named_and_marked() -> None:
    records = [
        replace(record, result=make_times([2.0, 2.01, 2.02, 2.0, 2.01]))
        if is_of(record, "conv", "latency", 32000)
        else record
        for record in make_sweep(Grid(models=("conv",)))
    ]
    text = render(records)
    assert "| 4 s |" in text.partition("### Time")[2].partition("###")[0]
    residuals = text.partition("### Residuals")[2]
    assert residuals.count("(**+") == residuals.count("**+") == 1
    assert "(**+39" in residuals or "(**+40" in residuals or "(**+38" in residuals


def test_counts_are_on_a_line_or_off_by_so_much() -> None:
    text = render(make_sweep(Grid(models=("conv",))))
    assert "| Convolutional |  | yes | 12.3 k | 8.00 M |" in text


def test_two_lengths_have_no_curve_and_no_line() -> None:
    text = render(make_sweep(Grid(models=("conv",), lengths=LENGTHS[:2])))
    assert "| none | 2 lengths of the 3 that a curve needs. |" in text
    assert "### Multiply-adds" not in text
    assert "| Time | Setting |" not in text


def test_of_nothing_nothing_is_said() -> None:
    assert render([]) == ""
