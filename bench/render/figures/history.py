"""The figure of costs over commits: a panel for each machine and workload."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Canvas

from bench.render.figures.paper import SMALL, TWO_COLUMNS, paper_style
from bench.render.figures.saving import save_figure
from bench.render.figures.uncertainty import HOLLOW, draw_uncertainty, middle_of
from bench.render.tables.history import Steps, describe
from bench.results.series import Series
from bench.results.summary import Value

COLOUR = "#1f3a93"


@paper_style()
def write_history_figure(found: Sequence[tuple[Series, Steps]], stem: Path) -> list[Path]:
    """A panel for each series, its steps marked, as SVG, PNG and PDF; returns the paths."""
    canvas = Canvas(figsize=(TWO_COLUMNS, 2.4 * len(found)), layout="constrained")
    panels = canvas.subplots(len(found), 1, squeeze=False)
    for (series, steps), axis in zip(found, panels[:, 0], strict=True):
        points = [point for point in series.points if point.value is not None or point.span]
        places = range(len(points))
        known = [place for place in places if points[place].value is not None]
        highest = series.values
        axis.plot(known, series.values, color=COLOUR, marker="o", linewidth=1)
        for place, point in enumerate(points):
            value = Value(point.value, span=point.span, interval=point.interval)
            highest += draw_uncertainty(axis, value, place, COLOUR, along="y")
            if value.span:
                axis.plot(place, middle_of(value), "o", color=COLOUR, markerfacecolor=HOLLOW)
            if point.commit in steps:
                axis.axvline(place - 0.5, color="#d55e00", linestyle="--")
                change, where = f"{steps[point.commit]:+.1%}", ("data", "axes fraction")
                axis.annotate(change, (place - 0.4, 0.05), xycoords=where, fontsize=SMALL)
        axis.set_xticks(places, [point.commit for point in points], rotation=30, ha="right")
        axis.set_ylim(0, 1.15 * max(highest, default=1.0))
        unit = series.metric.unit
        axis.set_ylabel(f"{series.metric.name}{f' ({unit})' if unit else ''}")
        axis.set_title(describe(series))
    return save_figure(canvas, stem)
