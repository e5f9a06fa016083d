"""Networks below the ceilings of the machine: achieved rate over intensity."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.render.figures.costs import style_in_run
from bench.render.figures.labels import Box, around, cover_line, on_page, place_names
from bench.render.figures.pareto import OTHER_STYLE, draw_grid
from bench.render.figures.saving import save_figure
from bench.render.figures.uncertainty import GREY, draw_uncertainty, uncertainty_handles
from bench.render.provenance import describe_threads
from bench.render.tables.roofline import describe_size, format_rate, name_of
from bench.results.roofline import Roofline, RooflinePoint
from bench.results.statistics import Estimate
from bench.results.summary import RunSummary, Value
from bench.units import format_si

ROOF_COLOUR = "#333333"
ROOF_STYLES = ("-", (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)))
SLOPE_STYLES = ("-", (0, (5, 2)))
"""Of memory and of a cache."""
FAINT = 0.18
SPACE_LEFT, SPACE_RIGHT, SPACE_BELOW = 8.0, 3.0, 1.8
"""Factors beside and below the points: the names of slopes are on the left."""
LETTER = 4.8
"""Width of a letter of a roof's name, in points of the page."""

X_NAME = "FLOPs of multiply-adds for each byte that torch's operators move"
Y_NAME = "FLOPs of multiply-adds per second"

Place = tuple[float, float]
Line = tuple[Place, Place]


def write_roofline_figure(summary: RunSummary, stem: Path) -> list[Path]:
    """Every network of a run that measured ceilings, as SVG and PNG; returns the paths.

    A panel for each runtime and dtype in which they ran, below the same ceilings.
    """
    roofline = summary.roofline
    assert roofline is not None
    panels = group_by_form(roofline.points)
    n_columns = min(2, len(panels))
    n_rows = math.ceil(len(panels) / n_columns)
    width, height = (9.0, 6.4) if n_columns == 1 else (14.0, 1.6 + 4.8 * n_rows)
    canvas = Canvas(figsize=(width, height))
    axes = canvas.subplots(n_rows, n_columns, squeeze=False).flat
    canvas.subplots_adjust(
        left=1.35 / width, right=1 - 0.2 / width, bottom=1.15 / height, top=1 - 0.85 / height,
        wspace=0.2, hspace=0.25,
    )  # fmt: skip
    for axis in axes[len(panels) :]:
        axis.remove()
    for axis, (form, points) in zip(axes, panels.items(), strict=False):
        frame(axis, roofline)
        draw_panel(axis, points, roofline, summary)
        axis.set_title(form, fontsize=10)
    canvas.supxlabel(X_NAME, fontsize=10, y=0.72 / height)
    canvas.supylabel(Y_NAME, fontsize=10, x=0.25 / width)
    handles = dict(_handles(roofline))
    canvas.legend(handles.values(), handles, loc="lower center", ncols=3, frameon=False, fontsize=9)
    work = summary.workload
    canvas.suptitle(
        f"Roofline of inference, {work.n_samples} samples, batch {work.batch}\n"
        f"{summary.environment_name}, {describe_threads(roofline.roofs.threads)}",
        fontsize=11,
    )
    return save_figure(canvas, stem)


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
    """The roofs, the networks of one form, and their names."""
    obstacles = [box for line in draw_roofs(axis, roofline) for box in cover_line(axis, *line)]
    obstacles += write_roof_names(axis, roofline)
    for point in points:
        obstacles += draw_point(axis, point, summary)
    names = [(name_of(point), (point.intensity, height_of(point))) for point in points]
    place_names(axis, names, obstacles)


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
    for each, unit in ((axis.xaxis, ""), (axis.yaxis, "FLOP/s")):
        each.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        each.set_minor_formatter(NullFormatter())
        each.set_major_formatter(FuncFormatter(_formatter(unit)))
    axis.tick_params(labelsize=8)
    draw_grid(axis)


def _formatter(unit: str) -> Callable[[float, int], str]:
    return lambda value, _: format_si(value, unit, 2) if unit else f"{value:g}"


def draw_roofs(axis: Axes, roofline: Roofline) -> Iterator[Line]:
    """Each roof with the band of its interval; yields its straight lines.

    A roof of products begins where the fastest cache could feed it, a slope ends at the highest of
    those roofs.
    """
    roofs, (left, right) = roofline.roofs, axis.get_xlim()
    highest = max(rate.value for rate in roofs.products.values())
    fastest = max(rate.value for _, rate in slopes_of(roofline))
    for rate, style in zip(roofs.products.values(), cycle(ROOF_STYLES), strict=False):
        ends = max(left, rate.value / fastest), right
        axis.plot(ends, [rate.value] * 2, linestyle=style, color=ROOF_COLOUR, linewidth=1.6)
        axis.fill_between(ends, *rate.span, color=ROOF_COLOUR, alpha=FAINT, linewidth=0)
        yield (ends[0], rate.value), (ends[1], rate.value)
    for (_, rate), style in zip(slopes_of(roofline), SLOPE_STYLES, strict=True):
        ends = left, min(right, highest / rate.value)
        heights = [rate.value * x for x in ends]
        axis.plot(ends, heights, linestyle=style, color=ROOF_COLOUR, linewidth=1.6)
        low, high = rate.span
        axis.fill_between(
            ends,
            [low * x for x in ends],
            [high * x for x in ends],
            color=ROOF_COLOUR,
            alpha=FAINT,
            linewidth=0,
        )
        yield (ends[0], heights[0]), (ends[1], heights[1])


