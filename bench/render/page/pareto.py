"""The plot of the page in Vega-Lite: any column against any other, with Pareto frontiers.

The page's script fills in what the reader chooses: the points and the frontiers, the titles and
scales of both axes, and which points are marked.
"""

from collections.abc import Sequence

from bench.render.page.data import Table
from bench.render.page.heads import Head

Spec = dict[str, object]

BEST_Y = ("paper_sounds", "paper_speech", "paper_table2", "own_speech", "own_sounds")
BEST_X = ("latency_s_inference", "macs_inference", "n_params")
FADED = 0.15
IS_MARKED = "!length(chosen) || indexof(chosen, datum.index) >= 0"
IS_NAMED = "datum.isNamed || indexof(chosen, datum.index) >= 0"


def choose_axes(table: Table) -> tuple[Head, Head]:
    """What is drawn first: quality, where it is known, against time; else cost against cost."""
    known = {head.key: head for head in table.heads}
    x = _first(BEST_X, known) or table.heads[0]
    rest = {key: head for key, head in known.items() if head is not x}
    return x, _first((*BEST_Y, *BEST_X), rest) or table.heads[-1]


def _first(keys: Sequence[str], known: dict[str, Head]) -> Head | None:
    return next((known[key] for key in keys if key in known), None)


def pareto_spec(families: Sequence[str]) -> Spec:
    """The plot without its data; ``families`` have a colour and a shape each, whatever is shown.

    The script replaces the data sets ``points`` and ``frontier`` and sets the signal ``chosen``
    to the places of the networks that are checked in the table.
    """
    family: Spec = {"field": "family", "type": "nominal", "scale": {"domain": list(families)}}
    kind = family | {"legend": {"title": None, "orient": "top", "columns": 2}}
    coloured: Spec = {"color": kind}
    shared = coloured | {"shape": kind}
    return {
        "width": "container",
        "height": 420,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": [{"name": "chosen", "value": []}],
        "datasets": {"points": [], "frontier": []},
        "data": {"name": "points"},
        "encoding": {axis: {"field": axis, "type": "quantitative"} for axis in ("x", "y")},
        "layer": [
            _frontier(),
            _interval("x", coloured),
            _interval("y", coloured),
            _points("!datum.isDoubtful", shared, is_filled=True),
            _points("datum.isDoubtful", shared, is_filled=False),
            _names(),
        ],
    }


def _frontier() -> Spec:
    return {
        "name": "frontier",
        "data": {"name": "frontier"},
        "encoding": {"detail": {"field": "setting", "type": "nominal"}},
        "mark": {"type": "line", "strokeDash": [5, 4], "strokeWidth": 1.5},
    }


def _interval(axis: str, coloured: Spec) -> Spec:
    """A bar from the low to the high end along one axis."""
    ends = {axis: {"field": f"{axis}Low"}, f"{axis}2": {"field": f"{axis}High"}}
    return {
        "transform": [{"filter": f"isValid(datum.{axis}Low)"}],
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": {**ends, **coloured, "opacity": _faded(0.8)},
    }


def _points(test: str, shared: Spec, is_filled: bool) -> Spec:
    mark = {"type": "point", "filled": is_filled, "size": 110, "strokeWidth": 2}
    return {
        "transform": [{"filter": test}],
        "mark": {**mark, "tooltip": {"expr": "datum.hover"}, "cursor": "pointer"},
        "encoding": {**shared, "opacity": _faded(1.0)},
    }


def _names() -> Spec:
    return {
        "name": "names",
        "mark": {
            "type": "text",
            "align": {"expr": "datum.nameSide"},
            "dy": {"expr": "datum.nameOffset"},
            "fontSize": 11,
        },
        "encoding": {
            "text": {"field": "name", "type": "nominal"},
            "opacity": {
                "condition": [
                    {"test": f"({IS_NAMED}) && ({IS_MARKED})", "value": 1},
                    {"test": IS_NAMED, "value": FADED},
                ],
                "value": 0,
            },
        },
    }


def _faded(opacity: float) -> Spec:
    """Of marks of networks that are not checked, where some are."""
    return {"condition": {"test": IS_MARKED, "value": opacity}, "value": FADED}
