"""Folders of reports for tests, and a look at the sections that are made of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import altair

from bench.render.page.section import Section
from bench.results.record import Record
from bench.results.store import RecordFile

NAME = "cpu-20260102T030405Z"


def store(folder: Path, kind: str, records: Iterable[Record], name: str = NAME) -> Path:
    """A file of records as the command of this kind writes it."""
    file = RecordFile.create(folder / "records" / kind / f"{name}.jsonl")
    for record in records:
        file.append(record)
    return file.path


def rows_of(section: Section, **fields: object) -> list[dict[str, Any]]:
    """The rows of its chart that have these values, as the chart makes them."""
    assert section.chart is not None
    data: Any = section.chart["data"]
    (columns,) = data["values"]
    rows = [
        {name: value for name, value in zip(columns, values, strict=True) if value is not None}
        for values in zip(*columns.values(), strict=True)
    ]
    return [row for row in rows if all(row.get(name) == one for name, one in fields.items())]


def table_of(section: Section) -> list[dict[str, str]]:
    """The rows of its table by their heads."""
    assert section.table is not None
    heads, rows = section.table
    return [dict(zip(heads, row, strict=True)) for row in rows]


def check_chart(section: Section) -> None:
    """It is a specification that Vega-Lite's schema allows, as wide as the page."""
    assert section.chart is not None
    assert "$schema" not in section.chart
    assert "config" not in section.chart
    assert section.chart["width"] == "container"
    altair.Chart.from_dict(dict(section.chart))


def find_one(sections: Sequence[Section], key: str) -> Section:
    """The section of this key."""
    (section,) = (section for section in sections if section.key == key)
    return section
