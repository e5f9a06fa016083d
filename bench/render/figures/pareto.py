"""The paper's Figure 3: separation quality against cost, with the Pareto frontier."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.render.columns import Column, table1_columns
from bench.render.figures.decades import scale_costs
from bench.render.figures.labels import place_names, place_note
from bench.render.figures.paper import ONE_COLUMN, TWO_COLUMNS, fix_layout, paper_style
from bench.render.figures.saving import save_column, save_figure
from bench.render.figures.uncertainty import (
    draw_uncertainty,
    face_of,
    middle_of,
    uncertainty_handles,
)
from bench.render.phases import PHASE_NAMES
from bench.results.findings import Point, pareto_frontier
from bench.results.summary import ModelSummary, RunSummary
from bench.results.workload import PHASES

STYLES = {
    "conv-tasnet": ("#0072b2", "o"),
    "demucs": ("#d55e00", "s"),
    "dprnn": ("#009e73", "D"),
    "two-step-tdcn": ("#cc79a7", "^"),
}
"""Colours that the colour-blind tell apart, and a marker for each, for print in grey."""
SUDORMRF = "SuDoRM-RF"
SUDORMRF_COLOUR = "#1f3a93"
OTHER_STYLE = ("#555555", "P")
STAR, MARKER = 8.0, 5.0
"""Points across a marker: a star of the same size looks smaller."""
SPACE = 2.2
"""Factor of space left and right of the points, where names have a place."""
QUALITY = "SI-SDRi, non-speech (dB), paper's"


def write_pareto_figure(summary: RunSummary, stem: Path) -> list[Path]:
    """SVG, PNG and PDF for two columns of a paper, and a PDF for one; returns the paths."""
    wide, narrow = draw_pareto(summary), draw_pareto(summary, ONE_COLUMN)
    return [*save_figure(wide, stem), *save_column(narrow, stem)]


@paper_style()
def draw_pareto(summary: RunSummary, width: float = TWO_COLUMNS) -> Canvas:
    """Two rows (inference, training step) by three costs.

    In one column of a paper it is three rows by two, without the title: the caption has its words.
    """
    is_wide = width == TWO_COLUMNS
    canvas = Canvas(figsize=(width, 4.3 if is_wide else 4.9), layout="constrained")
    axes = canvas.subplots(2, 3, sharey=True) if is_wide else canvas.subplots(3, 2, sharey=True).T
    _, *costs = table1_columns(summary.update_device)
    panels: list[tuple[Axes, Column]] = []
    for row, phase in zip(axes, PHASES, strict=True):
        panels += zip(row, [column for column in costs if column.phase == phase], strict=True)
    for axis, column in panels:
        _draw_panel(axis, column, summary)
        axis.set_xlabel(_name_cost(column) if is_wide else f"{column.title} ({column.unit})")
    if not is_wide:
        for axis, phase in zip(axes[:, 0], PHASES, strict=True):
            axis.set_title(PHASE_NAMES[phase])
    canvas.supylabel(QUALITY)
    values = [model.values[column.metric] for model in summary.models for column in costs]
    handles = collect_handles(axis for axis, _ in panels) | uncertainty_handles(values)
    canvas.legend(
        handles.values(),
        handles,
        loc="outside lower center",
        ncols=5 if is_wide else 3,
        frameon=False,
    )
    if is_wide:
        canvas.suptitle(_title(summary))
    fix_layout(canvas)
    for axis, column in panels:
        place_note(axis, "\n".join(_missing(column, summary)), "#aa0000")
        place_names(axis, list(_sizes(column, summary)))
    return canvas


def _title(summary: RunSummary) -> str:
    return (
        f"Quality against cost, {summary.workload.n_samples} samples, "
        f"batch {summary.workload.batch}\n"
        f"inference on {summary.environment_name}; training step on {summary.update_device_name}"
    )


def _draw_panel(axis: Axes, column: Column, summary: RunSummary) -> None:
    placed = [(model, *point) for model in summary.models if (point := _place(model, column))]
    _draw_frontier(axis, [(cost, quality) for _, cost, quality in placed])
    stars = [(cost, quality) for model, cost, quality in placed if is_sudormrf(model)]
    if stars:
        axis.plot(
            *zip(*stars, strict=True),
            "-*",
            color=SUDORMRF_COLOUR,
            markersize=STAR,
            label=SUDORMRF,
            zorder=4,
        )
    ends: list[float] = []
    for model in summary.models:
        ends += _draw_network(axis, column, model)
    frame_costs(axis, [*(cost for _, cost, _ in placed), *ends])


def _name_cost(column: Column) -> str:
    return f"{column.title} of {PHASE_NAMES[column.phase or 'inference']} ({column.unit})"


def _draw_network(axis: Axes, column: Column, model: ModelSummary) -> list[float]:
    """Its marker, hollow where the cost is in doubt, with the interval or range: both ends."""
    value = model.values[column.metric]
    middle = middle_of(value)
    if model.published is None or not middle:
        return []
    quality = model.published.si_sdri_nonspeech_db
    colour, marker = style_of(model)
    ends = draw_uncertainty(axis, value, quality, colour, scale=column.scale)
    face = face_of(value, colour)
    if is_sudormrf(model) and face == colour:
        return ends  # the line through all sizes has its star
    axis.plot(
        [middle / column.scale],
        [quality],
        marker,
        color=colour,
        markerfacecolor=face,
        markersize=size_of_marker(marker),
        label=_label(model),
        zorder=5 if is_sudormrf(model) else 3,
    )
    return ends


def is_sudormrf(model: ModelSummary) -> bool:
    """A size of SuDoRM-RF; all of them share a style."""
    return model.entry.name.startswith("sudormrf-")


def style_of(model: ModelSummary) -> tuple[str, str]:
    """Colour and marker of a network."""
    return (
        (SUDORMRF_COLOUR, "*") if is_sudormrf(model) else STYLES.get(model.entry.name, OTHER_STYLE)
    )


def size_of_marker(marker: str) -> float:
    """In points, so that all look alike."""
    return STAR if marker == "*" else MARKER


def short_name(display_name: str) -> str:
    """Of a size of SuDoRM-RF the size alone: all of them share a marker."""
    return display_name.removeprefix(f"{SUDORMRF} ")


def _label(model: ModelSummary) -> str:
    """In the legend."""
    return SUDORMRF if is_sudormrf(model) else model.entry.display_name


def _sizes(column: Column, summary: RunSummary) -> Iterator[tuple[str, Point]]:
    """The sizes of SuDoRM-RF, and where their markers are."""
    for model in summary.models:
        middle = middle_of(model.values[column.metric])
        if is_sudormrf(model) and model.published and middle:
            place = middle / column.scale, model.published.si_sdri_nonspeech_db
            yield short_name(model.entry.display_name), place


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
            linewidth=0.8,
            linestyle="--",
            label="Pareto frontier",
            zorder=2,
        )


def _place(model: ModelSummary, column: Column) -> Point | None:
    cost = model.values[column.metric].value
    if cost is None or cost <= 0 or model.published is None:
        return None
    return cost / column.scale, model.published.si_sdri_nonspeech_db


def _missing(column: Column, summary: RunSummary) -> Iterator[str]:
    """A network without a value is named in the panel, not left out in silence."""
    for model in summary.models:
        if model.published is not None and model.values[column.metric].is_missing:
            yield f"{model.entry.display_name}: {model.values[column.metric].word}"
    for model in summary.models:
        if not model.published:
            yield f"{model.entry.display_name}: no SI-SDRi"


def frame_costs(axes: Axes, costs: Sequence[float]) -> None:
    """A log axis of costs below a linear one of qualities."""
    scale_costs(axes, "x", costs, margin=SPACE)
    axes.margins(y=0.12)
    draw_grid(axes)


def draw_grid(axes: Axes) -> None:
    """Thin lines behind everything."""
    axes.grid(visible=True, which="both", color="#e4e4e4", linewidth=0.5)
    axes.set_axisbelow(True)
