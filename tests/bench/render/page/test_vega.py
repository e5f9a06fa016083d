"""Pieces of charts: numbers, marks of values, menus and colours."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.render.figures.pareto import STYLES
from bench.render.page import colours, vega
from bench.results.statistics import Estimate, Interval
from bench.results.summary import Value

NUMBERS = st.floats(1e-12, 1e15) | st.floats(-1e15, -1e-12)


@given(value=NUMBERS)
@example(value=8.6875)
def test_a_number_keeps_four_digits(value: float) -> None:
    short = vega.shorten({"value": value})["value"]
    assert short == pytest.approx(value, rel=5e-4)
    assert len(Decimal(repr(short)).normalize().as_tuple().digits) <= 4


def test_text_and_truth_stay_as_they_are() -> None:
    row: vega.Row = {"network": "<b>1234567</b>", "noisy": True, "n": 3}
    assert vega.shorten(row) == row
    assert vega.shorten(row)["noisy"] is True


@given(low=st.floats(1e-6, 1e6), factor=st.floats(1.0, 1e3))
def test_a_range_is_drawn_at_its_middle_on_a_logarithmic_axis(low: float, factor: float) -> None:
    row = vega.place_value(Value(None, span=(low, low * factor)))
    assert row["noisy"] is True
    middle = float(row["value"])
    assert middle / low == pytest.approx(low * factor / middle)


def test_a_number_has_its_interval_where_there_is_one() -> None:
    assert vega.place_value(Value(2.0)) == {"value": 2.0, "noisy": False}
    found = vega.place_value(Value(2.0, interval=Interval(1.9, 2.2, 0.95)))
    assert found == {"value": 2.0, "low": 1.9, "high": 2.2, "noisy": False}


@pytest.mark.parametrize(("n_processes", "is_noisy"), [(3, False), (2, True)])
def test_an_estimate_that_is_not_trusted_is_noisy(n_processes: int, is_noisy: bool) -> None:
    estimate = Estimate(2.0, Interval(1.9, 2.1, 0.95), n_processes, 9, (1.0, 4.0))
    row = vega.place_estimate(estimate)
    assert row["noisy"] is is_noisy
    assert (row["low"], row["high"]) == (estimate.span if is_noisy else (1.9, 2.1))


@pytest.mark.parametrize(
    ("value", "is_drawable"),
    [
        (Value(1.0), True),
        (Value(0.0), False),
        (Value(None), False),
        (Value(None, span=(1.0, 2.0)), True),
        (Value(None, span=(0.0, 2.0)), False),
    ],
)
def test_what_has_no_place_on_a_logarithmic_axis_is_not_drawn(
    value: Value, is_drawable: bool
) -> None:
    assert vega.is_drawable(value) is is_drawable


def test_one_option_is_no_choice() -> None:
    one, two = (vega.Menu("cost", "Cost", options) for options in (["Time"], ["Time", "MACs"]))
    assert "bind" not in one.param
    bind: Any = two.param["bind"]
    assert bind["options"] == ["Time", "MACs"]
    assert one.param["value"] == two.param["value"] == "Time"


@pytest.mark.parametrize("n_names", [1, len(colours.COLOURS), 3 * len(colours.COLOURS)])
def test_no_two_networks_look_alike(n_names: int) -> None:
    names = [f"network {number}" for number in range(n_names)]
    looks: Any = colours.told_apart("network", names)
    fill, shape = looks["fill"]["scale"], looks["shape"]["scale"]
    pairs = zip(fill["range"], shape["range"], strict=True)
    look = dict(zip(fill["domain"], pairs, strict=True))
    assert len(set(look.values())) == len(look)
    assert set(names) <= set(look)
    assert looks["fill"]["legend"]["values"] == names


def test_a_network_of_the_paper_has_its_colour_whichever_others_are_there() -> None:
    looks: Any = colours.told_apart("network", ["mine:net", "DPRNN"])
    for channel in looks.values():
        assert channel["legend"]["values"] == ["DPRNN", "mine:net"]
    fill = looks["fill"]["scale"]
    assert fill["range"][fill["domain"].index("DPRNN")] == STYLES["dprnn"][0]


@pytest.mark.parametrize("names", [["DPRNN"], ["Conv-TasNet", "DPRNN", "Demucs"]])
def test_colours_alone_are_those_of_the_other_charts(names: list[str]) -> None:
    fill: Any = colours.told_by_colour("network", names)
    assert fill == colours.told_apart("network", names)["fill"]


@pytest.mark.parametrize("n_others", [1, 6, 9])
def test_where_colours_alone_tell_networks_apart_each_has_its_own(n_others: int) -> None:
    names = ["SuDoRM-RF 1.0x", *(f"network {number}" for number in range(n_others))]
    scale: Any = colours.told_by_colour("network", names)["scale"]
    look = dict(zip(scale["domain"], scale["range"], strict=True))
    assert len({look[name] for name in names}) == len(names)
