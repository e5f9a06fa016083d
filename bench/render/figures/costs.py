"""Cost against cost, for networks of which no separation quality is known."""

from collections.abc import Callable, Iterator
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.render.columns import LATENCY, MACS, Column, memory_column
from bench.render.figures.pareto import (
    OTHER_STYLE,
    STYLES,
    SUDORMRF_COLOUR,
    draw_grid,
    scale_costs,
)
from bench.render.figures.saving import save_figure
from bench.results.summary import ModelSummary, RunSummary
from bench.results.workload import PHASES, Phase
from bench.units import format_si

NAMES: dict[Phase, str] = {"inference": "inference", "update": "training step"}


def write_costs_figure(summary: RunSummary, stem: Path) -> list[Path]:
    """Time against multiply-adds and against memory, a row for each phase, as SVG and PNG."""
    canvas = Canvas(figsize=(9, 6.8), layout="constrained")
    axes = canvas.subplots(2, 2)
    for row, phase in enumerate(PHASES):
        for axis, column in zip(axes[row], _columns(summary, phase), strict=True):
            _draw_panel(axis, column, LATENCY[row], summary)
    handles = {
        label: handle
        for axis in axes.flat
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    if handles:
        canvas.legend(
            handles.values(),
            handles,
            loc="outside lower center",
            ncols=4,
            frameon=False,
            fontsize=9,
        )
    work, missing = summary.workload, ", ".join(_missing(summary))
    canvas.suptitle(
        f"Cost against cost, {work.n_samples} samples, batch {work.batch}\n"
        f"inference on {summary.environment_name}; training step on {summary.update_device_name}"
        + (f"\nnot measured: {missing}" if missing else ""),
        fontsize=10,
    )
    return save_figure(canvas, stem)


def _missing(summary: RunSummary) -> Iterator[str]:
    """Networks of which a time is missing, with the status of the first that is."""
    for model in summary.models:
        values = [model.values[column.metric] for column in LATENCY]
        failed = [value.status.value for value in values if value.value is None]
        if failed:
            yield f"{model.entry.display_name} ({failed[0]})"


def _columns(summary: RunSummary, phase: Phase) -> tuple[Column, Column]:
    macs = next(column for column in MACS if column.phase == phase)
    return macs, memory_column(phase, summary.update_device)


def _draw_panel(axis: Axes, across: Column, up: Column, summary: RunSummary) -> None:
    points = []
    for place, model in enumerate(summary.models):
        cost, time_s = model.values[across.metric], model.values[up.metric]
        if cost.value and time_s.value:
            points.append((cost.value, time_s.value))
            colour, marker = style_of(model, place)
            name = model.entry.display_name
            axis.plot(*points[-1], marker, color=colour, markersize=8, label=name)
    phase = NAMES[up.phase or "inference"]
    axis.set_xlabel(f"{across.title} of {phase}")
    axis.set_ylabel(f"{up.title} of {phase}")
    if points:
        costs, times_s = zip(*points, strict=True)
        scale_costs(axis, "x", costs, _with_unit(across))
        scale_costs(axis, "y", times_s, _with_unit(up))
    draw_grid(axis)


def _with_unit(column: Column) -> Callable[[float], str]:
    return lambda value: format_si(value, column.base_unit, 2)


def style_of(model: ModelSummary, place: int) -> tuple[str, str]:
    """Colour and marker of a network; own ones differ by their place in the run."""
    if model.entry.name.startswith("sudormrf-"):
        return SUDORMRF_COLOUR, "*"
    if model.entry.name in STYLES:
        return STYLES[model.entry.name]
    return f"C{place}", OTHER_STYLE[1]
