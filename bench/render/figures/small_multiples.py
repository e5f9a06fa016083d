"""Small multiples: a panel for each network with the same axes, a line for each setting."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from bench.render.figures.decades import scale_costs
from bench.render.figures.labels import place_note
from bench.render.figures.paper import SMALL, TWO_COLUMNS, fix_layout, paper_style
from bench.render.figures.pareto import draw_grid
from bench.render.figures.saving import save_figure
from bench.render.figures.uncertainty import (
    GREY,
    INTERVAL,
    draw_uncertainty,
    face_of,
    middle_of,
    uncertainty_handles,
)
from bench.results.growth import Curve
from bench.results.summary import Value

MOST_COLUMNS = 4
PANEL_INCHES = 1.75
"""Height of a panel with its title."""
MARGIN = 1.25  # factor of space left and right of the marks
Show = Callable[[float], str]


@dataclass(frozen=True)
class Mark:
    """A value at a place; ``is_far`` where it leaves the curve of its series."""

    x: float
    value: Value
    is_far: bool = False


@dataclass(frozen=True)
class PanelSeries:
    """The cells of one setting; a curve, or straight lines from mark to mark."""

    label: str
    marks: tuple[Mark, ...]
    curve: Curve | None = None


@dataclass(frozen=True)
class Plot:
    """Panels by the name of their network, and what the axes are.

    ``missing`` says of a network which cells have no mark, so that none is left out in silence.
    """

    title: str
    x_name: str
    y_name: str
    show_x: Show
    show_y: Show
    panels: Mapping[str, Sequence[PanelSeries]]
    x_ticks: Sequence[float]
    missing: Mapping[str, str]


@paper_style()
def write_small_multiples(plot: Plot, stem: Path) -> list[Path]:
    """The paths; nothing where no panel has a mark."""
    panels = plot.panels
    if not any(one.marks for series in panels.values() for one in series):
        return []
    n_columns = min(MOST_COLUMNS, len(panels))
    n_rows = ceil(len(panels) / n_columns)
    height = n_rows * (PANEL_INCHES if n_columns > 2 else 1.4 * PANEL_INCHES) + 0.8
    canvas = Canvas(figsize=(TWO_COLUMNS, height), layout="constrained")
    axes = canvas.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    colours = _colours(panels)
    for axis, (name, series) in zip(axes.flat, panels.items(), strict=False):
        _draw_panel(axis, series, colours)
        axis.set_title(name, fontsize=SMALL)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    _scale(axes.flat[0], plot, panels)
    _name_x_below_last(axes, len(panels), plot.x_name)
    for axis in axes[:, 0]:
        axis.set_ylabel(plot.y_name)
    handles = dict(_handles(panels, colours))
    canvas.legend(handles.values(), handles, loc="outside lower center", ncols=4, frameon=False)
    canvas.suptitle(plot.title)
    fix_layout(canvas)
    for axis, name in zip(axes.flat, panels, strict=False):
        place_note(axis, plot.missing.get(name, ""), "#aa0000")
    return save_figure(canvas, stem)


def _colours(panels: Mapping[str, Sequence[PanelSeries]]) -> dict[str, str]:
    """Labels grow from dark to light, and mean the same in every panel."""
    labels = list(dict.fromkeys(s.label for series in panels.values() for s in series if s.marks))
    shades = colormaps["viridis"](np.linspace(0.0, 0.85, len(labels)))
    return {label: to_hex(shade) for label, shade in zip(labels, shades, strict=True)}


def _draw_panel(axis: Axes, series: Sequence[PanelSeries], colours: Mapping[str, str]) -> None:
    for one in series:
        if not one.marks:
            continue
        colour = colours[one.label]
        places = [mark.x for mark in one.marks]
        if one.curve:
            xs = np.geomspace(min(places), max(places), 100)
            axis.plot(xs, [one.curve.at(x) for x in xs], color=colour, linewidth=1.0, zorder=1)
        else:
            axis.plot(places, _middles(one), ":", color=colour, linewidth=1.0, zorder=1)
        for mark in one.marks:
            _draw_mark(axis, mark, colour)


def _draw_mark(axis: Axes, mark: Mark, colour: str) -> None:
    draw_uncertainty(axis, mark.value, mark.x, colour, along="y")
    middle, face = _middle(mark.value), face_of(mark.value, colour)
    axis.plot(mark.x, middle, "o", color=colour, markerfacecolor=face, markersize=3, zorder=3)
    if mark.is_far:
        axis.plot(
            mark.x, middle, "o", markersize=8, markerfacecolor="none", color="#aa0000", zorder=4
        )


def _middle(value: Value) -> float:
    """The number, or the middle of the range on a log axis."""
    middle = middle_of(value)
    assert middle is not None  # it is one or the other
    return middle


def _middles(series: PanelSeries) -> list[float]:
    return [_middle(mark.value) for mark in series.marks]


def _scale(axis: Axes, plot: Plot, panels: Mapping[str, Sequence[PanelSeries]]) -> None:
    """Of all panels, which share their axes."""
    marks = [mark for series in panels.values() for one in series for mark in one.marks]
    ends = [end for mark in marks for end in mark.value.span or (_middle(mark.value),)]
    places = [mark.x for mark in marks]
    scale_costs(axis, "x", places, plot.show_x)
    scale_costs(axis, "y", ends, plot.show_y)
    axis.set_xlim(min(places) / MARGIN, max(places) * MARGIN)
    axis.set_xticks(list(plot.x_ticks), [plot.show_x(x) for x in plot.x_ticks], minor=False)
    axis.xaxis.set_minor_locator(NullLocator())
    for each in axis.figure.axes:
        draw_grid(each)


def _name_x_below_last(axes: NDArray[np.object_], n_panels: int, name: str) -> None:
    """Above the gap of a row that is not full, panels are the last of their columns."""
    n_columns = axes.shape[1]
    for axis in axes.flat[max(0, n_panels - n_columns) : n_panels]:
        axis.tick_params(labelbottom=True)
        axis.set_xlabel(name)


def _handles(
    panels: Mapping[str, Sequence[PanelSeries]], colours: Mapping[str, str]
) -> Iterator[tuple[str, Artist]]:
    for label, colour in colours.items():
        if label:
            yield label, Line2D([], [], color=colour, marker="o", markersize=3, linewidth=1.0)
    every = [one for series in panels.values() for one in series]
    marks = [mark for one in every for mark in one.marks]
    if any(one.curve for one in every):
        yield "curve a + b t^k", Line2D([], [], color=GREY, linewidth=1.0)
    handles = uncertainty_handles(mark.value for mark in marks)
    if INTERVAL in handles:  # they stand upright here, unlike a curve
        handles[INTERVAL] = Line2D([], [], color=GREY, marker="|", markersize=8, linewidth=0)
    yield from handles.items()
    if any(mark.is_far for mark in marks):
        yield (
            "leaves the curve",
            Line2D(
                [], [], color="#aa0000", marker="o", markersize=7, fillstyle="none", linewidth=0
            ),
        )
