"""From summaries of runs to the rows of the page, and to what its scripts read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.render.page.cells import Cell, floor_cell, metric_cell, ratio_cell
from bench.render.page.heads import FLOOR_HEAD, Head, metric_heads, ratio_head
from bench.render.page.quality import Own, Read, quality_columns
from bench.render.page.runs import FACETS, IN_DOUBT, OK
from bench.results.summary import NOT_MEASURED, RunSummary
from bench.results.workload import GPU_PHASES

HIDDEN = ("Family", "Status", "Run")
"""Facets whose columns are shown when they are chosen: other columns say nearly the same."""


SETTING = ("Machine", "Device", "Length", "Batch", "Threads")
"""Facets that two rows have in common where their costs can be compared."""


@dataclass(frozen=True)
class Row:
    """One network in one run; cells in the order of the heads, facets in that of the table's."""

    name: str  # for people
    label: str  # the name, and what tells the row from others of that name
    family: str
    facets: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """All rows; ``facets`` names what tells them apart."""

    facets: tuple[str, ...]
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]

    @property
    def families(self) -> list[str]:
        """Each family once, in the order of the first rows."""
        return list(dict.fromkeys(row.family for row in self.rows))

    def options(self, place: int) -> list[str]:
        """The different values of one facet, in the order of their first rows."""
        return list(dict.fromkeys(row.facets[place] for row in self.rows))

    @property
    def reasons(self) -> list[str]:
        """Each reason once."""
        cells = (cell for row in self.rows for cell in row.cells if cell.reason)
        return list(dict.fromkeys(cell.reason for cell in cells))

    @property
    def has_published(self) -> bool:
        """Whether the paper has a value beside one of them."""
        return any(cell.published is not None for row in self.rows for cell in row.cells)


def make_table(summaries: Sequence[RunSummary], own: Own) -> Table:
    """Every network of every run; columns that no run measured are left out.

    ``own`` are evaluations of networks that were trained here, by network and task.
    """
    models = [(model, summary) for summary in summaries for model in summary.models]
    names = [model.entry.display_name for model, _ in models]
    told = {name: [read(*pair) for pair in models] for name, read in FACETS.items()}
    found = [(head, [cell(*pair) for pair in models]) for head, cell in _columns(summaries, own)]
    by_row = zip(*(cells for _, cells in found), strict=True)
    told["Status"] = [_status(*pair) for pair in zip(told["Status"], by_row, strict=True)]
    facets = [name for name, values in told.items() if len(set(values)) > 1]
    columns = [pair for pair in found if not all(map(_is_not_measured, pair[1]))] or found
    rows = (
        Row(
            name=names[index],
            label=_label(index, names, told),
            family=FACETS["Family"](model, summary),
            facets=tuple(told[name][index] for name in facets),
            cells=tuple(cells[index] for _, cells in columns),
        )
        for index, (model, summary) in enumerate(models)
    )
    return Table(tuple(facets), tuple(head for head, _ in columns), tuple(rows))


def _status(status: str, cells: Sequence[Cell]) -> str:
    """That of the values, or that a ratio of them is doubtful."""
    is_doubtful = any(cell.reason and not cell.is_missing for cell in cells)
    return IN_DOUBT if status == OK and is_doubtful else status


def _label(index: int, names: Sequence[str], told: Mapping[str, Sequence[str]]) -> str:
    """The name; of several rows of one name with what differs between them."""
    same = [place for place, name in enumerate(names) if name == names[index]]
    differing = [
        values[index]
        for facet, values in told.items()
        if facet not in HIDDEN and len({values[place] for place in same}) > 1
    ]
    if len(same) > 1 and not differing:
        differing = [told["Run"][index]]
    return f"{names[index]} ({', '.join(differing)})" if differing else names[index]


def _is_not_measured(cell: Cell) -> bool:
    return cell.is_missing and cell.reason == NOT_MEASURED.reason


def _columns(summaries: Sequence[RunSummary], own: Own) -> Iterator[tuple[Head, Read]]:
    """Heads, and what reads a cell below each; ratios stand behind their times, quality last."""
    for head in metric_heads(summaries):
        yield head, partial(metric_cell, head)
        phase = next((phase for phase in GPU_PHASES if head.key == f"latency_s_{phase}"), None)
        if phase:
            yield ratio_head(phase, summaries), partial(ratio_cell, phase)
        if phase == "inference" and any(summary.roofline for summary in summaries):
            yield FLOOR_HEAD, floor_cell
    yield from quality_columns(summaries, own)


def to_json(table: Table) -> dict[str, object]:
    """What the scripts of the page read: as short as it can be, and nothing rounded.

    A cell is null where there is no value, a number where nothing is to be said of it, and else
    ``[value, low, high, 1 where it is doubtful]``. Facets are places among their options, settings
    are numbers.
    """
    settings = _settings(table)
    options = [table.options(place) for place in range(len(table.facets))]
    return {
        "facets": options,
        "families": table.families,
        "heads": [
            {"text": head.text, "scale": head.scale, "isGain": head.is_gain} for head in table.heads
        ],
        "rows": [
            {
                "name": row.name,
                "label": row.label,
                "family": table.families.index(row.family),
                "facets": [
                    known.index(told) for known, told in zip(options, row.facets, strict=True)
                ],
                "setting": setting,
                "cells": [_pack(cell) for cell in row.cells],
            }
            for row, setting in zip(table.rows, settings, strict=True)
        ],
    }


def _settings(table: Table) -> list[int]:
    """A number for each row, the same for rows that were measured on one machine in one way."""
    places = [place for place, name in enumerate(table.facets) if name in SETTING]
    found = [tuple(row.facets[place] for place in places) for row in table.rows]
    known = list(dict.fromkeys(found))
    return [known.index(setting) for setting in found]


def _pack(cell: Cell) -> object:
    if cell.is_missing:
        return None
    if cell.low is None and not cell.reason:
        return cell.value
    return [cell.value, cell.low, cell.high, int(bool(cell.reason))]
