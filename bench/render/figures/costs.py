"""Cost against cost, for networks of which no separation quality is known."""

from collections.abc import Callable, Iterator
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.render.columns import LATENCY, MACS, Column, memory_column
from bench.render.figures.pareto import (
    OTHER_STYLE,
    collect_handles,
    draw_grid,
    scale_costs,
    style_of,
)
from bench.render.figures.saving import save_figure
from bench.render.figures.uncertainty import draw_uncertainty, uncertainty_handles
from bench.render.provenance import describe_length
from bench.results.summary import ModelSummary, RunSummary
from bench.results.workload import PHASES, Phase
from bench.units import format_si

NAMES = dict(zip(PHASES, ("inference", "training step"), strict=True))


def write_costs_figure(summary: RunSummary, stem: Path) -> list[Path]:
    """Time against multiply-adds and against memory, a row for each phase, as SVG and PNG."""
    canvas = Canvas(figsize=(9, 6.8), layout="constrained")
    axes = canvas.subplots(2, 2)
    for row, phase in enumerate(PHASES):
        for axis, column in zip(axes[row], _columns(summary, phase), strict=True):
            _draw_panel(axis, column, LATENCY[row], summary)
    times = [model.values[column.metric] for model in summary.models for column in LATENCY]
    handles = collect_handles(axes.flat) | uncertainty_handles(times)
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
        f"Cost against cost, {describe_length(summary)}, batch {work.batch}\n"
        f"inference on {summary.environment_name}; training step on {summary.update_device_name}"
        + (f"\nnot measured: {missing}" if missing else ""),
        fontsize=10,
    )
    return save_figure(canvas, stem)


def _missing(summary: RunSummary) -> Iterator[str]:
    """Networks of which a time is missing, with the status of the first that is."""
    for model in summary.models:
        values = [model.values[column.metric] for column in LATENCY]
        failed = [value.status.value for value in values if value.is_missing]
        if failed:
            yield f"{model.entry.display_name} ({failed[0]})"


def _columns(summary: RunSummary, phase: Phase) -> tuple[Column, Column]:
    macs = next(column for column in MACS if column.phase == phase)
    return macs, memory_column(phase, summary.update_device)


def _draw_panel(axis: Axes, across: Column, up: Column, summary: RunSummary) -> None:
    costs: list[float] = []
    times_s: list[float] = []
    for place, model in enumerate(summary.models):
        cost, time_s = model.values[across.metric].value, model.values[up.metric]
        if not cost or time_s.is_missing:
            continue
        colour, marker = style_in_run(model, place)
        name = model.entry.display_name
        if time_s.value:
            axis.plot(cost, time_s.value, marker, color=colour, markersize=8, label=name)
            times_s.append(time_s.value)
        costs.append(cost)
        times_s += draw_uncertainty(axis, time_s, cost, colour, along="y", label=name)
    phase = NAMES[up.phase or "inference"]
    axis.set_xlabel(f"{across.title} of {phase}")
    axis.set_ylabel(f"{up.title} of {phase}")
    if costs:
        scale_costs(axis, "x", costs, _with_unit(across))
        scale_costs(axis, "y", times_s, _with_unit(up))
    draw_grid(axis)


def _with_unit(column: Column) -> Callable[[float], str]:
    return lambda value: format_si(value, column.base_unit, 2)


def style_in_run(model: ModelSummary, place: int) -> tuple[str, str]:
    """Colour and marker of a network; own ones differ by their place in the run."""
    colour, marker = style_of(model)
    return (f"C{place}", marker) if (colour, marker) == OTHER_STYLE else (colour, marker)
