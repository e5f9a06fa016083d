"""Figure 3 with own trainings: published qualities hollow, own ones filled, over own costs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from bench.render.columns import Column, table1_columns
from bench.render.figures.labels import place_names
from bench.render.figures.paper import ONE_COLUMN, TWO_COLUMNS, fix_layout, paper_style
from bench.render.figures.pareto import (
    SUDORMRF,
    frame_costs,
    is_sudormrf,
    short_name,
    size_of_marker,
    style_of,
)
from bench.render.figures.saving import save_column, save_figure
from bench.render.figures.uncertainty import (
    FAINT,
    GREY,
    IN_DOUBT,
    RANGE,
    THICK,
    draw_uncertainty,
    middle_of,
    uncertainty_handles,
)
from bench.results.quality import EvaluationRecord
from bench.results.summary import ModelSummary, RunSummary, Value

TASKS = (("speech", "SI-SDRi, speech (dB)"), ("sounds", "SI-SDRi, non-speech (dB)"))
Own = Mapping[tuple[str, str], EvaluationRecord]


@dataclass(frozen=True)
class Shown:
    """A network at one quality: what was published (``record`` is None), or trained here."""

    model: ModelSummary
    value: Value
    cost: float  # in the column's unit; of a range its middle, on a log axis
    quality_db: float
    record: EvaluationRecord | None


def write_figure3(summary: RunSummary, own: Own, stem: Path) -> list[Path]:
    """SVG, PNG and PDF for two columns of a paper, and a PDF for one; returns the paths."""
    wide, narrow = draw_figure3(summary, own), draw_figure3(summary, own, ONE_COLUMN)
    return [*save_figure(wide, stem), *save_column(narrow, stem)]


@paper_style()
def draw_figure3(summary: RunSummary, own: Own, width: float = TWO_COLUMNS) -> Canvas:
    """A row for each task, a column for each cost of inference; turned in one column of a paper.

    The qualities of one network stand above each other: both cost what was measured here. Fill
    says whose quality it is; of a cost in doubt the interval or the bar says it.
    """
    is_wide = width == TWO_COLUMNS
    canvas = Canvas(figsize=(width, 4.6 if is_wide else 5.2), layout="constrained")
    axes = canvas.subplots(2, 3) if is_wide else canvas.subplots(3, 2).T
    costs = [one for one in table1_columns(summary.update_device) if one.phase == "inference"]
    placed: list[tuple[Axes, list[Shown]]] = []
    for row, (task, label) in zip(axes, TASKS, strict=True):
        for axis, column in zip(row, costs, strict=True):
            shown = list(_find_shown(column, summary, task, own))
            _draw_panel(axis, column, shown)
            placed.append((axis, shown))
        (row[0].set_ylabel if is_wide else row[0].set_title)(label)
    handles = _handles(summary, costs)
    canvas.legend(
        handles.values(),
        handles,
        loc="outside lower center",
        ncols=5 if is_wide else 3,
        frameon=False,
    )
    if is_wide:
        canvas.suptitle(_title(summary, own))
    fix_layout(canvas)
    for axis, shown in placed:
        place_names(axis, list(_names(shown)))
    return canvas


def _title(summary: RunSummary, own: Own) -> str:
    trained = " and ".join(sorted({record.trained_on or "unknown" for record in own.values()}))
    tested = " and ".join(sorted({record.corpus for record in own.values()}))
    return (
        f"Quality against cost of inference on {summary.environment_name}\n"
        f"filled: trained here on {trained}, for as long as table1.md says,\n"
        f"evaluated on {tested}; hollow: the paper's, on WSJ0-2mix and ESC-50"
    )


def _find_shown(column: Column, summary: RunSummary, task: str, own: Own) -> Iterator[Shown]:
    """Every network that has a cost, at each quality that it has."""
    for model in summary.models:
        value = model.values[column.metric]
        middle = middle_of(value)
        if not middle:
            continue
        cost, paper = middle / column.scale, model.published
        if paper is not None:
            quality = paper.si_sdri_speech_db if task == "speech" else paper.si_sdri_nonspeech_db
            yield Shown(model, value, cost, quality, None)
        record = own.get((model.entry.name, task))
        if record is not None:
            yield Shown(model, value, cost, record.si_sdri_mean_db, record)


def _draw_panel(axis: Axes, column: Column, shown: Sequence[Shown]) -> None:
    ends = [one.cost for one in shown]
    for one in shown:
        colour, marker = style_of(one.model)
        ends += draw_uncertainty(axis, one.value, one.quality_db, colour, scale=column.scale)
        _draw_interval(axis, one, colour)
        if one.value.span is None:  # a bar is no number, and has a name in the place of a marker
            axis.plot(
                [one.cost],
                [one.quality_db],
                marker,
                color=colour,
                markersize=size_of_marker(marker),
                fillstyle="none" if one.record is None else "full",
                zorder=3 if one.record is None else 4,
            )
    axis.set_xlabel(f"{column.title} of inference ({column.unit})")
    frame_costs(axis, ends)


def _draw_interval(axis: Axes, shown: Shown, colour: str) -> None:
    """Of a quality, where there is one."""
    record = shown.record
    if record and record.si_sdri_low_db is not None and record.si_sdri_high_db is not None:
        low, high = record.si_sdri_low_db, record.si_sdri_high_db
        axis.vlines(shown.cost, low, high, color=colour, linewidth=1.2)


def _names(shown: Sequence[Shown]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Sizes of SuDoRM-RF share a mark and a bar has none, so each has its name."""
    for one in shown:
        if is_sudormrf(one.model) or one.value.span:
            yield short_name(one.model.entry.display_name), (one.cost, one.quality_db)


def _handles(summary: RunSummary, costs: Sequence[Column]) -> dict[str, Artist]:
    """Networks, whose qualities, and how sure costs are."""
    handles: dict[str, Artist] = {}
    for model in summary.models:
        name = SUDORMRF if is_sudormrf(model) else model.entry.display_name
        handles.setdefault(name, _mark(*style_of(model)))
    handles["own"] = _mark("k", "o")
    handles["published"] = _mark("k", "o", is_filled=False)
    values = [model.values[one.metric] for model in summary.models for one in costs]
    handles |= uncertainty_handles(values)
    handles.pop(IN_DOUBT, None)  # here hollow means published
    if RANGE in handles:
        handles[RANGE] = Line2D([], [], color=GREY, linewidth=THICK, alpha=FAINT)
    return handles


def _mark(colour: str, marker: str, *, is_filled: bool = True) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="",
        color=colour,
        marker=marker,
        markersize=size_of_marker(marker),
        fillstyle="full" if is_filled else "none",
    )
