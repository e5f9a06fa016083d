"""Names beside points, so that none covers a point, a line or another name."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.textpath import TextPath

FONT_POINTS = 8.5
DISTANCES = (10.0, 15.0, 22.0, 32.0, 44.0, 58.0, 74.0)
"""Points of the page from a marker to its name; nearer places are better."""
ANGLES = (0, 180, 45, -45, 135, -135, 90, -90)
"""Degrees, counter-clockwise from the right."""
STEP = 3.0
"""Points of the page, in which lines are covered with boxes."""
LEADER_FROM = 13.0
"""A name that is farther away is joined to its marker by a thin line."""

MARKER = 5.0
"""Half the width of a marker."""

Place = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle on the page, in points."""

    left: float
    bottom: float
    right: float
    top: float

    def covers(self, other: "Box") -> bool:
        """Whether they have an area in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def overhang(self, page: "Box") -> float:
        """By how much it leaves the page."""
        sides = (page.left - self.left, page.bottom - self.bottom)
        others = (self.right - page.right, self.top - page.top)
        return sum(max(0.0, side) for side in (*sides, *others))

    def nearest_to(self, place: Place) -> Place:
        """The nearest of its points."""
        x, y = place
        return min(max(x, self.left), self.right), min(max(y, self.bottom), self.top)


def around(place: Place, half: float) -> Box:
    """A square with this middle."""
    x, y = place
    return Box(x - half, y - half, x + half, y + half)


def on_page(axes: Axes, place: Place) -> Place:
    """Where a point of an axes lies, in points of the page; limits and scales must be set."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    x, y = axes.transData.transform(place) * 72 / figure.dpi
    return float(x), float(y)


def cover_line(axes: Axes, start: Place, end: Place) -> Iterator[Box]:
    """Small boxes along a straight line between two points of an axes."""
    yield from _along(on_page(axes, start), on_page(axes, end))


def _along(start: Place, end: Place) -> Iterator[Box]:
    """The same on the page."""
    n = max(1, math.ceil(math.dist(start, end) / STEP))
    for step in range(n + 1):
        at = [first + step / n * (last - first) for first, last in zip(start, end, strict=True)]
        yield around((at[0], at[1]), STEP / 2)


def place_names(
    axes: Axes, names: Sequence[tuple[str, Place]], obstacles: Iterable[Box]
) -> list[Box]:
    """Write a name beside each point of the axes; returns where they stand.

    Names are placed one after another, each at the nearest place that is free, or else at the one
    that is covered least. A line to a name crosses neither markers nor names.
    """
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    page = Box(*on_page(axes, (left, bottom)), *on_page(axes, (right, top)))
    obstacles = list(obstacles)
    markers = [around(on_page(axes, place), MARKER) for _, place in names]
    placed: list[Box] = []
    for number, (name, place) in enumerate(names):
        at = on_page(axes, place)
        others = [*markers[:number], *markers[number + 1 :], *placed]
        covered = [*obstacles, markers[number], *others]
        candidates = _candidates(name, at)
        disorder = [
            _in_the_way(box, covered) + _on_the_way(at, box, others) + box.overhang(page)
            for box in candidates
        ]
        best = candidates[disorder.index(min(disorder))]
        _write(axes, name, place, best)
        placed.append(best)
        obstacles += _along(at, best.nearest_to(at))
    return placed


def _in_the_way(box: Box, others: Sequence[Box]) -> int:
    """How many it covers."""
    return sum(box.covers(one) for one in others)


def _on_the_way(at: Place, box: Box, others: Sequence[Box]) -> int:
    """How many a line from a point to a name crosses."""
    line = list(_along(at, box.nearest_to(at)))
    return sum(any(step.covers(one) for step in line) for one in others)


def _candidates(name: str, at: Place) -> list[Box]:
    """Where a name may stand, the nearest first."""
    width = TextPath((0, 0), name, FONT_POINTS).get_extents().width + 2
    return [_beside(width, at, distance, angle) for distance in DISTANCES for angle in ANGLES]


def _beside(width: float, at: Place, distance: float, angle: float) -> Box:
    """Where a name stands when its nearest edge is so far away in one direction."""
    height = 1.25 * FONT_POINTS
    x = at[0] + distance * math.cos(math.radians(angle))
    y = at[1] + distance * math.sin(math.radians(angle))
    sideways = round(math.cos(math.radians(angle)))
    left = x - width / 2 + sideways * width / 2
    return Box(left, y - height / 2, left + width, y + height / 2)


def _write(axes: Axes, name: str, place: Place, box: Box) -> None:
    at = on_page(axes, place)
    middle = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    nearest = box.nearest_to(at)
    offset = middle[0] - at[0], middle[1] - at[1]
    axes.annotate(
        name,
        place,
        offset,
        textcoords="offset points",
        fontsize=FONT_POINTS,
        ha="center",
        va="center",
        zorder=6,
    )
    if math.dist(at, nearest) > LEADER_FROM:
        axes.annotate(
            "",
            place,
            (nearest[0] - at[0], nearest[1] - at[1]),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "linewidth": 0.6, "color": "#555555", "shrinkB": 4},
            zorder=2,
        )
