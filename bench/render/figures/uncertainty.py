"""How sure a cost is, in figures: a thin line along its interval, a bar where it is no number.

The marker of a value that is in doubt is hollow, and so is that in the middle of a bar.
"""

import math
from collections.abc import Iterable
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.results.statistics import LEVEL
from bench.results.summary import Value

THIN, THICK = 0.8, 4.0  # points
FAINT = 0.5
GREY = "#555555"
HOLLOW = "white"
INTERVAL = f"interval ({100 * LEVEL:.0f} %)"
IN_DOUBT, RANGE = "in doubt (†)", "range, noisy"
"""What legends say."""


def draw_uncertainty(
    axis: Axes,
    value: Value,
    at: float,
    colour: str,
    *,
    along: Literal["x", "y"] = "x",
    scale: float = 1.0,
) -> list[float]:
    """Draw it along one axis at a place of the other; ``scale`` is what values are divided by.

    Returns both ends; none of a value that has neither interval nor range.
    """
    interval = value.interval
    ends = value.span or ((interval.low, interval.high) if interval else None)
    if ends is None:
        return []
    low, high = (end / scale for end in ends)
    draw = axis.hlines if along == "x" else axis.vlines
    if value.span is None:
        draw(at, low, high, colors=colour, linewidth=THIN, zorder=2)
        return [low, high]
    draw(at, low, high, colors=colour, linewidth=THICK, alpha=FAINT, zorder=2)
    places = [low, high], [at, at]
    xs, ys = places if along == "x" else places[::-1]
    axis.plot(xs, ys, "|" if along == "x" else "_", color=colour, markersize=7)  # a bar may be thin
    return [low, high]


def middle_of(value: Value) -> float | None:
    """The number, or the middle of a range on a log axis; None of neither."""
    return math.sqrt(math.prod(value.span)) if value.span else value.value


def face_of(value: Value, colour: str) -> str:
    """What the marker of a value is filled with."""
    return colour if value.is_sound and value.span is None else HOLLOW


def uncertainty_handles(values: Iterable[Value]) -> dict[str, Artist]:
    """For a legend: what the lines and hollow markers are that some of the values have."""
    found = list(values)
    handles: dict[str, Artist] = {}
    if any(value.interval for value in found):
        handles[INTERVAL] = Line2D([], [], color=GREY, linewidth=THIN)
    if any(value.value is not None and not value.is_sound for value in found):
        handles[IN_DOUBT] = _hollow(0.0, 1.0)
    if any(value.span for value in found):
        handles[RANGE] = _hollow(THICK, FAINT)
    return handles


def _hollow(linewidth: float, alpha: float) -> Line2D:
    return Line2D(
        [],
        [],
        color=GREY,
        marker="o",
        markerfacecolor=HOLLOW,
        linewidth=linewidth,
        alpha=alpha,
    )
