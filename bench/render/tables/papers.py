"""Tables of costs for papers: the columns of table1.md, table2.md and zoo.md as LaTeX."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bench.registry import TABLE2 as TABLE2_ENTRIES
from bench.render.columns import (
    LETTERS,
    NO_RATIO,
    SMALLEST_SHARE,
    TIMES,
    Column,
    table1_columns,
)
from bench.render.estimates import as_value
from bench.render.provenance import describe_provenance, describe_threads
from bench.render.tables.latex import DAGGER, PACKAGES, Fragment, escape, number, write_fragment
from bench.render.tables.table1 import PAPER_HEADS, render_notes
from bench.render.tables.table2 import LEADING_HEADS as TABLE2_HEADS
from bench.render.tables.table2 import leading_cells as table2_cells
from bench.render.tables.zoo import LEADING_HEADS as ZOO_HEADS
from bench.render.tables.zoo import leading_cells as zoo_cells
from bench.results import published as paper
from bench.results.statistics import LEVEL, MIN_CALLS, MIN_PROCESSES, WIDEST
from bench.results.summary import ModelSummary, RunSummary, Value
from bench.units import format_ends, format_si, format_significant, format_with_uncertainty

Cell = Callable[[ModelSummary], str]
"""What a column has of a network, as LaTeX."""
REPORT = "python -m bench.report RECORDS.jsonl (the records of the run that is described below)"
FAMILY = "python -m bench.family --records RECORDS.jsonl ..."
PUBLISHED, NOT_PUBLISHED = r"\quad published", r"\textendash{}"
STAR, STAR_NOTE = r"\rlap{$^*$}", r"$^*$~The maximum of the authors' own run and the cited paper."
PUBLISHED_NOTE = (
    f"Published: the paper's values, of {escape(paper.MACHINE)}; its MACs are counted by the "
    "rules of an old release of thop, with hardly any backward pass in B."
)
TABLE2_NOTE = "SI-SDRi: the paper's, on WSJ0-2mix after 200 epochs."
DOUBT_NOTE = (
    rf"\dag~In doubt. A range stands where half the interval is {100 * WIDEST:.0f}\,\% or more, "
    f"or fewer than {MIN_PROCESSES} processes or {MIN_CALLS} undisturbed calls are left."
)


def render_table1_tex(summary: RunSummary) -> str:
    """Table 1: each network's costs, below them the paper's where it has some."""
    columns = cost_columns(summary)
    in_paper = any(model.published for model in summary.models)
    rows: list[Sequence[str]] = []
    for model in summary.models:
        quality = _quality(model) if in_paper else ()
        costs = [cell(model) for cell in columns.values()]
        rows.append([escape(model.entry.display_name), *quality, *costs])
        if model.published:
            below = _published_cells(model, summary)
            rows.append([PUBLISHED, *[""] * len(quality), *below])
    table = Fragment(
        comments=["Table 1", REPORT],
        heads=["Model", *(PAPER_HEADS if in_paper else ()), *columns],
        rows=rows,
        notes=[PUBLISHED_NOTE, STAR_NOTE] if in_paper else [],
    )
    return _write(table, summary)


def render_table2_tex(summary: RunSummary) -> str:
    """The rows of Table 2 that a run measured: the parts of a network name it."""
    by_name = {model.entry.name: model for model in summary.models}
    models = [by_name[entry.name] for entry in TABLE2_ENTRIES if entry.name in by_name]
    own = replace(summary, models=tuple(models))
    columns = cost_columns(own)
    table = Fragment(
        comments=["Table 2", REPORT],
        heads=[*TABLE2_HEADS, *columns],
        rows=[
            [*map(escape, table2_cells(model)), *(cell(model) for cell in columns.values())]
            for model in models
        ],
        notes=[TABLE2_NOTE],
        reasons=[f"Rows: {', '.join(model.entry.name for model in models)}."],
    )
    return _write(table, own)


def render_zoo_tex(summary: RunSummary) -> str:
    """Networks of other packages, each over the same time of its own audio."""
    columns = cost_columns(summary)
    table = Fragment(
        comments=["Networks of other packages", REPORT],
        heads=[*ZOO_HEADS, *columns],
        rows=[
            [*map(escape, zoo_cells(model)), *(cell(model) for cell in columns.values())]
            for model in summary.models
        ],
        notes=[],
        n_text=2,
    )
    return _write(table, summary)


def render_family_tex(summary: RunSummary) -> str:
    """The costs of one workload of ``bench.family``, a row for each network."""
    work, columns = summary.workload, cost_columns(summary)
    table = Fragment(
        comments=[f"SuDoRM-RF, {work.n_samples} samples, batch {work.batch}", FAMILY],
        heads=["Network", *columns],
        rows=[
            [escape(model.entry.display_name), *(cell(model) for cell in columns.values())]
            for model in summary.models
        ],
        notes=[],
    )
    return _write(table, summary)


def cost_columns(summary: RunSummary) -> Mapping[str, Cell]:
    """The columns of Table 1 by heading; behind a time its ratio to the base network."""
    columns: dict[str, Cell] = {}
    for column in table1_columns(summary.update_device):
        columns[column.heading] = partial(_cost, column)
        if column in TIMES and summary.base and column.phase:
            columns[f"Ratio {LETTERS[column.phase]}"] = partial(_ratio, column, summary)
    return columns


def _cost(column: Column, model: ModelSummary) -> str:
    return value_cell(model.values[column.metric], column.scale, column.base_unit)


def _ratio(column: Column, summary: RunSummary, model: ModelSummary) -> str:
    """Of times of the same turns; of a network without a time, why it has none."""
    timing = model.timings.get(column.phase) if column.phase else None
    if timing is None:
        return escape(model.values[column.metric].word)
    if model.entry.name == summary.base:
        return number("1")
    return value_cell(as_value(timing.ratio)) if timing.ratio else escape(NO_RATIO)


def value_cell(value: Value, scale: float = 1.0, unit: str = "") -> str:
    """A number with half its interval, a range, or the word that says why there is neither.

    A value that is too small to be seen in the column's unit has one of its own.
    """
    mark = "" if value.is_sound and value.span is None else DAGGER
    if value.span is not None:
        first, last = format_ends(value.span[0] / scale, value.span[1] / scale)
        ends = (
            rf"$\approx$\,{number(last)}" if first == last else f"{number(first)}--{number(last)}"
        )
        return ends + mark
    if value.value is None:
        return escape(value.word)
    if 0 < value.value < SMALLEST_SHARE * scale:
        return escape(format_si(value.value, unit)) + mark
    if value.interval is None:
        return number(format_significant(value.value / scale)) + mark
    half_width = (value.interval.high - value.interval.low) / 2
    digits = format_with_uncertainty(value.value / scale, half_width / scale)
    return number(r" \pm ".join(digits)) + mark


def _quality(model: ModelSummary) -> tuple[str, str]:
    """The paper's, of both tasks."""
    row = model.published
    if row is None:
        return NOT_PUBLISHED, NOT_PUBLISHED
    star = STAR if row.si_sdri_speech_is_maximum else ""
    return number(f"{row.si_sdri_speech_db:.2f}") + star, number(f"{row.si_sdri_nonspeech_db:.2f}")


