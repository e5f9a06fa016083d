"""Pieces of Vega-Lite specifications: rows, axes, colours, menus, and how sure a value is."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.results.statistics import Estimate
from bench.results.summary import Value

Row = dict[str, str | float | bool]
Columns = dict[str, list[str | float | bool | None]]
Spec = dict[str, object]
Axis = Literal["x", "y"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a")
"""Of Okabe and Ito: told apart by people who see some colours alike."""
MANY_COLOURS = (
    *("#332288", "#88ccee", "#44aa99", "#117733", "#999933"),
    *("#ddcc77", "#cc6677", "#882255", "#aa4499", "#bbbbbb"),
)
"""Of Tol, for areas that touch; the grey one is for all that are left."""
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
DIGITS = 4
"""Significant ones of a number in a chart: a screen shows no more, and the page stays small."""
ENOUGH = 8.0
"""The end of an axis over its beginning, from where on only ticks of 1, 2 and 5 have labels."""
PLAIN_LABELS = "format(datum.value, '~g')"
GREY = "#888888"
"""Of what belongs to no network; seen on a light and on a dark page, as all colours here."""
RED = "#cc3333"
FAINT = "rgba(128, 128, 128, 0.25)"
"""Of the lines of a grid."""
HOLLOW: Spec = {"condition": {"test": "datum.noisy", "value": 0}, "value": 1}
"""The opacity of a mark's inside: none where it stands for a range."""


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


def logarithmic(axis: Axis, title: str | None, labels: str) -> Spec:
    """A logarithmic axis; ``labels`` is an expression, such as ``si_labels`` makes."""
    return {
        "type": "quantitative",
        "title": title,
        "scale": {"type": "log", "nice": False, "padding": 14},
        "axis": {
            "labelExpr": f"{_is_crowded(axis)} ? '' : {labels}",
            "tickCount": 6,
            "labelFlush": False,
            "labelSeparation": 6,
        },
    }


def _is_crowded(axis: Axis) -> str:
    """Whether a tick is none of 1, 2 and 5 on an axis that has enough of these."""
    low, high = f"domain('{axis}')[0]", f"domain('{axis}')[1]"
    digit = "slice(format(datum.value, '.0e'), 0, 1)"
    return f"({high} > {ENOUGH:g} * {low} && indexof('125', {digit}) < 0)"


def ratios(axis: Axis, title: str, rows: Iterable[Row]) -> Spec:
    """A logarithmic axis of the rows' values and intervals, with a dashed line at 1."""
    is_one = "datum.value === 1"
    line: Spec = {
        "gridColor": {"condition": {"test": is_one, "value": RED}, "value": FAINT},
        "gridDash": {"condition": {"test": is_one, "value": [5, 4]}, "value": []},
        "gridWidth": {"condition": {"test": is_one, "value": 1.5}, "value": 1},
    }
    ends = [row[name] for row in rows for name in ("value", "low", "high") if name in row]
    values = [1.0, *(float(end) for end in ends)]
    found = logarithmic(axis, title, PLAIN_LABELS)
    return found | {
        "scale": extend(found["scale"], {"domain": [min(values), max(values)]}),
        "axis": extend(found["axis"], line),
    }


def extend(part: object, more: Mapping[str, object]) -> Spec:
    """A part of a specification with more in it."""
    assert isinstance(part, dict)
    return part | dict(more)


def linear(title: str) -> Spec:
    """An axis that begins where its values do."""
    return {
        "type": "quantitative",
        "title": title,
        "scale": {"zero": False, "nice": False, "padding": 14},
    }


def si_labels(unit: str) -> str:
    """Labels of an axis with SI prefixes and a unit, as in 200 ms."""
    return _prefixed(json.dumps(unit, ensure_ascii=False))


def si_labels_of(units: Mapping[str, str], menu: Menu) -> str:
    """The same in the unit of what was chosen."""
    return _prefixed(f"({json.dumps(units, ensure_ascii=False)})[{menu.name}]")


def _prefixed(unit: str) -> str:
    number = "replace(format(datum.value, '~s'), regexp('([a-zA-Zµ]?)$'), ' $1')"
    return f"trim({number} + {unit})"


def title_of(expression: str) -> Spec:
    """What a chart with menus shows, above it."""
    text = {"expr": expression}
    return {"title": {"text": text, "anchor": "start", "fontWeight": "normal", "fontSize": 13}}


def coloured(field: str, names: Sequence[str], colours: Sequence[str] = COLOURS) -> Spec:
    """A colour for each name, in their order, as a channel; the legend is below the chart."""
    return {
        "field": field,
        "type": "nominal",
        "title": None,
        "sort": list(names),
        "scale": {
            "domain": list(names),
            "range": [colours[place % len(colours)] for place in range(len(names))],
        },
        "legend": {"orient": "bottom", "columns": 4, "labelLimit": 420, "symbolOpacity": 1},
    }


