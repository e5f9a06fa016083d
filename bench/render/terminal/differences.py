"""What costs more in one network than in another, and by how much: the largest differences."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.render.differences import format_quotient, format_times, name_line
from bench.render.tables.profile_comparison import describe_operators, describe_whole
from bench.render.terminal.table import print_whole
from bench.results.lined_up import LinedUp, LinedUpLine

N_LINES = 10


def render_differences(lined_up: LinedUp) -> Table:
    """The ten largest, what costs more first, above the whole step."""
    base, head = lined_up.labels
    table = Table(
        title=escape(f"What costs more in {head} than in {base}"), box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("Where", no_wrap=True)
    for name in (base, head, "Difference", "Ratio"):
        table.add_column(escape(name), justify="right", no_wrap=True)
    for line in lined_up.largest(N_LINES):
        table.add_row(*_cells(line, lined_up))
    table.add_section()
    table.add_row(*_cells(lined_up.total, lined_up))
    return table


def _cells(line: LinedUpLine, lined_up: LinedUp) -> list[str]:
    name = escape(name_line(line, lined_up.labels))
    return [name, *format_times(line), format_quotient(line.time)]


def print_differences(lined_up: LinedUp, console: Console) -> None:
    """Print the table whole, and what a step takes without the profiler."""
    print_whole(render_differences(lined_up), console)
    for text in (describe_operators(lined_up), describe_whole(lined_up)):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
