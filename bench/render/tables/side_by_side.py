"""comparison.md: runs of several machines, devices, workloads or commits side by side."""

from collections.abc import Iterator, Sequence

from bench.registry import Entry
from bench.render.columns import Column
from bench.render.run_columns import NO_QUOTIENT, SideBySide, format_cell, format_quotient_of
from bench.render.run_names import NamedRun
from bench.render.tables.markdown import markdown_table, plain
from bench.render.tables.run_differences import render_run_differences
from bench.render.tables.run_notes import render_run_notes, render_run_provenance
from bench.render.tables.run_orders import render_orders, render_ratios_within
from bench.results.side_by_side import divide, value_in
from bench.results.statistics import LEVEL
from bench.results.summary import RunSummary, Value

CELLS = (
    "Cells are those of each run's own Table 1: a time ± half its interval ({level} over the "
    "rounds of its run), a range marked noisy where there is no number to quote, † in doubt, with "
    "the reason near the end."
)
APART = (
    "**A ratio between two runs is no paired ratio.** Its values were measured apart, {where}: "
    "whatever slowed one of the runs as a whole (another load, clock, heat or host) is in it, and "
    "in no interval. Times of a shared machine drift by tens of percent from hour to hour. The "
    "interval of a ratio joins those of its two times as independent ones: on logarithms, each "
    "end lies from the ratio by the root of the sum of the squares of the two distances that make "
    "it. Where a time is a range so is the ratio, from the smallest to the largest quotient. "
    "Counts and memory have no interval."
)


def render_side_by_side(table: SideBySide) -> str:
    """All sections; columns are in the order of the runs."""
    sections = (
        f"# Runs side by side: {'; '.join(table.heads)}",
        "## What differs",
        render_run_differences(table.runs),
        *_only_in_some(table),
        f"## Values, and ratios to {table.heads[0]}",
        CELLS.format(level=f"{100 * LEVEL:.0f} %"),
        APART.format(where=describe_distance([run.summary for run in table.runs])),
        *(section for column in table.columns for section in _values(column, table)),
        *render_ratios_within(table),
        *render_orders(table),
        *render_run_notes(table),
        *render_run_provenance(table),
    )
    return "\n\n".join(sections) + "\n"


def describe_distance(runs: Sequence[RunSummary]) -> str:
    """How far apart runs were made, as far as anything tells."""
    known = [run.environment.machine.identity for run in runs if run.environment]
    if len(known) < len(runs):
        return "at least one of them on a machine that nobody described"
    if len(set(known)) == 1:
        return "at different times, on one machine or on several of one description"
    at_times = "" if len(set(known)) == len(runs) else " or at different times"
    return f"on different machines{at_times}"


def _only_in_some(table: SideBySide) -> Iterator[str]:
    """Which networks not all runs have."""
    found: dict[str, list[str]] = {}
    for entry in table.entries:
        having = [run for run in table.runs if _has(run, entry)]
        if len(having) < len(table.runs):
            where = " and ".join(plain(run.name) for run in having)
            found.setdefault(where, []).append(plain(entry.display_name))
    if found:
        lines = (f"- only in {where}: {', '.join(names)}" for where, names in found.items())
        yield "Networks that not all runs have:"
        yield "\n".join(lines)


def _has(run: NamedRun, entry: Entry) -> bool:
    return any(model.entry.name == entry.name for model in run.summary.models)


def _values(column: Column, table: SideBySide) -> Iterator[str]:
    """One metric: a column for each run, and the ratio of each further one to the first."""
    rows = []
    for entry in table.entries:
        first, *others = (value_in(run.summary, entry.name, column.metric) for run in table.runs)
        cells = [format_cell(column, value) for value in (first, *others)]
        cells += [_quotient(column, value, first) for value in others]
        rows.append([plain(entry.display_name), *cells])
    unit = f" ({column.unit})" if column.unit else ""
    yield f"### {table.title(column)}{unit}"
    yield markdown_table(["Model", *table.heads, *table.ratio_heads], rows)


def _quotient(column: Column, value: Value | None, by: Value | None) -> str:
    if value is None or by is None:
        return NO_QUOTIENT
    return format_quotient_of(divide(value, by), is_of_counts=not column.base_unit)
