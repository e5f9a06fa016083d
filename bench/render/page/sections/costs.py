"""Costs of a run's networks as points, one cost at a time: what the family and the zoo share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.render.columns import LETTERS, Column, table1_columns
from bench.render.page import axes, colours, marks, vega
from bench.results.summary import RunSummary

NAMES = {"I": "inference", "B": "training step"}


def list_costs(summary: RunSummary) -> list[Column]:
    """The columns of Table 1, times first: they are what one asks for."""
    columns = table1_columns(summary.update_device)
    return sorted(columns, key=lambda column: column.title != "Time")


def name_cost(column: Column) -> str:
    """As a menu has it."""
    return f"{column.title} of {NAMES[LETTERS[column.phase]]}" if column.phase else column.title


def cost_rows(summary: RunSummary, columns: Iterable[Column], more: vega.Row) -> Iterator[vega.Row]:
    """A row for each value that there is, with ``more`` in each."""
    for model in summary.models:
        for column in columns:
            value = model.values[column.metric]
            if vega.is_drawable(value):
                row: vega.Row = {
                    "network": model.entry.display_name,
                    "cost": name_cost(column),
                    "text": column.format_alone(value),
                }
                yield row | vega.place_value(value) | more


def draw_costs(
    rows: Sequence[vega.Row],
    networks: Sequence[str],
    columns: Sequence[Column],
    looks: vega.Spec,
    others: Sequence[vega.Menu] = (),
) -> vega.Spec:
    """A point for each network at the cost that was chosen; ``others`` are menus beside it."""
    drawn = {row["cost"] for row in rows}
    shown = [column for column in columns if name_cost(column) in drawn]
    menu = vega.Menu("cost", "Cost", [name_cost(column) for column in shown])
    units = {name_cost(column): _unit(column) for column in shown}
    quantity = axes.logarithmic("x", None, axes.si_labels_of(units, menu))
    words = vega.tooltip(network="Network", cost="Cost", text="Measured")
    title = " + ', ' + ".join(one.name for one in (menu, *others) if len(one.options) > 1)
    chart = marks.dot_plot(rows, networks, quantity, looks, words, (menu, *others))
    return chart | vega.title_of(title or menu.name)


def _unit(column: Column) -> str:
    """A count's own name, where it has no unit."""
    return column.base_unit or {"MACs": "MAC"}.get(column.title, "")


def plain_heads(heads: Iterable[str]) -> list[str]:
    """Heads in one line."""
    parts = (head.partition("<br>") for head in heads)
    return [f"{head}; {below}" if below else head for head, _, below in parts]


def same_colour(colour: str = colours.COLOURS[0]) -> vega.Spec:
    """The channels of points that nothing tells apart but their lines."""
    return {"fill": {"value": colour}, "stroke": {"value": colour}}


def names_of(summaries: Iterable[RunSummary]) -> Mapping[str, str]:
    """What people call the networks of some runs, in their order."""
    return {
        model.entry.name: model.entry.display_name
        for summary in summaries
        for model in summary.models
    }
