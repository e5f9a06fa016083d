"""Axes of charts: their scales, and labels with units."""

import json
from collections.abc import Iterable, Mapping
from typing import Literal

from bench.render.page.colours import FAINT, RED
from bench.render.page.vega import Menu, Row, Spec, extend

Axis = Literal["x", "y"]

ENOUGH = 8.0
"""The end of an axis over its beginning, from where on only ticks of 1, 2 and 5 have labels."""
PLAIN_LABELS = "format(datum.value, '~g')"


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
