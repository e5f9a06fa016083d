"""Names beside points: they cover neither points nor lines nor each other."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.render.figures.boxes import Box, along, around, find_drawn, on_page, page_of
from bench.render.figures.labels import place_by_line, place_names, place_note

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
    for point in points:
        axes.plot(*point, "o", markersize=8)
    line = [*along(on_page(axes, (0, 0.1)), on_page(axes, (1, 0.9)))]
    boxes = place_names(axes, list(zip(NAMES, points, strict=False)), line)
    for box in boxes:
        assert not any(box.covers(around(on_page(axes, point), 4)) for point in points)
        assert not any(box.covers(one) for one in line)
    assert not any(first.covers(second) for first, second in combinations(boxes, 2))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_wider_than_its_box(name: str) -> None:
    axes = make_axes()
    (box,) = place_names(axes, [(name, (0.5, 0.5))])
    (drawn,) = find_drawn(axes).solid
    assert box.left <= drawn.left < drawn.right <= box.right
    assert box.bottom <= drawn.bottom < drawn.top <= box.top


def test_a_name_in_a_corner_stays_in_the_axes() -> None:
    axes = make_axes()
    for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
        (box,) = place_names(axes, [("A long name of a network", corner)])
        page = page_of(axes)
        assert page.left <= box.left + 0.01
        assert box.right <= page.right + 0.01
        assert page.bottom <= box.bottom + 0.01
        assert box.top <= page.top + 0.01


def test_lines_are_crossed_only_where_a_name_has_no_other_place() -> None:
    axes = make_axes()
    axes.plot([0, 1], [0.5, 0.5])
    (box,) = place_names(axes, [("A name", (0.5, 0.5))])
    assert not any(box.covers(one) for one in find_drawn(axes).thin)


def note_of(axes: Axes) -> Box:
    return find_drawn(axes).solid[-1]


def test_a_note_is_in_the_lower_right_corner_or_as_near_as_it_can() -> None:
    free, taken = make_axes(), make_axes()
    taken.plot(0.98, 0.03, "o")
    place_note(free, "Demucs: oom", "red")
    place_note(taken, "Demucs: oom", "red")
    assert note_of(free).right == pytest.approx(page_of(free).right, abs=2)
    assert note_of(free).bottom == pytest.approx(page_of(free).bottom, abs=2)
    (marker, note) = find_drawn(taken).solid
    assert not note.covers(marker)
    assert note.bottom - page_of(taken).bottom < 30


def test_nothing_to_note_is_no_note() -> None:
    axes = make_axes()
    place_note(axes, "", "red")
    assert not axes.texts


def test_the_name_of_a_level_line_is_beside_it_and_covers_no_marker() -> None:
    axes = make_axes()
    axes.plot([0, 1], [0.5, 0.5])
    axes.plot(0.95, 0.52, "s", markersize=10)
    axes.plot(0.95, 0.48, "s", markersize=10)
    place_by_line(axes, "float32: 100 GFLOP/s", 0.5)
    *markers, name = find_drawn(axes).solid
    assert not any(name.covers(marker) for marker in markers)
    line = on_page(axes, (0.5, 0.5))[1]
    assert min(abs(name.bottom - line), abs(name.top - line)) < 4


def test_thick_lines_are_bars_and_others_are_thin() -> None:
    axes = make_axes()
    axes.hlines(0.5, 0.2, 0.8, linewidth=4)
    axes.vlines(0.5, 0.2, 0.8, linewidth=0.8)
    drawn = find_drawn(axes)
    middle = on_page(axes, (0.5, 0.5))
    assert all(box.bottom < middle[1] < box.top for box in drawn.solid)
    assert all(box.left < middle[0] < box.right for box in drawn.thin)
    assert drawn.solid
    assert drawn.thin


def test_a_step_is_covered_around_its_corner() -> None:
    axes = make_axes()
    axes.step([0.2, 0.8], [0.2, 0.8], where="post")
    corner, diagonal = on_page(axes, (0.8, 0.2)), on_page(axes, (0.5, 0.5))
    assert any(box.covers(around(corner, 1)) for box in find_drawn(axes).thin)
    assert not any(box.covers(around(diagonal, 1)) for box in find_drawn(axes).thin)
