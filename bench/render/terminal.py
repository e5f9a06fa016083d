"""The summary of a run as a table for the terminal."""

from rich.table import Table

from bench.render.columns import table1_columns
from bench.results.summary import Summary


def render_terminal(summary: Summary) -> Table:
    """Table 1's columns without the paper's figures, and what could not be measured."""
    table = Table(
        title=f"{summary.environment_name}; update step on {summary.update_device_name}",
        caption=f"{summary.settings['n_samples']} samples, batch {summary.settings['batch']}. "
        "I: inference, B: update step.",
    )
    columns = table1_columns(summary.update_device)
    table.add_column("Model", no_wrap=True)
    for column in columns:
        table.add_column(column.heading.replace(" (", "\n("), justify="right")
    for model in summary.models:
        cells = [column.format(model.figures[column.quantity]) for column in columns]
        table.add_row(model.entry.display_name, *cells)
    return table