def _published_cells(model: ModelSummary, summary: RunSummary) -> Iterator[str]:
    """The paper's values below the columns that it has."""
    for column in table1_columns(summary.update_device):
        found = column.published_value(model.published)
        yield "" if found is None else number(f"{found / column.scale:.2f}")
        if column in TIMES and summary.base:
            yield ""


def _write(table: Fragment, summary: RunSummary) -> str:
    """The file, with what all of these tables say before, below and behind them.

    The comments of ``table`` are its title and the command that makes it.
    """
    title, command = table.comments
    is_marked = any(DAGGER in cell for row in table.rows for cell in row)
    doubts = [DOUBT_NOTE] if is_marked else []
    explained = [line for text in render_notes(summary) for line in text.splitlines()]
    whole = replace(
        table,
        comments=[
            f"{title} on {summary.environment_name}, written by separation-bench.",
            PACKAGES,
            f"Made by: {command}",
            *(f"{label}: {text}" for label, text in describe_provenance(summary)),
        ],
        notes=[*_notes(summary), *doubts, *table.notes],
        reasons=[*table.reasons, *(line.removeprefix("## ") for line in explained)],
    )
    return write_fragment(whole)


def _notes(summary: RunSummary) -> Iterator[str]:
    """What the columns are, for readers of the paper."""
    yield (
        f"I: inference on a CPU ({escape(summary.environment_name)}); B: training step on "
        f"{escape(summary.update_device_name)}."
    )
    if any(model.timings for model in summary.models):
        together = "turns" if summary.took_turns else "rounds"
        yield (
            f"Times, {describe_threads(summary.workload.threads)}: the middle over rounds of fresh "
            rf"processes, $\pm$ half the {100 * LEVEL:.0f}\,\% interval. Ratios: of times in the "
            f"same {together}, to {escape(summary.base_name)}."
        )
