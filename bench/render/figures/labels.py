"""Names beside points, so that none covers a point, a line or another name."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bench.render.figures.boxes import (
    Box,
    Drawn,
    Place,
    along,
    find_drawn,
    on_page,
    page_of,
    size_of,
)
from bench.render.figures.paper import SMALL

DISTANCES = (5.0, 6.5, 8.5, 11.0, 15.0, 20.0, 27.0, 36.0, 48.0)
"""Points of the page from a marker's middle to the edge of its name; nearer is better."""
ANGLES = tuple(math.tau * step / 16 for step in range(16))
"""Counter-clockwise from the right."""
GRID = 24
"""Places across and up the axes, for a name that has none near its point."""
PAD = 0.8
"""Points around a name that stay free: at another resolution letters are a little wider."""
LEADER_FROM = 8.0
"""A name that is farther away is joined to its marker by a thin line."""
SWEEPS = 4
"""How often each name may move to a better place when all others have theirs."""
MOST_LEADERS = 80
"""Of so many of the best places it is looked at what a line to them would cross."""

COVERED, CROSSED, THIN_COVERED, THIN_CROSSED = 1000.0, 150.0, 30.0, 2.0
"""What it costs, in points of distance: to cover or cross a marker or word, to do so to a line."""
GOOD = 20.0
"""Points; where a name has such a place, no better one is looked for farther away."""
MOST_CROSSED = 600.0
"""Whatever a line to a name crosses, that is better than to cover something."""
CLEARLY = 4.0
"""Points by which a name is to be nearer to its own point than to that of another name."""
LEFT = 0.5
"""What it costs to stand left of the point."""

Array = NDArray[np.float64]


@dataclass
class Name:
    """A name, where its point is on the page, how large it is, its box so far, and its cost."""

    text: str
    place: Place  # of the axes
    at: Place
    size: tuple[float, float]
    box: Box | None = None
    cost: float = 0.0


def place_names(
    axes: Axes, names: Sequence[tuple[str, Place]], obstacles: Iterable[Box] = ()
) -> list[Box]:
    """Write a name beside each point of the axes; returns where they stand.

    What is drawn already is kept free, and ``obstacles`` are too. Layout, limits and scales must be
    final. Names take the best place one after another, then again with all others in theirs; of
    several orders in which they can do so the best result is kept.
    """
    page, drawn = page_of(axes), find_drawn(axes)
    drawn = Drawn([*drawn.solid, *obstacles], drawn.thin)
    waiting = [Name(text, at, on_page(axes, at), _measure(axes, text)) for text, at in names]
    best: list[Name] = []
    for order in _orders(waiting):
        found = _arrange(waiting, order, page, drawn)
        if not best or _cost(found) < _cost(best):
            best = found
        if max((name.cost for name in best), default=0.0) < GOOD:
            break
    for name in best:
        _write(axes, name)
    return [name.box for name in best if name.box]


def _cost(names: Sequence[Name]) -> float:
    return sum(name.cost for name in names)


def _orders(names: Sequence[Name]) -> list[list[int]]:
    """As they come, by their places across and up, and each the other way round."""
    given = list(range(len(names)))
    across = sorted(given, key=lambda index: names[index].at[0])
    up = sorted(given, key=lambda index: names[index].at[1])
    return [order for one in (given, across, up) for order in (one, one[::-1])]


def _arrange(names: Sequence[Name], order: Sequence[int], page: Box, drawn: Drawn) -> list[Name]:
    """The same names with their places."""
    found = [replace(name) for name in names]
    for _ in range(SWEEPS):
        before = [name.box for name in found]
        for name in (found[index] for index in order):
            others = [one for one in found if one is not name]
            taken = [one.box for one in others if one.box]
            leaders = [box for one in others for box in _leader(one)]
            around = Drawn([*drawn.solid, *taken], [*drawn.thin, *leaders])
            name.box, name.cost = _best(name, page, around, [one.at for one in others])
        if before == [name.box for name in found]:
            break
    return found