def shaped(field: str, names: Sequence[str]) -> Spec:
    """A shape for each name, as a channel."""
    shapes = [SHAPES[place % len(SHAPES)] for place in range(len(names))]
    found = coloured(field, names)
    legend = extend(found["legend"], {"symbolFillColor": GREY, "symbolStrokeColor": GREY})
    return found | {"scale": {"domain": list(names), "range": shapes}, "legend": legend}


def told_apart(field: str, names: Sequence[str]) -> Spec:
    """The channels of points: a colour for each name, and other shapes where colours come again."""
    colour = coloured(field, names)
    shapes = [SHAPES[place // len(COLOURS) % len(SHAPES)] for place in range(len(names))]
    shape = colour | {"scale": {"domain": list(names), "range": shapes}}
    return {"fill": colour, "stroke": colour, "shape": shape}


def tooltip(**titles: str) -> list[Spec]:
    """The fields that show when the pointer is on a mark, by their titles."""
    return [{"field": field, "type": "nominal", "title": title} for field, title in titles.items()]


def points(axis: Axis, quantity: Spec, channels: Spec, shown: Sequence[Spec]) -> Spec:
    """A point at each value along an axis; hollow where it stands for a range."""
    return {
        "transform": [{"filter": "isValid(datum.value)"}],
        "mark": {"type": "point", "filled": True, "size": 70, "strokeWidth": 1.6, "opacity": 1},
        "encoding": channels
        | {axis: quantity | {"field": "value"}, "fillOpacity": HOLLOW, "tooltip": list(shown)},
    }


def intervals(axis: Axis, quantity: Spec, channels: Spec) -> Spec:
    """A thin line from the low to the high end of each value that has both."""
    lines = {name: one for name, one in channels.items() if name not in ("fill", "shape")}
    return {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "rule", "strokeWidth": 1.4},
        "encoding": lines | {axis: quantity | {"field": "low"}, f"{axis}2": {"field": "high"}},
    }


def dot_plot(
    rows: Iterable[Row],
    names: Sequence[str],
    quantity: Spec,
    channels: Spec,
    shown: Sequence[Spec],
    menus: Sequence[Menu] = (),
) -> Spec:
    """A line of points for each network, with their intervals; rows have ``network``.

    ``channels`` tell points of one network apart; with ``yOffset``, as ``stacked`` makes it, one
    stands below the other.
    """
    looks = {name: channel for name, channel in channels.items() if name != "yOffset"}
    offset = {name: channel for name, channel in channels.items() if name == "yOffset"}
    layers = [intervals("x", quantity, looks), points("x", quantity, looks, shown)]
    below = extend(offset["yOffset"], {})["sort"] if offset else ()
    assert isinstance(below, list | tuple)
    step = 8 + 12 * max(1, len(below))
    encoding: Spec = {"y": by_network(names, bool(offset))}
    return draw(rows, layers, encoding | offset, menus, step * len(names))


def stacked(field: str, names: Iterable[str]) -> Spec:
    """The channel that gives each name a place on its network's line."""
    return {"field": field, "type": "nominal", "sort": sorted(names)}


def stacked_bars(
    rows: Iterable[Row],
    names: Sequence[str],
    part: Spec,
    length: Spec,
    shown: Sequence[Spec],
    menus: Sequence[Menu] = (),
) -> Spec:
    """A bar for each network, its parts one after another; rows have ``network`` and ``place``.

    ``length`` is the channel of a part's length, ``place`` orders the parts; noisy ones are hollow.
    """
    outline = {"condition": {"test": "!datum.noisy", "value": "transparent"}}
    bar: Spec = {
        "mark": {"type": "bar", "strokeWidth": 0.8},
        "encoding": {
            "x": length | {"type": "quantitative", "stack": "zero"},
            "fill": part,
            "stroke": part | outline,
            "fillOpacity": HOLLOW,
            "order": {"field": "place", "type": "quantitative"},
            "tooltip": list(shown),
        },
    }
    return draw(rows, [bar], {"y": by_network(names)}, menus, 26 * len(names))


def by_network(names: Sequence[str], is_wide: bool = False) -> Spec:
    """The channel that gives each network a line, in the order of their names.

    Lines with several marks one below the other are ``is_wide``, and divided from the next.
    """
    axis: Spec = {"labelLimit": 300, "ticks": False}
    if is_wide:
        axis |= {"grid": True, "tickBand": "extent"}
    return {"field": "network", "type": "nominal", "title": None, "sort": list(names), "axis": axis}
