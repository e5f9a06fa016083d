"""Rectangles on the page, and which of them the artists of an axes cover."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.text import Text
from numpy.typing import NDArray

STEP = 3.0
"""Points of the page, in which lines are covered with boxes."""
THICK = 2.0
"""Points; a line that is wider is a bar, which no name may cover."""

Place = tuple[float, float]
Places = NDArray[np.float64]
"""Shape [n, 2]."""


@dataclass(frozen=True)
class Box:
    """A rectangle on the page, in points."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top."""
        return self.left, self.bottom, self.right, self.top

    def covers(self, other: "Box") -> bool:
        """Whether they have an area in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )


@dataclass(frozen=True)
class Drawn:
    """What an axes shows: ``solid`` are markers, bars and words, ``thin`` are lines."""

    solid: list[Box]
    thin: list[Box]


def around(place: Place, half: float) -> Box:
    """A square with this middle."""
    x, y = place
    return Box(x - half, y - half, x + half, y + half)


def points_per_pixel(axes: Axes) -> float:
    """Of the figure's own resolution, in which matplotlib computes."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return 72 / float(figure.dpi)


def on_page(axes: Axes, place: Place) -> Place:
    """Where a point of an axes lies, in points of the page; limits and scales must be set."""
    x, y = axes.transData.transform(place) * points_per_pixel(axes)
    return float(x), float(y)


def page_of(axes: Axes) -> Box:
    """What lies between the limits."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return Box(*on_page(axes, (left, bottom)), *on_page(axes, (right, top)))


def along(start: Place, end: Place, half: float = STEP / 2) -> Iterator[Box]:
    """Small boxes on a line between two places of the page; ``half`` is half its width."""
    n = max(1, math.ceil(math.dist(start, end) / max(STEP, half)))
    for step in range(n + 1):
        at = [first + step / n * (last - first) for first, last in zip(start, end, strict=True)]
        yield around((at[0], at[1]), half)


def find_drawn(axes: Axes) -> Drawn:
    """The boxes of lines, markers, bars and words; shaded areas are background."""
    drawn = Drawn([], [])
    for line in axes.lines:
        drawn.solid.extend(_of_markers(axes, line))
        drawn.thin.extend(_of_line(axes, line))
    for collection in axes.collections:
        if isinstance(collection, LineCollection):
            width = float(np.max(np.asarray(collection.get_linewidth())))
            boxes = _of_segments(axes, collection, width)
            (drawn.solid if width > THICK else drawn.thin).extend(boxes)
    for text in axes.texts:
        drawn.solid.extend(_of_text(axes, text))
    return drawn


def _places_of(axes: Axes, line: Line2D) -> Places:
    """Of its points, on the page."""
    places = np.column_stack([np.asarray(line.get_xdata()), np.asarray(line.get_ydata())])
    if not len(places):
        return np.empty((0, 2))
    found: Places = line.get_transform().transform(places.astype(float)) * points_per_pixel(axes)
    return found


def _of_markers(axes: Axes, line: Line2D) -> Iterator[Box]:
    marker = line.get_marker()
    if marker in (None, "None", "none", "", " "):
        return
    long = line.get_markersize() / 2
    short = max(1.0, line.get_markeredgewidth() / 2)
    half_x, half_y = (short if marker == "|" else long), (short if marker == "_" else long)
    for x, y in _places_of(axes, line):
        yield Box(x - half_x, y - half_y, x + half_x, y + half_y)


def _of_line(axes: Axes, line: Line2D) -> Iterator[Box]:
    if line.get_linestyle() in ("None", "none", "", " "):
        return
    places = _places_of(axes, line)
    if line.get_drawstyle() == "steps-post" and len(places) > 1:
        corners = np.column_stack([places[1:, 0], places[:-1, 1]])
        places = np.insert(places, list(range(1, len(places))), corners, axis=0)
    for start, end in pairwise(places):
        yield from _cover(start, end, STEP / 2)


def _cover(start: Places, end: Places, half: float) -> Iterator[Box]:
    """A straight line: one box where it is level or upright, else many."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    if min(high - low) < 0.1:
        yield Box(low[0] - half, low[1] - half, high[0] + half, high[1] + half)
    else:
        yield from along((start[0], start[1]), (end[0], end[1]), half)


def _of_segments(axes: Axes, collection: LineCollection, width: float) -> Iterator[Box]:
    transform, scale = collection.get_transform(), points_per_pixel(axes)
    for segment in collection.get_segments():
        places = transform.transform(np.asarray(segment, dtype=float)) * scale
        for start, end in pairwise(places):
            yield from _cover(start, end, max(STEP, width) / 2)


def size_of(axes: Axes, words: Text) -> tuple[float, float]:
    """Width and height of words that stand in an axes, without their rotation, in points."""
    angle, scale = words.get_rotation(), points_per_pixel(axes)
    words.set_rotation(0)
    extent = Text.get_window_extent(words)
    words.set_rotation(angle)
    return extent.width * scale, extent.height * scale


def _of_text(axes: Axes, words: Text) -> Iterator[Box]:
    """One box; of words that are turned about their start, squares along their middle."""
    if not words.get_text() or not words.get_visible():
        return
    scale, angle = points_per_pixel(axes), math.radians(words.get_rotation())
    extent = words.get_window_extent()
    left, bottom, right, top = (float(edge) * scale for edge in extent.extents)
    if not angle:
        yield Box(left, bottom, right, top)
        return
    width, height = size_of(axes, words)
    middle = (left + right) / 2, (bottom + top) / 2
    reach = (width - height) / 2 * math.cos(angle), (width - height) / 2 * math.sin(angle)
    start = middle[0] - reach[0], middle[1] - reach[1]
    end = middle[0] + reach[0], middle[1] + reach[1]
    yield from along(start, end, height / 2)
