"""Networks below the ceilings of the machine: achieved rate over intensity."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bench.render.estimates import as_value, format_span
from bench.render.figures.boxes import Place, on_page
from bench.render.figures.costs import style_in_run
from bench.render.figures.decades import number_decades
from bench.render.figures.labels import place_by_line, place_names
from bench.render.figures.paper import SMALL, TWO_COLUMNS, fix_layout, paper_style
from bench.render.figures.pareto import (
    OTHER_STYLE,
    STAR,
    SUDORMRF,
    SUDORMRF_COLOUR,
    draw_grid,
    short_name,
    size_of_marker,
)
from bench.render.figures.saving import save_figure
from bench.render.figures.uncertainty import (
    GREY,
    draw_uncertainty,
    face_of,
    middle_of,
    uncertainty_handles,
)
from bench.render.provenance import describe_threads
from bench.render.tables.roofline import name_of
from bench.results.roofline import Roofline, RooflinePoint
from bench.results.statistics import Estimate
from bench.results.summary import RunSummary
from bench.units import format_si

ROOF_COLOUR = "#333333"
ROOF_STYLES = ("-", (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)))
SLOPE_STYLES = ("-", (0, (5, 2)))
"""Of memory and of a cache."""
FAINT = 0.18
SPACE_LEFT, SPACE_RIGHT, SPACE_BELOW = 8.0, 3.0, 1.8
"""Factors beside and below the points: the names of slopes are on the left."""

X_NAME = "FLOPs of multiply-adds for each byte\nthat torch's operators move"
Y_NAME = "FLOPs of multiply-adds per second"


def write_roofline_figure(summary: RunSummary, stem: Path) -> list[Path]:
    """Every network of a run that measured ceilings; returns the paths."""
    return save_figure(draw_roofline(summary), stem)


@paper_style()
def draw_roofline(summary: RunSummary) -> Canvas:
    """A panel for each runtime and dtype in which networks ran, below the same ceilings."""
    roofline = summary.roofline
    assert roofline is not None
    forms = group_by_form(roofline.points)
    n_columns = min(2, len(forms))
    n_rows = math.ceil(len(forms) / n_columns)
    height = 5.2 if n_columns == 1 else 0.9 + 2.5 * n_rows
    canvas = Canvas(figsize=(TWO_COLUMNS, height), layout="constrained")
    axes = canvas.subplots(n_rows, n_columns, squeeze=False).flat
    for axis in axes[len(forms) :]:
        axis.remove()
    panels = list(zip(axes, forms.items(), strict=False))
    for axis, (form, points) in panels:
        frame(axis, roofline)
        draw_panel(axis, points, roofline, summary)
        axis.set_title(form)
    for axis, _ in panels[-n_columns:]:
        axis.set_xlabel(X_NAME)
    canvas.supylabel(Y_NAME)
    handles = dict(_handles(roofline))
    canvas.legend(handles.values(), handles, loc="outside lower center", ncols=4, frameon=False)
    work = summary.workload
    canvas.suptitle(
        f"Roofline of inference, {work.n_samples} samples, batch {work.batch}\n"
        f"{summary.environment_name}, {describe_threads(roofline.roofs.threads)}"
    )
    fix_layout(canvas)
    for axis, (_, points) in panels:
        write_roof_names(axis, roofline)
        place_names(axis, [(short_name(name_of(one)), _place_of(one)) for one in points])
    return canvas


def group_by_form(points: Iterable[RooflinePoint]) -> dict[str, list[RooflinePoint]]:
    """The points of each runtime and dtype, by a name for both."""
    forms: dict[str, list[RooflinePoint]] = {}
    for point in points:
        form = f"{point.workload.runtime}, {point.workload.dtype}"
        forms.setdefault(form, []).append(point)
    return forms


def draw_panel(
    axis: Axes, points: Sequence[RooflinePoint], roofline: Roofline, summary: RunSummary
) -> None:
    """The ceilings, and networks of one form below them."""
    draw_roofs(axis, roofline)
    for point in points:
        draw_point(axis, point, summary)


def frame(axis: Axes, roofline: Roofline) -> None:
    """Scales and limits, which hold every point and every roof of products."""
    points, roofs = roofline.points, roofline.roofs
    across = [point.intensity for point in points]
    rates = [end for point in points for end in (*point.rate.span, point.rate.value)]
    tops = [rate.span[1] for rate in roofs.products.values()]
    tops += [point.floor_rate.value for point in points]
    low, high = min(across) / SPACE_LEFT, max(across) * SPACE_RIGHT
    widened = max(1.0, math.sqrt(100 * low / high))  # two decades at least
    axis.set(xscale="log", yscale="log", xlim=(low / widened, high * widened))
    axis.set_ylim(min(rates) / SPACE_BELOW, max(*tops, *rates) * 1.8)
    number_decades(axis, "x", "{:g}".format)
    number_decades(axis, "y", lambda value: format_si(value, "FLOP/s", 2))
    draw_grid(axis)


def draw_roofs(axis: Axes, roofline: Roofline) -> None:
    """Each roof with the band of its interval.

    A roof of products begins where the fastest cache could feed it, a slope ends at the highest of
    those roofs.
    """
    roofs, (left, right) = roofline.roofs, axis.get_xlim()
    highest = max(rate.value for rate in roofs.products.values())
    fastest = max(rate.value for _, rate in slopes_of(roofline))
    for rate, style in zip(find_roofs(axis, roofline).values(), cycle(ROOF_STYLES), strict=False):
        ends = max(left, rate.value / fastest), right
        axis.plot(ends, [rate.value] * 2, linestyle=style, color=ROOF_COLOUR, linewidth=1.1)
        axis.fill_between(ends, *rate.span, color=ROOF_COLOUR, alpha=FAINT, linewidth=0)
    for (_, rate), style in zip(slopes_of(roofline), SLOPE_STYLES, strict=True):
        ends = left, min(right, highest / rate.value)
        heights = [rate.value * x for x in ends]
        axis.plot(ends, heights, linestyle=style, color=ROOF_COLOUR, linewidth=1.1)
        low, high = rate.span
        axis.fill_between(
            ends,
            [low * x for x in ends],
            [high * x for x in ends],
            color=ROOF_COLOUR,
            alpha=FAINT,
            linewidth=0,
        )


def find_roofs(axis: Axes, roofline: Roofline) -> dict[str, Estimate]:
    """Of products, by dtype: one below all networks, which a processor without its instructions
    has, is over none of them.
    """
    bottom = axis.get_ylim()[0]
    return {dtype: rate for dtype, rate in roofline.roofs.products.items() if rate.value > bottom}


def write_roof_names(axis: Axes, roofline: Roofline) -> None:
    """What each roof is and how high, on its line; the table has the intervals."""
    left, bottom = axis.get_xlim()[0], axis.get_ylim()[0]
    for (_, rate), where in zip(slopes_of(roofline), ("memory", "cache"), strict=True):
        start = 1.12 * max(left, bottom / rate.value)
        name = f"{where}: {_format_rate(rate, 'B/s')}"
        _write_along(axis, name, (start, start * rate.value))
    for dtype, rate in find_roofs(axis, roofline).items():
        name = f"{dtype}: {_format_rate(rate, 'FLOP/s')}"
        place_by_line(axis, name, rate.value)


def _format_rate(rate: Estimate, unit: str) -> str:
    return format_si(rate.value, unit) if rate.is_trusted else format_span(rate.span, unit)


def slopes_of(roofline: Roofline) -> list[tuple[int, Estimate]]:
    """Memory and the fastest cache, by the size of their data; the table has what lies between."""
    bandwidths = roofline.roofs.bandwidths
    return [(n_bytes, bandwidths[n_bytes]) for n_bytes in (max(bandwidths), min(bandwidths))]


def _write_along(axis: Axes, name: str, start: Place) -> None:
    """A name above a line of slope 1 on log scales, from a place of it on."""
    (x0, y0), (x1, y1) = on_page(axis, start), on_page(axis, (2 * start[0], 2 * start[1]))
    angle = math.atan2(y1 - y0, x1 - x0)
    axis.annotate(
        name,
        start,
        (-2 * math.sin(angle), 2 * math.cos(angle)),
        textcoords="offset points",
        fontsize=SMALL,
        rotation=math.degrees(angle),
        rotation_mode="anchor",
    )


def draw_point(axis: Axes, point: RooflinePoint, summary: RunSummary) -> None:
    """A marker with its interval, and a bar where its floor would be."""
    colour, marker = style_of_point(point, summary)
    (x, y), floor = _place_of(point), point.floor_rate.value
    value = as_value(point.rate)
    axis.vlines(x, y, floor, colors=colour, linewidth=0.7, linestyles=":", zorder=2)
    axis.plot(x, floor, "_", color=colour, markersize=8, markeredgewidth=1.4, zorder=3)
    draw_uncertainty(axis, value, x, colour, along="y")
    axis.plot(
        x,
        y,
        marker,
        color=colour,
        markerfacecolor=face_of(value, colour),
        markersize=size_of_marker(marker),
        zorder=4,
    )


def _place_of(point: RooflinePoint) -> Place:
    """Intensity, and FLOPs per second or the middle of their range on a log axis."""
    height = middle_of(as_value(point.rate))
    assert height is not None  # it is one or the other
    return point.intensity, height


def style_of_point(point: RooflinePoint, summary: RunSummary) -> tuple[str, str]:
    """Colour and marker of its network."""
    for place, model in enumerate(summary.models):
        if model.entry.name == point.model:
            return style_in_run(model, place)
    return OTHER_STYLE


def _handles(roofline: Roofline) -> Iterator[tuple[str, Artist]]:
    if any(point.model.startswith("sudormrf-") for point in roofline.points):
        star = Line2D([], [], color=SUDORMRF_COLOUR, marker="*", markersize=STAR, linewidth=0)
        yield SUDORMRF, star
    yield "achieved", Line2D([], [], color=GREY, marker="o", linewidth=0)
    yield (
        "what its floor would be",
        Line2D([], [], color=GREY, marker="_", markersize=8, markeredgewidth=1.4, linewidth=0),
    )
    yield from uncertainty_handles([as_value(point.rate) for point in roofline.points]).items()
    yield "ceiling of the same run", Line2D([], [], color=ROOF_COLOUR, linewidth=1.1)
    yield "interval or range of the ceiling", Patch(color=ROOF_COLOUR, alpha=FAINT)
