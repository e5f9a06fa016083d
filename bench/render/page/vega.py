"""Charts as specifications of Vega-Lite: rows, menus, and how sure a value is."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.results.statistics import Estimate
from bench.results.summary import Value

Row = dict[str, str | float | bool]
Columns = dict[str, list[str | float | bool | None]]
Spec = dict[str, object]

DIGITS = 4
"""Significant ones of a number in a chart: a screen shows no more, and the page stays small."""


@dataclass(frozen=True)
class Menu:
    """What a reader chooses from: rows whose ``field`` is another option are not drawn.

    One option is no choice, and has no menu.
    """

    field: str
    label: str
    options: Sequence[str]

    @property
    def name(self) -> str:
        """Of what was chosen, in expressions."""
        return f"chosen_{self.field}"

    @property
    def param(self) -> Spec:
        """The first option is chosen until the reader chooses."""
        bind = {"input": "select", "options": list(self.options), "name": f"{self.label} "}
        return {"name": self.name, "value": self.options[0]} | (
            {"bind": bind} if len(self.options) > 1 else {}
        )

    @property
    def filter(self) -> Spec:
        """Keeps the rows of what was chosen."""
        return {"filter": f"datum.{self.field} === {self.name}"}


def draw(
    rows: Iterable[Row],
    layers: Sequence[Spec],
    encoding: Spec,
    menus: Sequence[Menu] = (),
    height: int = 340,
) -> Spec:
    """A chart as wide as the page; its layers share rows, menus and the ``encoding``."""
    columns = to_columns(rows)
    return {
        "data": {"values": [columns]},
        "width": "container",
        "height": height,
        "params": [menu.param for menu in menus],
        "transform": [{"flatten": list(columns)}, *(menu.filter for menu in menus)],
        "encoding": encoding,
        "layer": list(layers),
    }


def to_columns(rows: Iterable[Row]) -> Columns:
    """The values of each field, None where a row has none: half as long as rows that name them.

    The chart makes rows of them again (``flatten``).
    """
    short = [shorten(row) for row in rows]
    fields = dict.fromkeys(field for row in short for field in row)
    return {field: [row.get(field) for row in short] for field in fields}


def shorten(row: Row) -> Row:
    """The same with numbers of four significant digits."""
    return {name: _short(value) for name, value in row.items()}


def _short(value: str | float | bool) -> str | float | bool:
    if isinstance(value, str | bool):
        return value
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short


def is_drawable(value: Value) -> bool:
    """Whether it has a place on a logarithmic axis."""
    return min(value.span) > 0 if value.span else bool(value.value and value.value > 0)


def place_value(value: Value) -> Row:
    """Where a value is drawn: a range by its middle on a logarithmic axis, and ``noisy``."""
    if value.span is not None:
        low, high = value.span
        return {"value": math.sqrt(low * high), "low": low, "high": high, "noisy": True}
    assert value.value is not None  # is_drawable says so
    if value.interval is None:
        return {"value": value.value, "noisy": False}
    low, high = value.interval.low, value.interval.high
    return {"value": value.value, "low": low, "high": high, "noisy": False}


def place_estimate(estimate: Estimate) -> Row:
    """The same of an estimate."""
    if estimate.is_trusted:
        return place_value(Value(estimate.value, interval=estimate.interval))
    return place_value(Value(None, span=estimate.span))


def title_of(expression: str) -> Spec:
    """What a chart with menus shows, above it."""
    text = {"expr": expression}
    return {"title": {"text": text, "anchor": "start", "fontWeight": "normal", "fontSize": 13}}


def tooltip(**titles: str) -> list[Spec]:
    """The fields that show when the pointer is on a mark, by their titles."""
    return [{"field": field, "type": "nominal", "title": title} for field, title in titles.items()]


def extend(part: object, more: Mapping[str, object]) -> Spec:
    """A part of a specification with more in it."""
    assert isinstance(part, dict)
    return part | dict(more)
