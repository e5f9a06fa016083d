"""The most expensive lines of a profile, for the terminal."""

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from bench.render.tables.profile import (
    BETWEEN_OPERATORS,
    NETWORK_ITSELF,
    PART_NAMES,
    format_cost_time,
)
from bench.results.costs import Costs
from bench.results.module_tree import Tree
from bench.results.profile import BETWEEN, Place, Profile
from bench.units import format_si, format_significant

N_LINES = 10


def render_expensive_lines(profile: Profile, title: str) -> Table:
    """The lines of source that cost most time, with the operator and the module they run it for."""
    costs, tree = Costs(profile), Tree(profile.modules)
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    for head in ("Part", "Module", "Operator", "Line"):
        table.add_column(head, no_wrap=head != "Module", overflow="fold")
    for head in ("Time", "Share", "Times the floor", "Still held"):
        table.add_column(head, justify="right", no_wrap=True)

    def line_of(place: Place) -> tuple[str, str, str, str]:
        module = tree.line_of(place.module) or NETWORK_ITSELF
        operator = BETWEEN_OPERATORS if place.operator == BETWEEN else place.operator
        return PART_NAMES.get(place.part, place.part), module, operator, place.line

    found = sorted(costs.by(line_of).items(), key=lambda item: -item[1].time_s)
    for names, cost in found[:N_LINES]:
        table.add_row(
            *map(escape, names),
            format_cost_time(cost),
            f"{cost.share:.1%}",
            format_significant(cost.time_s / cost.floor_s, 2) if cost.floor_s else "",
            format_si(cost.held_bytes, "B") if cost.held_bytes else "",
        )
    return table
