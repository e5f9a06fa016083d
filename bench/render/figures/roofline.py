"""Networks below the ceilings of the machine: achieved rate over intensity."""

import math
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.render.figures.costs import style_in_run
from bench.render.figures.labels import Box, around, cover_line, on_page, place_names
from bench.render.figures.pareto import OTHER_STYLE, draw_grid
from bench.render.figures.saving import save_figure
from bench.render.figures.uncertainty import GREY
from bench.render.provenance import describe_threads
from bench.render.tables.roofline import describe_size, name_of
from bench.results.roofline import Roofline, RooflinePoint
from bench.results.statistics import Estimate
from bench.results.summary import RunSummary
from bench.units import format_si

ROOF_COLOUR = "#333333"
ROOF_STYLES = ("-", (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)))
SLOPE_STYLES = ("-", (0, (5, 2)), (0, (1, 2)))
"""From memory to the fastest cache."""
FAINT = 0.18
SPACE = 3.0
"""Factor left and right of the points, and below them."""

Place = tuple[float, float]
Line = tuple[Place, Place]


def write_roofline_figure(summary: RunSummary, stem: Path) -> list[Path]:
    """Every network of a run that measured ceilings, as SVG and PNG; returns the paths."""
    roofline = summary.roofline
    assert roofline is not None
    canvas = Canvas(figsize=(9, 6.2))
    axis = canvas.add_axes((0.09, 0.17, 0.88, 0.72))
    frame(axis, roofline)
    lines = [*draw_roofs(axis, roofline)]
    obstacles = [box for line in lines for box in cover_line(axis, *line)]
    for point in roofline.points:
        obstacles += draw_point(axis, point, roofline, summary)
    names = [(label_of(p, roofline), (p.intensity, p.rate.value)) for p in roofline.points]
    place_names(axis, names, [*obstacles, *write_roof_names(axis, roofline)])
    axis.set_xlabel("FLOPs of multiply-adds for each byte that torch's operators move")
    axis.set_ylabel("FLOPs of multiply-adds per second")
    canvas.legend(handles=list(_handles()), loc="lower center", ncols=3, frameon=False, fontsize=9)
    work = summary.workload
    canvas.suptitle(
        f"Roofline of inference, {work.n_samples} samples, batch {work.batch}\n"
        f"{summary.environment_name}, {describe_threads(roofline.roofs.threads)}",
        fontsize=11,
    )
    return save_figure(canvas, stem)


def frame(axis: Axes, roofline: Roofline) -> None:
    """Scales and limits, which hold every point and every roof of products."""
    points, roofs = roofline.points, roofline.roofs
    across = [point.intensity for point in points]
    rates = [end for point in points for end in (*point.rate.span, point.rate.value)]
    tops = [rate.span[1] for rate in roofs.products.values()]
    tops += [point.floor_rate.value for point in points]
    low, high = min(across) / SPACE, max(across) * SPACE
    widened = max(1.0, math.sqrt(100 * low / high))  # two decades at least
    axis.set(xscale="log", yscale="log", xlim=(low / widened, high * widened))
    axis.set_ylim(min(rates) / SPACE, max(*tops, *rates) * 1.8)
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
    fastest = max(rate.value for rate in roofs.bandwidths.values())
    for rate, style in zip(roofs.products.values(), cycle(ROOF_STYLES), strict=False):
        ends = max(left, rate.value / fastest), right
        axis.plot(ends, [rate.value] * 2, linestyle=style, color=ROOF_COLOUR, linewidth=1.6)
        axis.fill_between(ends, *rate.span, color=ROOF_COLOUR, alpha=FAINT, linewidth=0)
        yield (ends[0], rate.value), (ends[1], rate.value)
    slopes = sorted(roofs.bandwidths.items(), reverse=True)
    for (_, rate), style in zip(slopes, cycle(SLOPE_STYLES), strict=False):
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
    roofs, (left, right), (bottom, _) = roofline.roofs, axis.get_xlim(), axis.get_ylim()
    for dtype, rate in roofs.products.items():
        name = f"products, {dtype}: {_describe(rate, 'FLOP/s')}"
        axis.annotate(
            name, (right, rate.value), (-4, 2), textcoords="offset points", fontsize=8, ha="right"
        )
        x, y = on_page(axis, (right, rate.value))
        yield Box(x - 4.5 * len(name), y, x, y + 13)
    for n_bytes, rate in roofs.bandwidths.items():
        name = f"{describe_size(roofline, n_bytes)}: {_describe(rate, 'B/s')}"
        start = 1.12 * max(left, bottom / rate.value)
        yield from _write_along(axis, name, (start, start * rate.value))


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
        along = 4.5 * letter
        at = x0 + along * math.cos(angle) - 7 * math.sin(angle), y0 + along * math.sin(angle)
        yield around((at[0], at[1] + 7 * math.cos(angle)), 5)


def _describe(rate: Estimate, unit: str) -> str:
    """The rate in the figure; ranges are told as such by their bands, and in the table."""
    return (
        format_si(rate.value, unit)
        if rate.is_trusted
        else f"noisy, {format_si(rate.value, unit, 1)}"
    )


def draw_point(
    axis: Axes, point: RooflinePoint, roofline: Roofline, summary: RunSummary
) -> Iterator[Box]:
    """A marker with its interval, and a bar where its floor would be; yields what they cover."""
    colour, marker = style_of_point(point, summary)
    is_first = point.workload.runtime == roofline.points[0].workload.runtime
    x, rate, floor_rate = point.intensity, point.rate, point.floor_rate
    axis.vlines(
        x, rate.value, floor_rate.value, colors=colour, linewidth=0.9, linestyles=":", zorder=2
    )
    axis.vlines(x, *rate.span, colors=colour, linewidth=2.4, zorder=3)
    axis.plot(x, floor_rate.value, "_", color=colour, markersize=13, markeredgewidth=2, zorder=3)
    axis.plot(
        x,
        rate.value,
        marker,
        color=colour,
        markersize=12 if marker == "*" else 8,
        markerfacecolor=colour if is_first else "white",
        zorder=4,
    )
    yield from cover_line(axis, (x, rate.value), (x, floor_rate.value))
    yield around(on_page(axis, (x, floor_rate.value)), 7)


def style_of_point(point: RooflinePoint, summary: RunSummary) -> tuple[str, str]:
    """Colour and marker of its network."""
    for place, model in enumerate(summary.models):
        if model.entry.name == point.model:
            return style_in_run(model, place)
    return OTHER_STYLE


def label_of(point: RooflinePoint, roofline: Roofline) -> str:
    """The network, and what it was run by and in where the run has several of these."""
    runtimes = {one.workload.runtime for one in roofline.points}
    dtypes = {one.workload.dtype for one in roofline.points}
    parts = [name_of(point)]
    parts += [point.workload.runtime] if len(runtimes) > 1 else []
    parts += [point.workload.dtype] if len(dtypes) > 1 else []
    return ", ".join(parts)


def _handles() -> Iterator[Line2D | Patch]:
    yield Line2D([], [], color=GREY, marker="o", linewidth=0, label="achieved")
    yield Line2D([], [], color=GREY, marker="|", markersize=11, linewidth=0, label="its interval")
    yield Line2D(
        [],
        [],
        color=GREY,
        marker="_",
        markersize=12,
        markeredgewidth=2,
        linewidth=0,
        label="its floor would be",
    )
    yield Line2D(
        [], [], color=ROOF_COLOUR, linewidth=1.6, label="ceiling, measured in the same run"
    )
    yield Patch(color=ROOF_COLOUR, alpha=FAINT, label="interval of the ceiling (95 %)")
