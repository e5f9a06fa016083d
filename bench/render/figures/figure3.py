"""Figure 3 with own trainings: published qualities hollow, own ones filled, over own costs."""

import math
from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from bench.render.columns import Column, table1_columns
from bench.render.figures.pareto import frame_costs, style_of
from bench.render.figures.saving import save_figure
from bench.render.figures.uncertainty import draw_uncertainty, uncertainty_handles
from bench.results.quality import EvaluationRecord
from bench.results.summary import ModelSummary, RunSummary, Value

TASKS = (("speech", "SI-SDRi, speech (dB)"), ("sounds", "SI-SDRi, non-speech (dB)"))


def write_figure3(
    summary: RunSummary, own: Mapping[tuple[str, str], EvaluationRecord], stem: Path
) -> list[Path]:
    """A row for each task, a column for each cost of inference, as SVG and PNG.

    The qualities of one network stand above each other: both cost what was measured here.
    """
    canvas = Canvas(figsize=(11, 6.4), layout="constrained")
    axes = canvas.subplots(2, 3)
    costs = [one for one in table1_columns(summary.update_device) if one.phase == "inference"]
    for row, (task, label) in enumerate(TASKS):
        for axis, column in zip(axes[row], costs, strict=True):
            _draw_panel(axis, column, summary, task, own)
        axes[row][0].set_ylabel(label)
    handles = list(
        {entry.get_label(): entry for entry in map(_legend_entry, summary.models)}.values()
    )
    handles.append(Line2D([], [], linestyle="", marker="o", color="k", label="own"))
    handles.append(
        Line2D([], [], linestyle="", marker="o", color="k", fillstyle="none", label="published")
    )
    values = [model.values[one.metric] for model in summary.models for one in costs]
    uncertain = uncertainty_handles(values)
    canvas.legend(
        [*handles, *uncertain.values()],
        [*(str(handle.get_label()) for handle in handles), *uncertain],
        loc="outside lower center",
        ncols=5,
        frameon=False,
        fontsize=9,
    )
    trained = " and ".join(sorted({record.trained_on or "unknown" for record in own.values()}))
    tested = " and ".join(sorted({record.corpus for record in own.values()}))
    canvas.suptitle(
        f"Quality against cost of inference on {summary.environment_name}\n"
        f"filled: trained here on {trained}, for as long as table1.md says,\n"
        f"evaluated on {tested}; hollow: the paper's, on WSJ0-2mix and ESC-50",
        fontsize=9,
    )
    return save_figure(canvas, stem)


def _draw_panel(
    axis: Axes,
    column: Column,
    summary: RunSummary,
    task: str,
    own: Mapping[tuple[str, str], EvaluationRecord],
) -> None:
    costs: list[float] = []
    for model in summary.models:
        value = model.values[column.metric]
        cost = _place(value, column)
        if cost is None:
            continue
        costs.append(cost)
        colour, marker = style_of(model)
        is_number = value.span is None
        if model.published is not None:
            paper = model.published
            quality = paper.si_sdri_speech_db if task == "speech" else paper.si_sdri_nonspeech_db
            costs += draw_uncertainty(axis, value, quality, colour, scale=column.scale)
            if is_number:
                axis.plot(cost, quality, marker, color=colour, fillstyle="none", zorder=3)
            _name_size(axis, model, (cost, quality))
        record = own.get((model.entry.name, task))
        if record is not None:
            quality = record.si_sdri_mean_db
            costs += draw_uncertainty(axis, value, quality, colour, scale=column.scale)
            _draw_interval(axis, cost, record, colour)
            if is_number:
                axis.plot([cost], [quality], marker, color=colour, zorder=4)
            _name_size(axis, model, (cost, quality))
    axis.set_xlabel(f"{column.title} of inference ({column.unit})")
    frame_costs(axis, costs)


def _place(value: Value, column: Column) -> float | None:
    """Where a cost is drawn: of a range its middle, on a log axis; None where there is none."""
    if value.span is not None:
        return math.sqrt(math.prod(value.span)) / column.scale
    return value.value / column.scale if value.value else None


def _name_size(axis: Axes, model: ModelSummary, point: tuple[float, float]) -> None:
    """Sizes of SuDoRM-RF share a mark, so each has its name."""
    name = model.entry.display_name
    if name.startswith("SuDoRM-RF "):
        size = name.removeprefix("SuDoRM-RF ")
        axis.annotate(size, point, (6, -10), textcoords="offset points", fontsize=7)


def _draw_interval(axis: Axes, cost: float, record: EvaluationRecord, colour: str) -> None:
    """Of a quality, where there is one."""
    if record.si_sdri_low_db is not None and record.si_sdri_high_db is not None:
        axis.vlines(cost, record.si_sdri_low_db, record.si_sdri_high_db, color=colour)


def _legend_entry(model: ModelSummary) -> Line2D:
    colour, marker = style_of(model)
    return Line2D([], [], linestyle="", color=colour, marker=marker, label=model.entry.display_name)
