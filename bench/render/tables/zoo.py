"""Networks of other packages as Markdown, each over the same time of its own audio."""

from bench.registry import OPTIONAL
from bench.render.columns import Column, beside_time, head_beside_time, table1_columns
from bench.render.provenance import describe_provenance
from bench.render.tables.gpu import render_gpu
from bench.render.tables.markdown import markdown_table
from bench.render.tables.table1 import COVERED, render_notes
from bench.render.tables.timing import describe_times, render_timing
from bench.results.summary import BASE, ModelSummary, RunSummary
from bench.units import format_si, format_significant

LEADING_HEADS = ("Model", "Package", "Rate (kHz)", "Sources")
EXPLANATION = (
    "The networks are the packages' own classes, with random weights: what a network costs does "
    "not depend on them. Those for music take two channels or one and are given the mixture on "
    "each; their estimates' channels are averaged. MACs are exact, of everything that runs; the "
    "rules are in [docs/operations.md](../docs/operations.md). What stands for each network, and "
    "how to install it: [docs/zoo.md](../docs/zoo.md)."
)


def is_zoo(summary: RunSummary) -> bool:
    """Whether a run is about networks of other packages; ours may stand beside them."""
    names = {model.entry.name for model in summary.models}
    return not names.isdisjoint(OPTIONAL) and names <= {*OPTIONAL, BASE}


def render_zoo(summary: RunSummary) -> str:
    """A row for each network: what a second of its own audio costs, and where values are from."""
    duration = format_si(summary.workload.duration_s, "s")
    is_covered = not any(model.unknown_operators for model in summary.models)
    sections = (
        f"# Networks of other packages on {summary.environment_name}",
        f"What {duration} of each network's own audio costs. Inference (I) on the CPU; a training "
        f"step (B) on {summary.update_device_name}.",
        markdown_table(*costs_table(summary), n_text=2),
        EXPLANATION + (COVERED if is_covered else ""),
        *describe_times(summary),
        *render_timing(summary),
        *render_gpu(summary),
        *render_notes(summary),
        "## Where these values come from",
        "\n".join(f"- {label}: {text}" for label, text in describe_provenance(summary)),
    )
    return "\n\n".join(sections) + "\n"


def costs_table(summary: RunSummary) -> tuple[list[str], list[list[str]]]:
    """Heads, whose lines are broken by ``<br>``, and a row for each network."""
    columns = table1_columns(summary.update_device)
    heads = [*LEADING_HEADS, *(_head(column, summary) for column in columns)]
    return heads, [_row(model, columns, summary) for model in summary.models]


def _head(column: Column, summary: RunSummary) -> str:
    return "<br>".join(filter(None, (column.heading, head_beside_time(column, summary))))


def _row(model: ModelSummary, columns: list[Column], summary: RunSummary) -> list[str]:
    costs = [
        column.format(model.values[column.metric]) + beside_time(column, model, summary)
        for column in columns
    ]
    return [*leading_cells(model), *costs]


def leading_cells(model: ModelSummary) -> list[str]:
    """What a network is and whose, below ``LEADING_HEADS``."""
    entry = model.entry
    package = entry.note.removeprefix("of ") if entry.name in OPTIONAL else "this project"
    rate = format_significant(entry.sample_rate / 1000)
    return [entry.display_name, package, rate, str(entry.n_src)]
