"""Cost against cost, for networks of which no separation quality is known."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.render.columns import LATENCY, MACS, Column, memory_column
from bench.render.figures.pareto import OTHER_STYLE, STYLES, SUDORMRF_COLOUR, draw_grid, scale_costs
from bench.render.figures.saving import save_figure
from bench.results.summary import ModelSummary, RunSummary
from bench.results.workload import PHASES, Phase

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
    canvas.suptitle(
        f"Cost against cost, {summary.workload.n_samples} samples, batch {summary.workload.batch}\n"
        f"inference on {summary.environment_name}; training step on {summary.update_device_name}",
        fontsize=11,
    )
    return save_figure(canvas, stem)


def _columns(summary: RunSummary, phase: Phase) -> tuple[Column, Column]:
    macs = next(column for column in MACS if column.phase == phase)
    return macs, memory_column(phase, summary.update_device)


def _draw_panel(axis: Axes, across: Column, up: Column, summary: RunSummary) -> None:
    points = []
    for place, model in enumerate(summary.models):
        cost, time_s = (model.values[column.metric].value for column in (across, up))
        if cost and time_s:
            points.append((cost / across.scale, time_s / up.scale))
            colour, marker = style_of(model, place)
            name = model.entry.display_name
            axis.plot(*points[-1], marker, color=colour, markersize=8, label=name)
    phase = NAMES[up.phase or "inference"]
    axis.set_xlabel(f"{across.title} of {phase} ({across.unit})")
    axis.set_ylabel(f"{up.title} of {phase} ({up.unit})")
    if points:
        scale_costs(axis, "x", [cost for cost, _ in points])
        scale_costs(axis, "y", [time for _, time in points])
    else:
        axis.text(0.5, 0.5, "nothing was measured", transform=axis.transAxes, ha="center")
    draw_grid(axis)


def style_of(model: ModelSummary, place: int) -> tuple[str, str]:
    """Colour and marker of a network; own ones differ by their place in the run."""
    if model.entry.name.startswith("sudormrf-"):
        return SUDORMRF_COLOUR, "*"
    if model.entry.name in STYLES:
        return STYLES[model.entry.name]
    return f"C{place}", OTHER_STYLE[1]
