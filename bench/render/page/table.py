"""The table of the page as HTML, with what filters it and what chooses its columns.

Tags and quotes that HTML lets one leave out are left out, and a reason stands once, in a list that
cells refer to: five hundred networks must fit into the page.
"""

from collections.abc import Iterator, Mapping
from html import escape

from bench.render.page.cells import Cell
from bench.render.page.data import HIDDEN, Row, Table
from bench.render.page.heads import Head
from bench.render.page.methods import FACETS
from bench.render.page.runs import NO_FAULT
from bench.results.record import Status

NETWORK = "Network"
FAULTS = {status.value for status in Status} - {status.value for status in NO_FAULT}
Numbers = Mapping[str, int]
"""Of reasons, by their text."""


def render_table(table: Table) -> str:
    """The table itself: a head that sorts above each column, a row for each network."""
    numbers = {reason: number for number, reason in enumerate(table.reasons)}
    heads = [_sorting(NETWORK, None), *(_sorting(name, f"facet-{name}") for name in table.facets)]
    heads += [_sorting(head.text, f"method-{n}") for n, head in enumerate(table.heads)]
    body = "\n".join(_row(row, numbers) for row in table.rows)
    return f"<thead><tr>{''.join(heads)}</thead>\n<tbody>\n{body}\n</tbody>"


def _sorting(text: str, method: str | None) -> str:
    """A head with its button; behind it how values were obtained."""
    behind = f' aria-describedby="{escape(method)}"' if method else ""
    return f'<th scope="col"><button{behind}>{escape(text)}</button>'


def _row(row: Row, numbers: Numbers) -> str:
    name = f'<th scope="row"><label><input type="checkbox"> {escape(row.name)}</label>'
    facets = "".join(f"<td>{escape(text)}" for text in row.facets)
    return f"<tr>{name}{facets}{''.join(_cell(cell, numbers) for cell in row.cells)}"


def _cell(cell: Cell, numbers: Numbers) -> str:
    text = escape(cell.text)
    beside = f"<small>{escape(cell.beside)}</small>" if cell.beside else ""
    if not cell.reason:
        return f"<td>{text}{beside}"
    kind = "doubtful" if not cell.is_missing else "failed" if cell.text in FAULTS else "missing"
    behind = f"aria-describedby=r{numbers[cell.reason]}"
    return f"<td class={kind}><button {behind}>{text}</button>{beside}"


def render_filters(table: Table) -> str:
    """A search for names, and a choice for each thing that rows differ in."""
    return "\n".join(_filters(table))


def _filters(table: Table) -> Iterator[str]:
    yield '<label>Name contains <input type="search" id="search" autocomplete="off"></label>'
    for place, name in enumerate(table.facets):
        options = "".join(
            f'<option value="{number}">{escape(text)}'
            for number, text in enumerate(table.options(place))
        )
        choice = f'<select data-facet="{place}"><option value="">all{options}</select>'
        yield f"<label>{name} {choice}</label>"


def render_chooser(table: Table) -> str:
    """A checkbox for each column, checked where it is shown; its value is the column's number."""
    columns = [(name, name not in HIDDEN) for name in table.facets]
    columns += [(head.text, head.is_shown) for head in table.heads]
    return "\n".join(
        f'<label><input type="checkbox" value="{number}"{" checked" if is_shown else ""}> '
        f"{escape(text)}</label>"
        for number, (text, is_shown) in enumerate(columns, start=2)
    )


def render_axis(table: Table, chosen: Head) -> str:
    """The options of an axis: every column, one of them chosen."""
    return "".join(
        f'<option value="{number}"{" selected" if head is chosen else ""}>{escape(head.text)}'
        for number, head in enumerate(table.heads)
    )


def render_methods(table: Table) -> str:
    """How the values of each column were obtained."""
    told = [(f"facet-{name}", name, FACETS[name]) for name in table.facets]
    told += [(f"method-{n}", head.text, head.method) for n, head in enumerate(table.heads)]
    return "\n".join(
        f'<dt>{escape(name)}</dt><dd id="{key}">{escape(text)}</dd>' for key, name, text in told
    )


def render_reasons(table: Table) -> str:
    """Why values are missing or in doubt, each reason once."""
    return "\n".join(
        f'<li id="r{number}">{escape(text)}</li>' for number, text in enumerate(table.reasons)
    )
