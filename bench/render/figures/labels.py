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
    """Small boxes along a straight line of the page."""
    (x0, y0), (x1, y1) = on_page(axes, start), on_page(axes, end)
    n = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / STEP))
    for step in range(n + 1):
        share = step / n
        yield around((x0 + share * (x1 - x0), y0 + share * (y1 - y0)), STEP / 2)


def place_names(
    axes: Axes, names: Sequence[tuple[str, Place]], obstacles: Iterable[Box]
) -> list[Box]:
    """Write a name beside each point of the axes; returns where they stand.

    Names are placed one after another, each at the nearest place that is free, or else at the one
    that is covered least.
    """
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    page = Box(*on_page(axes, (left, bottom)), *on_page(axes, (right, top)))
    taken = [*obstacles, *(around(on_page(axes, place), 5.0) for _, place in names)]
    placed = []
    for name, place in names:
        box = _find_place(name, on_page(axes, place), taken, page)
        _write(axes, name, place, box)
        taken.append(box)
        placed.append(box)
    return placed


def _find_place(name: str, at: Place, taken: Sequence[Box], page: Box) -> Box:
    """The candidate with the fewest boxes in its way, the nearest of those."""
    width = TextPath((0, 0), name, FONT_POINTS).get_extents().width + 2
    candidates = [_beside(width, at, distance, angle) for distance in DISTANCES for angle in ANGLES]

    def is_in_the_way(candidate: Box) -> float:
        return sum(candidate.covers(box) for box in taken) + candidate.overhang(page)

    return min(candidates, key=is_in_the_way)


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
    nearest = min(max(at[0], box.left), box.right), min(max(at[1], box.bottom), box.top)
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
