"""How networks stand to each other within each of several runs, and whether that lasts."""

from collections.abc import Iterator, Mapping, Sequence

from bench.render.columns import NO_RATIO, Column
from bench.render.run_columns import NOT_THERE, SideBySide, format_quotient_of, is_there
from bench.render.tables.markdown import markdown_table, plain
from bench.results.side_by_side import (
    MIN_NETWORKS,
    OrderAgreement,
    base_of,
    compare_orders,
    divide,
    ratio_within,
    survey_orders,
    value_in,
)
from bench.results.summary import RunSummary, Value

N_NAMED = 3
"""So many of the pairs that changed places are named."""
WITHIN = (
    "Each network's value over that of the base network in the same run. Of times it is the paired "
    "ratio, which is what lasts from one machine or day to another: {pairs}. The last columns say "
    "by how much it moved all the same."
)
TURNS = "of calls next to each other in time"
ALONE = "in {names} of two processes of one round, since each ran alone"
ORDERS = (
    "Kendall's τ of the networks that have a number in both runs: 1 in the same order, -1 in the "
    "opposite one; where no two are equal, (1 - τ) / 2 is the share of pairs in another order. "
    "Ranges have no place in an order. Networks that lie close together change places by noise "
    "alone."
)
MIN_RUNS = 2
"""Of two runs there is one pair, which the first table has."""
OVER_PAIRS = (
    "How stable the order is over all pairs of runs that have a τ: the mean, and the smallest with "
    "the two runs that it is between."
)


def render_ratios_within(table: SideBySide) -> Iterator[str]:
    """A section: times and memory as ratios to the base network of each run, and how they moved.

    One network alone has no ratio to another.
    """
    if len(table.entries) > 1 and table.costs:
        yield "## Ratios within each run"
        yield WITHIN.format(pairs=_describe_pairs(table))
        for column in table.costs:
            yield f"### {table.title(column)}, ratio to {_base_of_all(table) or 'the base network'}"
            yield _ratios(column, table)


def _describe_pairs(table: SideBySide) -> str:
    """What the two times of a ratio have in common."""
    alone = [plain(run.name) for run in table.runs if not run.summary.took_turns]
    if len(alone) == len(table.runs):
        return ALONE.format(names="all runs")
    return "; ".join([TURNS, *([ALONE.format(names=" and ".join(alone))] if alone else [])])


def _base_of_all(table: SideBySide) -> str | None:
    """The base network by name, where all runs have the same."""
    names = {_base_name(run.summary) for run in table.runs}
    return plain(*names) if len(names) == 1 else None


def _ratios(column: Column, table: SideBySide) -> str:
    bases = [base_of(run.summary) for run in table.runs]
    rows = []
    for entry in table.entries:
        first, *others = (ratio_within(r.summary, entry.name, column.metric) for r in table.runs)
        moved = [
            divide(ratio, first) if ratio and first and base == bases[0] else None
            for ratio, base in zip(others, bases[1:], strict=True)
        ]
        values = [value_in(run.summary, entry.name, column.metric) for run in table.runs]
        cells = [_cell(value, ratio) for value, ratio in zip(values, (first, *others), strict=True)]
        cells += [format_quotient_of(ratio) for ratio in moved]
        rows.append([plain(entry.display_name), *cells])
    heads = [plain(f"{run.name}, to {_base_name(run.summary)}") for run in table.runs]
    heads = table.heads if _base_of_all(table) else heads
    return markdown_table(["Model", *heads, *table.ratio_heads], rows)


def _cell(value: Value | None, ratio: Value | None) -> str:
    """A network's ratio in its own run, or the status of the value that is missing."""
    if value is None or not is_there(value):
        return NOT_THERE
    if value.is_missing:
        return value.status.value
    return format_quotient_of(ratio) if ratio else NO_RATIO


def _base_name(run: RunSummary) -> str:
    base = base_of(run)
    return next(model.entry.display_name for model in run.models if model.entry.name == base)


def render_orders(table: SideBySide) -> Iterator[str]:
    """A section: whether the networks are in one order in all runs, by each time and memory."""
    if len(table.entries) == 1 or not table.costs:
        return
    names = {entry.name: plain(entry.display_name) for entry in table.entries}
    first, *others = table.runs
    rows = []
    for column in table.costs:
        for run in others:
            found = compare_orders(first.summary, run.summary, column.metric)
            pair = f"{plain(first.name)} and {plain(run.name)}"
            swapped = _list_pairs(found.swapped, names) if found.n_networks > 1 else "no pair"
            rows.append([table.title(column), pair, swapped, str(found.n_networks), _tau(found)])
    yield "## Whether networks keep their order"
    heads = ["Metric", "Runs", "Pairs in another order", "Networks", "Kendall's τ"]
    yield markdown_table(heads, rows, n_text=3)
    yield ORDERS
    if len(table.runs) > MIN_RUNS:
        yield OVER_PAIRS
        yield _over_pairs(table)


def _over_pairs(table: SideBySide) -> str:
    """The mean and the smallest τ over all pairs of runs, by each time and memory."""
    rows = []
    for column in table.costs:
        found = survey_orders([run.summary for run in table.runs], column.metric)
        if found is None:
            rows.append([table.title(column), "no pair", "0", NO_RATIO, NO_RATIO])
            continue
        agree_least = " and ".join(table.heads[place] for place in found.between)
        taus = [f"{found.mean:.2f}", f"{found.smallest:.2f}"]
        rows.append([table.title(column), agree_least, str(found.n_pairs), *taus])
    heads = ["Metric", "Runs that agree least", "Pairs of runs", "Mean τ", "Smallest τ"]
    return markdown_table(heads, rows, n_text=2)


def _tau(found: OrderAgreement) -> str:
    if found.tau is not None:
        return f"{found.tau:.2f}"
    few = found.n_networks < MIN_NETWORKS
    return f"needs {MIN_NETWORKS} networks" if few else "all are equal"


def _list_pairs(pairs: Sequence[tuple[str, str]], names: Mapping[str, str]) -> str:
    if not pairs:
        return "none"
    named = [f"{names[one]} and {names[other]}" for one, other in pairs[:N_NAMED]]
    more = [f"{len(pairs) - N_NAMED} more"] if len(pairs) > N_NAMED else []
    return "; ".join([*named, *more])