def write_roof_names(axis: Axes, roofline: Roofline) -> Iterator[Box]:
    """What each roof is and how high, on its line; yields what the names cover."""
    right, bottom = axis.get_xlim()[1], axis.get_ylim()[0]
    for dtype, rate in roofline.roofs.products.items():
        name = f"products, {dtype}: {format_rate(rate, 'FLOP/s')}"
        axis.annotate(
            name, (right, rate.value), (-4, 2), textcoords="offset points", fontsize=8, ha="right"
        )
        x, y = on_page(axis, (right, rate.value))
        yield Box(x - LETTER * len(name), y, x, y + 13)
    for n_bytes, rate in slopes_of(roofline):
        name = f"{describe_size(roofline, n_bytes)}: {format_rate(rate, 'B/s')}"
        start = 1.12 * max(axis.get_xlim()[0], bottom / rate.value)
        yield from _write_along(axis, name, (start, start * rate.value))


def slopes_of(roofline: Roofline) -> list[tuple[int, Estimate]]:
    """Memory and the fastest cache, by the size of their data; the table has what lies between."""
    bandwidths = roofline.roofs.bandwidths
    return [(n_bytes, bandwidths[n_bytes]) for n_bytes in (max(bandwidths), min(bandwidths))]


def _write_along(axis: Axes, name: str, start: Place) -> Iterator[Box]:
    """A name above a line of slope 1 on log scales, from a place of it on."""
    (x0, y0), (x1, y1) = on_page(axis, start), on_page(axis, (2 * start[0], 2 * start[1]))
    angle = math.atan2(y1 - y0, x1 - x0)
    axis.annotate(
        name,
        start,
        (-3 * math.sin(angle), 3 * math.cos(angle)),
        textcoords="offset points",
        fontsize=8,
        rotation=math.degrees(angle),
        rotation_mode="anchor",
    )
    for letter in range(len(name)):
        along = LETTER * letter
        at = x0 + along * math.cos(angle) - 7 * math.sin(angle), y0 + along * math.sin(angle)
        yield around((at[0], at[1] + 7 * math.cos(angle)), 5)


def draw_point(axis: Axes, point: RooflinePoint, summary: RunSummary) -> Iterator[Box]:
    """A marker with its interval, and a bar where its floor would be; yields what they cover."""
    colour, marker = style_of_point(point, summary)
    x, y, floor = point.intensity, height_of(point), point.floor_rate.value
    axis.vlines(x, y, floor, colors=colour, linewidth=0.9, linestyles=":", zorder=2)
    axis.plot(x, floor, "_", color=colour, markersize=13, markeredgewidth=2, zorder=3)
    value = value_of_estimate(point.rate)
    ends = draw_uncertainty(axis, value, x, colour, along="y")
    if value.value is not None:
        size = 12 if marker == "*" else 8
        axis.plot(x, y, marker, color=colour, markersize=size, zorder=4)
    yield from cover_line(axis, (x, min([y, *ends])), (x, max([floor, *ends])))
    yield around(on_page(axis, (x, floor)), 7)


def height_of(point: RooflinePoint) -> float:
    """FLOPs per second, or the middle of their range on a log axis."""
    rate = point.rate
    return rate.value if rate.is_trusted else math.sqrt(rate.span[0] * rate.span[1])


def value_of_estimate(found: Estimate) -> Value:
    """A number with its interval, or a range in its place."""
    if not found.is_trusted:
        return Value(None, span=found.span)
    return Value(found.value, interval=found.interval)


def style_of_point(point: RooflinePoint, summary: RunSummary) -> tuple[str, str]:
    """Colour and marker of its network."""
    for place, model in enumerate(summary.models):
        if model.entry.name == point.model:
            return style_in_run(model, place)
    return OTHER_STYLE


def _handles(roofline: Roofline) -> Iterator[tuple[str, Artist]]:
    yield "achieved", Line2D([], [], color=GREY, marker="o", linewidth=0)
    yield (
        "what its floor would be",
        Line2D([], [], color=GREY, marker="_", markersize=12, markeredgewidth=2, linewidth=0),
    )
    yield from uncertainty_handles([value_of_estimate(p.rate) for p in roofline.points]).items()
    yield "ceiling of the same run", Line2D([], [], color=ROOF_COLOUR, linewidth=1.6)
    yield "interval or range of the ceiling", Patch(color=ROOF_COLOUR, alpha=FAINT)
