"""Log axes: their limits, and numbers at 1, 2 and 5 of each decade as far as there is space."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.render.figures.boxes import points_per_pixel
from bench.render.figures.paper import SMALL

MARGIN = 1.6
"""Factor of space left and right of the points."""
LETTER = 0.62 * SMALL
"""Width of a digit, in points of the page."""
SPACE = 4.0
"""Points between two numbers."""
STEPS = ((1.0, 2.0, 5.0), (1.0, 3.0))
"""Where numbers may stand in a decade, the most first; or else at its beginning alone."""

Which = Literal["x", "y"]
Show = Callable[[float], str]


def scale_costs(
    axes: Axes,
    which: Which,
    costs: Sequence[float],
    show: Show = "{:g}".format,
    margin: float = MARGIN,
) -> None:
    """A log scale with space around the points, and numbers where they have space."""
    ends = _ends(costs, margin) if costs else None
    if which == "x":
        axes.set(xscale="log", xlim=ends)
    else:
        axes.set(yscale="log", ylim=ends)
    number_decades(axes, which, show)


def _ends(costs: Sequence[float], margin: float) -> tuple[float, float]:
    """Of an axis of at least a decade, so that its numbers have space."""
    low, high = min(costs), max(costs)
    margin = max(margin, (10 * low / high) ** 0.5)
    return low / margin, high * margin


def number_decades(axes: Axes, which: Which, show: Show) -> None:
    """Numbers of a log axis: as many as stand beside each other."""
    axis: XAxis | YAxis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(DecadeLocator(axes, which, show))
    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    axis.set_minor_formatter(NullFormatter())


class DecadeLocator(LogLocator):
    """Asks whenever the axes are drawn how long they are then: layout changes that."""

    def __init__(self, axes: Axes, which: Which, show: Show) -> None:
        super().__init__()
        self.axes, self.which, self.show = axes, which, show

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Where the numbers stand."""
        steps, most = self._choose_steps(vmin, vmax)
        self.set_params(subs=steps, numticks=most)
        return super().tick_values(vmin, vmax)

    def _choose_steps(self, low: float, high: float) -> tuple[tuple[float, ...], int]:
        """Within a decade; and how many decades have a number."""
        if not 0 < low < high:
            return (1.0,), 2  # nothing is drawn
        box = self.axes.bbox
        length = (box.width if self.which == "x" else box.height) * points_per_pixel(self.axes)
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
        longest = max(len(self.show(5 * 10.0**exponent)) for exponent in decades)
        needed = SPACE + (LETTER * longest if self.which == "x" else SMALL)
        most = max(2, int(length / needed))
        for steps in STEPS:
            if _narrowest(steps) * length / math.log10(high / low) >= needed:
                return steps, most
        return (1.0,), most


def _narrowest(steps: Sequence[float]) -> float:
    """The smallest share of a decade between two neighbours."""
    return min(math.log10(high / low) for low, high in pairwise([*steps, 10 * steps[0]]))
