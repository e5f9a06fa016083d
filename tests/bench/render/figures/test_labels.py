"""Names beside points: they cover neither points nor lines nor each other."""

from itertools import combinations

import matplotlib.pyplot as plt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.render.figures.labels import around, cover_line, on_page, place_names

NAMES = ("Conv-TasNet", "Demucs", "DPRNN", "SuDoRM-RF 0.25x", "Two-Step TDCN")
places = st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7))


def make_axes() -> Axes:
    axes: Axes = Canvas(figsize=(9, 6)).add_axes((0.1, 0.1, 0.8, 0.8))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    return axes


@settings(max_examples=30)
@given(st.lists(places, min_size=1, max_size=5))
def test_no_name_covers_a_point_a_line_or_another_name(
    points: list[tuple[float, float]],
) -> None:
    axes = make_axes()
    line = [*cover_line(axes, (0, 0.1), (1, 0.9))]
    boxes = place_names(axes, list(zip(NAMES, points, strict=False)), line)
    for box in boxes:
        assert not any(box.covers(around(on_page(axes, point), 4)) for point in points)
        assert not any(box.covers(one) for one in line)
    assert not any(first.covers(second) for first, second in combinations(boxes, 2))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_wider_than_its_box(name: str) -> None:
    axes = make_axes()
    (box,) = place_names(axes, [(name, (0.5, 0.5))], [])
    drawn = axes.texts[0].get_window_extent()
    dpi = plt.rcParams["figure.dpi"]
    assert drawn.width * 72 / dpi <= 1.05 * (box.right - box.left)
