"""Numbers of a log axis stand beside each other, whatever the axis holds."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure as Canvas

from bench.render.figures.decades import scale_costs
from bench.render.figures.paper import ONE_COLUMN, TWO_COLUMNS, paper_style
from bench.units import format_si


@pytest.mark.parametrize("width", [ONE_COLUMN / 2, TWO_COLUMNS / 3, TWO_COLUMNS])
@settings(max_examples=20)
@given(low=st.floats(1e-3, 1e9), decades=st.floats(0, 4))
def test_numbers_do_not_touch(width: float, low: float, decades: float) -> None:
    with paper_style():
        canvas = Canvas(figsize=(width, 1.5))
        axes = canvas.subplots()
        scale_costs(axes, "x", [low, low * 10**decades], lambda value: format_si(value, "s", 2))
        canvas.draw_without_rendering()
        inside = [
            label.get_window_extent()
            for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
            if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]
        ]
    assert inside
    for first, second in pairwise(inside):
        assert first.x1 < second.x0


def test_an_axis_of_a_decade_has_numbers_at_one_two_and_five() -> None:
    axes = Canvas(figsize=(TWO_COLUMNS, 3)).subplots()
    scale_costs(axes, "x", [0.02, 0.09])
    low, high = axes.get_xlim()
    assert {round(tick, 6) for tick in axes.get_xticks() if low < tick < high} == {0.02, 0.05, 0.1}
