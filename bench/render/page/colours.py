"""Colours and shapes that tell marks apart, on a light and on a dark page."""

from collections.abc import Sequence

from bench.registry import TABLE1
from bench.render.page.vega import Spec, extend

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a")
"""Of Okabe and Ito: told apart by people who see some colours alike."""
MANY_COLOURS = (
    *("#332288", "#88ccee", "#44aa99", "#117733", "#999933"),
    *("#ddcc77", "#cc6677", "#882255", "#aa4499", "#bbbbbb"),
)
"""Of Tol, for areas that touch; the grey one is for all that are left."""
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
RED = "#cc3333"
GREY = "#888888"
"""Of what belongs to no network."""
FAINT = "rgba(128, 128, 128, 0.25)"
"""Of the lines of a grid."""


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


def told_by_colour(field: str, names: Sequence[str]) -> Spec:
    """The colours of networks where shapes say something else.

    The paper's look as in every chart; where there are others, each has a colour of its own.
    """
    if set(names) <= {entry.display_name for entry in TABLE1}:
        return _by_the_paper(field, names)
    return coloured(field, names, MANY_COLOURS if len(names) > len(COLOURS) else COLOURS)


def told_apart(field: str, names: Sequence[str]) -> Spec:
    """The channels of points of networks: a colour for each, other shapes where colours come again.

    The paper's networks look the same in every chart, whichever of them are there.
    """
    ordered = _papers_first(names)
    colour = _by_the_paper(field, names)
    shapes = [SHAPES[place // len(COLOURS) % len(SHAPES)] for place in range(len(ordered))]
    shape = colour | {"scale": {"domain": ordered, "range": shapes}}
    return {"fill": colour, "stroke": colour, "shape": shape}


def _by_the_paper(field: str, names: Sequence[str]) -> Spec:
    """A colour for each network, those of the paper first, whether they are there or not."""
    ordered = _papers_first(names)
    colour = coloured(field, ordered)
    there = {"values": [name for name in ordered if name in names]}
    return colour | {"legend": extend(colour["legend"], there)}


def _papers_first(names: Sequence[str]) -> list[str]:
    papers = [entry.display_name for entry in TABLE1]
    return papers + [name for name in names if name not in papers]
