"""The summary of a run as tables for the terminal."""

from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from bench.render.columns import GPU_COLUMNS, LETTERS, PARAMS, ratio_to_base, table1_columns
from bench.render.doubts import describe_doubts
from bench.render.provenance import describe_length
from bench.render.terminal.beside import render_beside
from bench.results.summary import ModelSummary, RunSummary
from bench.results.timing import DoubtKind
from bench.results.workload import PHASES, Phase

UNLIMITED = 10_000  # columns
NAMES: dict[Phase, str] = {
    "inference": "Inference (I)",
    "update": "Training step (B)",
    "gpu_inference": "The same inference",
}


def render_terminal(summary: RunSummary) -> Iterator[Table]:
    """A table for each phase that was measured, with units that fit each value."""
    for phase in summary.phases:
        shown = (*table1_columns(summary.update_device), *GPU_COLUMNS)
        columns = [column for column in shown if column.phase == phase]
        if phase == "inference":
            columns.insert(0, PARAMS)
        device = _device(phase, summary)
        table = Table(title=f"{NAMES[phase]} on {device}", box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("Model", no_wrap=True)
        for column in columns:
            table.add_column(column.title, justify="right", no_wrap=True)
        if summary.base:
            table.add_column("Ratio", justify="right", no_wrap=True)
        for model in summary.models:
            cells = [column.format_alone(model.values[column.metric]) for column in columns]
            cells += [_ratio(phase, model, summary)] if summary.base else []
            table.add_row(escape(model.entry.display_name), *cells)
        yield table


def _device(phase: Phase, summary: RunSummary) -> str:
    """What it ran on, by name."""
    if phase == "gpu_inference":
        return summary.gpu_name
    return summary.update_device_name if phase == "update" else summary.environment_name


def _ratio(phase: Phase, model: ModelSummary, summary: RunSummary) -> str:
    """Of the times; the status where there is no time."""
    if phase not in model.timings:
        return model.values[f"latency_s_{phase}"].word
    return ratio_to_base(phase, model, summary) or "1"


def print_summary(summary: RunSummary, console: Console) -> None:
    """Print the tables whole, however narrow the terminal is, and what the marks mean."""
    for table in render_terminal(summary):
        print_whole(table, console)
    work = summary.workload
    notes = [f"{describe_length(summary)}, batch {work.batch}, threads {work.threads}."]
    if summary.base:
        notes.append(f"Ratio: of the time to that of {summary.base_name}.")
    if any(value.doubts for model in summary.models for value in model.values.values()):
        notes.append("† or noisy: the report says why.")
    console.print(" ".join(notes), highlight=False)
    for line in _left_out(summary):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _left_out(summary: RunSummary) -> Iterator[str]:
    """Operators without a formula, which make a count too small."""
    for model in summary.models:
        for phase in PHASES:
            value = model.values[f"macs_{phase}"]
            unknown = [d for d in value.doubts if d.kind == DoubtKind.UNKNOWN_OPERATORS]
            if unknown:
                yield f"{model.entry.name} {LETTERS[phase]}: {describe_doubts(unknown)}"


def print_beside(ours: RunSummary, others: Iterable[RunSummary], console: Console) -> None:
    """Print how the ratios of a run lie beside those of the first other that has some of them."""
    table = next(filter(None, (render_beside(ours, theirs) for theirs in others)), None)
    if table is None:
        console.print("No ratio of this run has one beside it: other networks, or another base.")
    else:
        print_whole(table, console)


def print_whole(table: Table, console: Console) -> None:
    """Print a table whose names and numbers are never cut, however narrow the terminal is."""
    unlimited = console.options.update(max_width=UNLIMITED)
    needed = Measurement.get(console, unlimited, table).maximum
    wide = Console(file=console.file, width=max(console.width, needed))
    wide.print(table)
