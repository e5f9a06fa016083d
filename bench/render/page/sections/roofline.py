"""Roofline: networks below the ceilings that were measured in their run."""

from collections.abc import Iterator, Sequence

from bench.render.figures.roofline import group_by_form, slopes_of
from bench.render.page import axes, colours, marks, vega
from bench.render.page.section import Section
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.render.page.sections.sentences import HOLLOW, join, say_origin
from bench.render.tables.roofline import (
    HEADS,
    describe_size,
    format_rate,
    list_ceilings,
    list_remarks,
    name_of,
    point_cells,
)
from bench.results.record import Record
from bench.results.roofline import Roofline, RooflinePoint, find_roofline

KEY, TITLE = "roofline", "Roofline: achieved rate over intensity"
SEEN = (
    "Each point is a network's FLOPs of multiply-adds per second over those for each byte that "
    "torch's operators move, below the ceilings of the same run. The dash above or below a point, "
    "joined to it by a dotted line, is the rate that its floor would be."
)
CEILINGS = "What the machine reached in the same run. Of the caches the chart shows the fastest."
X_TITLE = "FLOPs for each byte moved"
Y_TITLE = "FLOPs per second"
LEGEND = {
    "orient": "top",
    "columns": 2,
    "symbolType": "stroke",
    "symbolSize": 1600,
    "symbolStrokeColor": colours.GREY,
}
BESIDE = 5.0
"""Factor of space left and right of the points."""


def find_rooflines(reports: ReportFolder) -> list[Section]:
    """Of the newest run that measured ceilings, of forms or not."""
    newest = reports.newest(("runtimes", RUNS), _summarise)
    if newest.found is None:
        return []
    roofline, records = newest.found
    sentence = join(
        SEEN,
        HOLLOW,
        *(remark.replace("**", "") for remark in list_remarks(roofline)),
        say_origin(records, newest.file),
        *newest.problems,
    )
    cells = [point_cells(point, roofline) for point in roofline.points]
    ceilings = (("Ceiling", "Measured"), list(list_ceilings(roofline)))
    return [
        Section(KEY, TITLE, sentence, _draw(roofline), (HEADS, cells)),
        Section(f"{KEY}-ceilings", "Roofline: ceilings", CEILINGS, None, ceilings),
    ]


def _summarise(records: Sequence[Record]) -> tuple[Roofline, Sequence[Record]] | None:
    roofline = find_roofline(records)
    return None if roofline is None else (roofline, records)


def _draw(roofline: Roofline) -> vega.Spec:
    forms = group_by_form(roofline.points)
    menu = vega.Menu("form", "Form", list(forms))
    names = list(dict.fromkeys(map(name_of, roofline.points)))
    x = axes.logarithmic("x", X_TITLE, axes.PLAIN_LABELS)
    y = axes.logarithmic("y", Y_TITLE, axes.si_labels("FLOP/s"))
    looks = colours.told_apart("network", names)
    at: vega.Spec = {"x": x | {"field": "intensity"}}
    shown = vega.tooltip(network="Network", text="Achieved", per_byte="FLOPs/byte", floor="Floor")
    layers = [
        _roof_layer(roofline, x, y),
        *_floor_layers(at | {"stroke": looks["stroke"]}, y),
        marks.intervals("y", y, looks | at),
        marks.points("y", y, looks | at, shown),
    ]
    rows = [_row(point, form) for form, points in forms.items() for point in points]
    return vega.draw(rows, layers, {}, (menu,), 420) | vega.title_of(menu.name)


def _roof_layer(roofline: Roofline, x: vega.Spec, y: vega.Spec) -> vega.Spec:
    """Straight lines on logarithmic axes, with rows of their own, so that no menu hides them."""
    roofs = list(_roofs(roofline))
    dash = colours.coloured("roof", [str(row["roof"]) for row in roofs])
    dashes = [[1, 0], [7, 3], [3, 3], [9, 3, 2, 3], [2, 2]]
    domain = [row["roof"] for row in roofs]
    dash |= {
        "scale": {"domain": domain, "range": [dashes[n % 5] for n in range(len(roofs))]},
        "legend": vega.extend(dash["legend"], LEGEND),
    }
    return {
        "data": {"values": [vega.shorten(row) for row in roofs]},
        "mark": {"type": "rule", "strokeWidth": 1.6, "stroke": colours.GREY},
        "encoding": {
            "x": x | {"field": "left"},
            "x2": {"field": "right"},
            "y": y | {"field": "bottom"},
            "y2": {"field": "top"},
            "strokeDash": dash,
            "tooltip": vega.tooltip(roof="Ceiling"),
        },
    }


def _roofs(roofline: Roofline) -> Iterator[vega.Row]:
    """Roofs of products begin where the fastest cache could feed them; slopes end at the top."""
    slopes, products = slopes_of(roofline), roofline.roofs.products
    highest = max(rate.value for rate in products.values())
    fastest = max(rate.value for _, rate in slopes)
    across = [point.intensity for point in roofline.points]
    left = min(*across, highest / fastest) / BESIDE
    right = max(*across, *(highest / rate.value for _, rate in slopes)) * BESIDE
    for dtype, rate in products.items():
        name = f"products, {dtype}: {format_rate(rate, 'FLOP/s')}"
        start = max(left, rate.value / fastest)
        yield _line(name, (start, right), (rate.value, rate.value))
    for n_bytes, rate in slopes:
        name = f"{describe_size(roofline, n_bytes)}: {format_rate(rate, 'B/s')}"
        yield _line(name, (left, highest / rate.value), (rate.value * left, highest))


def _line(name: str, across: tuple[float, float], up: tuple[float, float]) -> vega.Row:
    return {"roof": name, "left": across[0], "right": across[1], "bottom": up[0], "top": up[1]}


def _floor_layers(channels: vega.Spec, y: vega.Spec) -> list[vega.Spec]:
    """From each point to what its floor would be."""
    to_floor: vega.Spec = {"y": y | {"field": "value"}, "y2": {"field": "floor_value"}}
    floor: vega.Spec = {"y": y | {"field": "floor_value"}}
    dash = {"type": "point", "shape": "stroke", "size": 240, "strokeWidth": 2, "opacity": 1}
    return [
        {
            "mark": {"type": "rule", "strokeDash": [2, 2], "strokeWidth": 1},
            "encoding": channels | to_floor,
        },
        {"mark": dash, "encoding": channels | floor},
    ]


def _row(point: RooflinePoint, form: str) -> vega.Row:
    return {
        "network": name_of(point),
        "form": form,
        "intensity": point.intensity,
        "per_byte": f"{point.intensity:.3g}",
        "floor_value": point.floor_rate.value,
        "floor": format_rate(point.floor_rate, "FLOP/s"),
        "text": format_rate(point.rate, "FLOP/s"),
        **vega.place_estimate(point.rate),
    }
