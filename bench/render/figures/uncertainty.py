"""How sure a cost is, in figures: a thin line along its interval, a bar where it is no number."""

from collections.abc import Iterable
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.results.statistics import LEVEL
from bench.results.summary import Value

THIN, THICK = 1.0, 6.0  # points
FAINT = 0.5
GREY = "#555555"


def draw_uncertainty(
    axis: Axes,
    value: Value,
    at: float,
    colour: str,
    *,
    along: Literal["x", "y"] = "x",
    scale: float = 1.0,
    label: str = "",
) -> list[float]:
    """Draw it along one axis at a place of the other; ``scale`` is what values are divided by.

    Only a bar has the label: where there is a number, its marker has it. Returns both ends; none of
    a value that has neither interval nor range.
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
    draw(at, low, high, colors=colour, linewidth=THICK, alpha=FAINT, zorder=2, label=label)
    places = [low, high], [at, at]
    xs, ys = places if along == "x" else places[::-1]
    axis.plot(
        xs, ys, "|" if along == "x" else "_", color=colour, markersize=10
    )  # a bar may be thin
    return [low, high]


def uncertainty_handles(values: Iterable[Value]) -> dict[str, Artist]:
    """For a legend: what the lines are that some of the values have."""
    found = list(values)
    handles: dict[str, Artist] = {}
    if any(value.interval for value in found):
        name = f"interval ({100 * LEVEL:.0f} %)"
        handles[name] = Line2D([], [], color=GREY, linewidth=THIN)
    if any(value.span for value in found):
        handles["range, noisy"] = Line2D([], [], color=GREY, linewidth=THICK, alpha=FAINT)
    return handles
