"""Marks of charts: points with intervals, lines of points, and bars of parts."""

from collections.abc import Iterable, Sequence

from bench.render.page.axes import Axis
from bench.render.page.vega import Menu, Row, Spec, draw, extend

HOLLOW: Spec = {"condition": {"test": "datum.noisy", "value": 0}, "value": 1}
"""The opacity of a mark's inside: none where it stands for a range."""


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
