"""The paper's Figure 3: separation quality against cost, with the Pareto frontier."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.render.columns import LATENCY, Column, table1_columns
from bench.render.figures.saving import save_figure
from bench.render.figures.uncertainty import draw_uncertainty, uncertainty_handles
from bench.results.findings import Point, pareto_frontier
from bench.results.summary import ModelSummary, RunSummary

STYLES = {
    "conv-tasnet": ("#0072b2", "o"),
    "demucs": ("#d55e00", "s"),
    "dprnn": ("#009e73", "D"),
    "two-step-tdcn": ("#cc79a7", "^"),
}
SUDORMRF = "SuDoRM-RF"
SUDORMRF_COLOUR = "#1f3a93"
OTHER_STYLE = ("#555555", "P")
MARGIN = 1.6  # factor of space left and right of the points


def write_pareto_figure(summary: RunSummary, stem: Path) -> list[Path]:
    """Two rows (inference, training step) by three costs, as SVG and PNG; returns the paths."""
    canvas = Canvas(figsize=(11, 6.4), layout="constrained")
    axes = canvas.subplots(2, 3, sharey=True)
    _, *costs = table1_columns(summary.update_device)
    for row, phase in enumerate(("inference", "update")):
        for axis, column in zip(axes[row], [c for c in costs if c.phase == phase], strict=True):
            _draw_panel(axis, column, summary)
        axes[row][0].set_ylabel("SI-SDRi, non-speech (dB), paper's")
    times = [model.values[column.metric] for model in summary.models for column in LATENCY]
    handles = collect_handles(axes.flat) | uncertainty_handles(times)
    canvas.legend(
        handles.values(), handles, loc="outside lower center", ncols=8, frameon=False, fontsize=9
    )
    canvas.suptitle(
        f"Quality against cost, {summary.workload.n_samples} samples, "
        f"batch {summary.workload.batch}\n"
        f"inference on {summary.environment_name}; training step on {summary.update_device_name}",
        fontsize=11,
    )
    return save_figure(canvas, stem)


def _draw_panel(axis: Axes, column: Column, summary: RunSummary) -> None:
    phase = "inference" if column.phase == "inference" else "training step"
    placed = [(model, *point) for model in summary.models if (point := _place(model, column))]
    _draw_frontier(axis, [(cost, quality) for _, cost, quality in placed])
    stars = [(cost, quality) for model, cost, quality in placed if is_sudormrf(model)]
    if stars:
        axis.plot(
            *zip(*stars, strict=True),
            "-*",
            color=SUDORMRF_COLOUR,
            markersize=13,
            linewidth=1.2,
            label=SUDORMRF,
            zorder=4,
        )
    for model, cost, quality in placed:
        if is_sudormrf(model):
            _name_size(axis, model, (cost, quality))
        else:
            colour, marker = style_of(model)
            axis.plot(
                [cost], [quality], marker, color=colour, markersize=8, label=_label(model), zorder=3
            )
    ends = _draw_uncertainties(axis, column, summary)
    _name_missing(axis, column, summary)
    frame_costs(axis, [*(cost for _, cost, _ in placed), *ends])
    axis.set_xlabel(f"{column.title} of {phase} ({column.unit})")


def _draw_uncertainties(axis: Axes, column: Column, summary: RunSummary) -> list[float]:
    """Intervals and ranges of the costs; a size whose cost is a range has its name there."""
    ends: list[float] = []
    for model in summary.models:
        if model.published is None:
            continue
        value, quality = model.values[column.metric], model.published.si_sdri_nonspeech_db
        colour, _ = style_of(model)
        ends += draw_uncertainty(
            axis, value, quality, colour, scale=column.scale, label=_label(model)
        )
        if value.span and is_sudormrf(model):
            _name_size(axis, model, (value.span[1] / column.scale, quality))
    return ends


def is_sudormrf(model: ModelSummary) -> bool:
    """A size of SuDoRM-RF; all of them share a style."""
    return model.entry.name.startswith("sudormrf-")


def style_of(model: ModelSummary) -> tuple[str, str]:
    """Colour and marker of a network."""
    return (
        (SUDORMRF_COLOUR, "*") if is_sudormrf(model) else STYLES.get(model.entry.name, OTHER_STYLE)
    )


def _label(model: ModelSummary) -> str:
    """In the legend."""
    return SUDORMRF if is_sudormrf(model) else model.entry.display_name


def _name_size(axis: Axes, model: ModelSummary, point: Point) -> None:
    size = model.entry.display_name.removeprefix(f"{SUDORMRF} ")
    axis.annotate(size, point, (7, -11), textcoords="offset points", fontsize=8)


def collect_handles(axes: Iterable[Axes]) -> dict[str, Artist]:
    """What a legend of all panels shows of each label: its first artist."""
    found: dict[str, Artist] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return found


def _draw_frontier(axis: Axes, points: Sequence[Point]) -> None:
    frontier = pareto_frontier(points)
    if frontier:
        costs, qualities = zip(*frontier, strict=True)
        axis.step(
            costs,
            qualities,
            where="post",
            color="#888888",
            linewidth=1.0,
            linestyle="--",
            label="Pareto frontier",
            zorder=2,
        )


def _place(model: ModelSummary, column: Column) -> Point | None:
    cost = model.values[column.metric].value
    if cost is None or cost <= 0 or model.published is None:
        return None
    return cost / column.scale, model.published.si_sdri_nonspeech_db


def _name_missing(axis: Axes, column: Column, summary: RunSummary) -> None:
    """A network without a value is named in the panel, not left out in silence."""
    missing = [
        f"{model.entry.display_name}: {model.values[column.metric].status.value}"
        for model in summary.models
        if model.published is not None and model.values[column.metric].is_missing
    ]
    missing += [
        f"{model.entry.display_name}: no SI-SDRi" for model in summary.models if not model.published
    ]
    if missing:
        axis.text(
            0.98,
            0.02,
            "\n".join(missing),
            transform=axis.transAxes,
            ha="right",
            va="bottom",
            fontsize=8,
            color="#aa0000",
        )


def frame_costs(axes: Axes, costs: Sequence[float]) -> None:
    """A log axis of costs below a linear one of qualities."""
    scale_costs(axes, "x", costs)
    axes.margins(y=0.12)
    draw_grid(axes)


def scale_costs(
    axes: Axes,
    which: Literal["x", "y"],
    costs: Sequence[float],
    show: Callable[[float], str] = "{:g}".format,
) -> None:
    """A log scale with space around the points, and numbers at 1, 2 and 5 of each decade."""
    ends = _ends(costs) if costs else None
    if which == "x":
        axes.set(xscale="log", xlim=ends)
    else:
        axes.set(yscale="log", ylim=ends)
    axis: XAxis | YAxis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    axis.set_minor_formatter(NullFormatter())


def _ends(costs: Sequence[float]) -> tuple[float, float]:
    """Of an axis of at least a decade, so that its numbers have space."""
    low, high = min(costs), max(costs)
    margin = max(MARGIN, (10 * low / high) ** 0.5)
    return low / margin, high * margin


def draw_grid(axes: Axes) -> None:
    """Thin lines behind everything."""
    axes.grid(visible=True, which="both", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