def place_note(axes: Axes, note: str, colour: str) -> None:
    """Write lines where they cover nothing, as near the lower right corner as they can."""
    if not note:
        return
    page, drawn = page_of(axes), find_drawn(axes)
    corner = page.right, page.bottom
    name = Name(note, (1, 0), corner, _measure(axes, note))
    boxes = _everywhere(name.size, page)
    disorder = _disorder(name, boxes, page, drawn)
    box = Box(*map(float, boxes[int(np.argmin(disorder))]))
    x, y = (box.right - corner[0], box.bottom - corner[1])
    axes.annotate(
        note,
        (1, 0),
        (x - PAD, y + PAD),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=SMALL,
        color=colour,
        zorder=6,
    )


def place_by_line(axes: Axes, text: str, height: float) -> None:
    """Write a name just above or below a level line, as far right as it covers nothing."""
    page, drawn = page_of(axes), find_drawn(axes)
    at = page.right, on_page(axes, (axes.get_xlim()[1], height))[1]
    name = Name(text, (axes.get_xlim()[1], height), at, _measure(axes, text))
    across = np.linspace(page.right - name.size[0] / 2, page.left + name.size[0] / 2, 2 * GRID)
    sides = at[1] + 1.6 + name.size[1] / 2, at[1] - 1.6 - name.size[1] / 2
    boxes = np.array([_centred(x, y, name.size) for x in across for y in sides])
    disorder = _disorder(name, boxes, page, drawn)
    name.box = Box(*map(float, boxes[int(np.argmin(disorder))]))
    _write(axes, name, has_leader=False)


def _measure(axes: Axes, text: str) -> tuple[float, float]:
    """Width and height of a name with the space around it, in points."""
    words = axes.text(0.5, 0.5, text, transform=axes.transAxes, fontsize=SMALL)
    width, height = size_of(axes, words)
    words.remove()
    return width + 2 * PAD, height + 2 * PAD


def _best(name: Name, page: Box, drawn: Drawn, rivals: Sequence[Place]) -> tuple[Box, float]:
    """The place with the least disorder, the line to it counted where it would have one."""
    near = _weigh(name, _near(name), page, drawn, rivals)
    if near[1] < GOOD:
        return near
    far = _weigh(name, _everywhere(name.size, page), page, drawn, rivals)
    return min(near, far, key=lambda found: found[1])


def _weigh(
    name: Name, boxes: Array, page: Box, drawn: Drawn, rivals: Sequence[Place]
) -> tuple[Box, float]:
    """The best of some boxes."""
    disorder = _disorder(name, boxes, page, drawn) + _ambiguity(name, boxes, rivals)
    best, least = Box(*map(float, boxes[0])), math.inf
    for index in np.argsort(disorder, kind="stable")[:MOST_LEADERS]:
        if disorder[index] >= least:
            break  # the line to it would make it worse still
        box = Box(*map(float, boxes[index]))
        cost = float(disorder[index]) + _crossings(name.at, box, drawn)
        if cost < least:
            best, least = box, cost
    return best, least


def _near(name: Name) -> Array:
    """Boxes around a point, [n, 4]: left, bottom, right, top."""
    (x, y), (width, height) = name.at, name.size
    boxes = []
    for distance in DISTANCES:
        for angle in ANGLES:
            across = x + math.cos(angle) * (distance + width / 2)
            up = y + math.sin(angle) * (distance + height / 2)
            boxes.append(_centred(across, up, name.size))
    return np.array(boxes)


def _everywhere(size: tuple[float, float], page: Box) -> Array:
    """Boxes all over the page, [n, 4]."""
    width, height = size
    across = np.linspace(page.left + width / 2, page.right - width / 2, GRID)
    up = np.linspace(page.bottom + height / 2, page.top - height / 2, GRID)
    return np.array([_centred(x, y, size) for x in across for y in up])


def _centred(x: float, y: float, size: tuple[float, float]) -> tuple[float, float, float, float]:
    return x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2


