"""What matplotlib's renderer says of a figure: where words and markers are, and how large."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
from matplotlib.transforms import Bbox

Words = tuple[str, Bbox]


def draw(canvas: Canvas, dots_per_inch: float) -> None:
    """As it is saved, so that every artist knows its place."""
    canvas.set_dpi(dots_per_inch)
    canvas.draw_without_rendering()


def find_words(axes: Axes) -> list[Words]:
    """Names and notes that stand upright, in pixels."""
    return [
        (text.get_text(), Text.get_window_extent(text))
        for text in axes.texts
        if text.get_text() and not text.get_rotation()
    ]


def find_markers(axes: Axes) -> Iterator[Bbox]:
    """The squares, or flat boxes, in which markers lie."""
    pixels = axes.figure.dpi / 72
    for line in axes.lines:
        marker = line.get_marker()
        if marker in ("None", "", None):
            continue
        half = line.get_markersize() / 2 * pixels
        flat = line.get_markeredgewidth() / 2 * pixels
        across, up = flat if marker == "|" else half, flat if marker == "_" else half
        for x, y in line.get_transform().transform(np.column_stack(line.get_data())):
            yield Bbox([[x - across, y - up], [x + across, y + up]])


def find_turned(axes: Axes) -> Iterator[tuple[float, float]]:
    """Places in the middle of words that lie along a slope."""
    for text in axes.texts:
        if not text.get_rotation():
            continue
        angle = np.radians(text.get_rotation())
        box = Text.get_window_extent(text)
        length = min(box.width / np.cos(angle), box.height / np.sin(angle))
        middle = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2
        for share in np.linspace(-0.4, 0.4, 20):
            x, y = middle + share * length * np.array([np.cos(angle), np.sin(angle)])
            yield float(x), float(y)


def meet(first: Bbox, second: Bbox) -> bool:
    """Whether they have an area in common."""
    return bool(
        first.x0 < second.x1
        and second.x0 < first.x1
        and first.y0 < second.y1
        and second.y0 < first.y1
    )


def find_faults(axes: Axes) -> Iterator[str]:
    """Sentences on words that cover markers or words, or that leave the axes."""
    words, markers, page = find_words(axes), list(find_markers(axes)), axes.get_window_extent()
    for text, box in words:
        if any(meet(box, marker) for marker in markers):
            yield f"{text!r} covers a marker"
        if any(box.contains(*place) for place in find_turned(axes)):
            yield f"{text!r} covers a name on a slope"
        if box.x0 < page.x0 or box.y0 < page.y0 or box.x1 > page.x1 or box.y1 > page.y1:
            yield f"{text!r} leaves the axes"
    for (text, box), (other_text, other) in combinations(words, 2):
        if meet(box, other):
            yield f"{text!r} covers {other_text!r}"
