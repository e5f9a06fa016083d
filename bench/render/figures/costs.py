"""Cost against cost, for networks of which no separation quality is known."""

from collections.abc import Callable, Iterator
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.render.columns import LATENCY, MACS, Column, memory_column
from bench.render.figures.decades import scale_costs
from bench.render.figures.paper import TWO_COLUMNS, paper_style
from bench.render.figures.pareto import (
    OTHER_STYLE,
    collect_handles,
    draw_grid,
    size_of_marker,
    style_of,
)
from bench.render.figures.saving import save_figure
from bench.render.figures.uncertainty import (
    draw_uncertainty,
    face_of,
    middle_of,
    uncertainty_handles,
)
from bench.render.phases import PHASE_NAMES
from bench.render.provenance import describe_length
from bench.results.summary import NOT_MEASURED, ModelSummary, RunSummary
from bench.results.workload import PHASES, Phase
from bench.units import format_si

OWN_COLOURS = ("#e69f00", "#56b4e9", "#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7")
OWN_MARKERS = ("P", "X", "v", "<", ">", "p", "h", "d", "8", "H")
"""Of networks without a style of their own; no two of 70 have both in common."""


@paper_style()
def write_costs_figure(summary: RunSummary, stem: Path) -> list[Path]:
    """Time against multiply-adds and against memory, a row for each phase; returns the paths."""
    canvas = Canvas(figsize=(TWO_COLUMNS, 5.4), layout="constrained")
    axes = canvas.subplots(2, 2)
    for row, phase in enumerate(PHASES):
        for axis, column in zip(axes[row], _columns(summary, phase), strict=True):
            _draw_panel(axis, column, LATENCY[row], summary)
    times = [model.values[column.metric] for model in summary.models for column in LATENCY]
    handles = collect_handles(axes.flat) | uncertainty_handles(times)
    if handles:
        canvas.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False)
    work, missing = summary.workload, ", ".join(_missing(summary))
    canvas.suptitle(
        f"Cost against cost, {describe_length(summary)}, batch {work.batch}\n"
        f"inference on {summary.environment_name}; training step on {summary.update_device_name}"
        + (f"\nnot measured: {missing}" if missing else "")
    )
    return save_figure(canvas, stem)


def _missing(summary: RunSummary) -> Iterator[str]:
    """Networks of which a time is missing; with the status of the first that was asked for."""
    for model in summary.models:
        values = [model.values[column.metric] for column in LATENCY]
        missing = [value for value in values if value.is_missing]
        failed = [value.word for value in missing if value != NOT_MEASURED]
        if missing:
            yield model.entry.display_name + (f" ({failed[0]})" if failed else "")


def _columns(summary: RunSummary, phase: Phase) -> tuple[Column, Column]:
    macs = next(column for column in MACS if column.phase == phase)
    return macs, memory_column(phase, summary.update_device)


def _draw_panel(axis: Axes, across: Column, up: Column, summary: RunSummary) -> None:
    costs: list[float] = []
    times_s: list[float] = []
    for place, model in enumerate(summary.models):
        cost, value = model.values[across.metric].value, model.values[up.metric]
        time_s = middle_of(value)
        if not cost or not time_s:
            continue
        colour, marker = style_in_run(model, place)
        costs.append(cost)
        times_s += [time_s, *draw_uncertainty(axis, value, cost, colour, along="y")]
        axis.plot(
            cost,
            time_s,
            marker,
            color=colour,
            markerfacecolor=face_of(value, colour),
            markersize=size_of_marker(marker),
            label=model.entry.display_name,
            zorder=3,
        )
    phase = PHASE_NAMES[up.phase or "inference"]
    axis.set_xlabel(f"{across.title} of {phase}")
    axis.set_ylabel(f"{up.title} of {phase}")
    if costs:
        scale_costs(axis, "x", costs, _with_unit(across))
        scale_costs(axis, "y", times_s, _with_unit(up))
    draw_grid(axis)


def _with_unit(column: Column) -> Callable[[float], str]:
    return lambda value: format_si(value, column.base_unit, 2)


def style_in_run(model: ModelSummary, place: int) -> tuple[str, str]:
    """Colour and marker of a network; of one without a style, by its place in the run."""
    style = style_of(model)
    if style != OTHER_STYLE:
        return style
    return OWN_COLOURS[place % len(OWN_COLOURS)], OWN_MARKERS[place % len(OWN_MARKERS)]
