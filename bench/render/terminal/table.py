"""The summary of a run as a table for the terminal."""

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from bench.render.columns import table1_columns
from bench.results.summary import RunSummary


def render_terminal(summary: RunSummary) -> Table:
    """Table 1's columns without the paper's figures, narrow enough for 80 characters."""
    table = Table(
        title=f"{summary.environment_name}; update step on {summary.update_device_name}",
        caption=f"{summary.workload.n_samples} samples, batch {summary.workload.batch}. "
        "I: inference, B: update step.",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    columns = table1_columns(summary.update_device)
    table.add_column("Model")
    for column in columns:
        heading = column.heading.replace("Memory", "Mem.").replace(" (", "\n(")
        table.add_column(heading, justify="right", no_wrap=True)
    for model in summary.models:
        cells = [column.format(model.values[column.metric]) for column in columns]
        table.add_row(escape(model.entry.display_name), *cells)
    return table