def _disorder(name: Name, boxes: Array, page: Box, drawn: Drawn) -> Array:
    """Of each box, [n]: what it covers, whether it leaves the page, how far away it is."""
    slack = 0.01  # points, of rounding
    outside = (
        (boxes[:, 0] < page.left - slack)
        | (boxes[:, 1] < page.bottom - slack)
        | (boxes[:, 2] > page.right + slack)
        | (boxes[:, 3] > page.top + slack)
    )
    is_left = (boxes[:, 0] + boxes[:, 2]) / 2 < name.at[0]
    found: Array = (
        COVERED * (_count_covered(boxes, drawn.solid) + outside)
        + THIN_COVERED * _count_covered(boxes, drawn.thin)
        + _distances(boxes, name.at)
        + LEFT * is_left
    )
    return found


def _distances(boxes: Array, place: Place) -> Array:
    """From a place to the nearest point of each box, [n]."""
    nearest_x = np.clip(place[0], boxes[:, 0], boxes[:, 2])
    nearest_y = np.clip(place[1], boxes[:, 1], boxes[:, 3])
    found: Array = np.hypot(nearest_x - place[0], nearest_y - place[1])
    return found


def _ambiguity(name: Name, boxes: Array, rivals: Sequence[Place]) -> Array:
    """By how much each box is nearer to the points of other names, or hardly farther, [n]."""
    own, found = _distances(boxes, name.at), np.zeros(len(boxes))
    for rival in rivals:
        found += np.maximum(0.0, own + CLEARLY - _distances(boxes, rival))
    return found


def _count_covered(boxes: Array, others: Sequence[Box]) -> Array:
    """How many of the others each box covers, [n]."""
    if not others:
        return np.zeros(len(boxes))
    edges = np.array([box.edges for box in others])
    covers = (
        (boxes[:, None, 0] < edges[None, :, 2])
        & (edges[None, :, 0] < boxes[:, None, 2])
        & (boxes[:, None, 1] < edges[None, :, 3])
        & (edges[None, :, 1] < boxes[:, None, 3])
    )
    found: Array = covers.sum(axis=1).astype(np.float64)
    return found


def _crossings(at: Place, box: Box, drawn: Drawn) -> float:
    """What the line from a point to its name costs; its own marker does not count."""
    steps = [step for step in _line(at, box) if math.dist(at, _middle(step)) > DISTANCES[0]]
    if not steps:
        return 0.0
    edges = np.array([step.edges for step in steps])
    n_solid, n_thin = _count_covered(edges, drawn.solid), _count_covered(edges, drawn.thin)
    cost = CROSSED * np.count_nonzero(n_solid) + THIN_CROSSED * np.count_nonzero(n_thin)
    return min(MOST_CROSSED, float(cost))


def _leader(name: Name) -> list[Box]:
    """The line to a name that has its place."""
    return _line(name.at, name.box) if name.box else []


def _line(at: Place, box: Box) -> list[Box]:
    """Boxes along the line from a point to a name; none to a name that is near."""
    nearest = _nearest(box, at)
    return list(along(at, nearest)) if math.dist(at, nearest) > LEADER_FROM else []


def _nearest(box: Box, place: Place) -> Place:
    """The nearest of its points."""
    x, y = place
    return min(max(x, box.left), box.right), min(max(y, box.bottom), box.top)


def _middle(box: Box) -> Place:
    return (box.left + box.right) / 2, (box.bottom + box.top) / 2


def _write(axes: Axes, name: Name, *, has_leader: bool = True) -> None:
    box = name.box
    assert box is not None
    (x, y), (nearest_x, nearest_y) = _middle(box), _nearest(box, name.at)
    is_far = math.dist(name.at, (nearest_x, nearest_y)) > LEADER_FROM
    relative = (nearest_x - box.left) / name.size[0], (nearest_y - box.bottom) / name.size[1]
    line: dict[str, Any] = {
        "arrowstyle": "-",
        "linewidth": 0.5,
        "color": "#555555",
        "relpos": relative,
        "shrinkA": 0,
        "shrinkB": 4,
    }
    axes.annotate(
        name.text,
        name.place,
        (x - name.at[0], y - name.at[1]),
        textcoords="offset points",
        fontsize=SMALL,
        ha="center",
        va="center",
        zorder=6,
        arrowprops=line if has_leader and is_far else None,
    )
