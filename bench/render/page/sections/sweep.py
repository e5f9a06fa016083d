"""Sweep: how time and memory grow with the length of the audio, and what was not measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.registry import SAMPLE_RATE
from bench.render.cell_names import CellNames
from bench.render.estimates import format_time
from bench.render.page import axes, colours, marks, vega
from bench.render.page.section import Section
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.sentences import HOLLOW, join, say_origin
from bench.render.tables.sweep import FAILURE_HEADS, list_failures
from bench.render.tables.sweep_answers import REAL_TIME, format_longest, real_time_table
from bench.render.tables.sweep_growth import format_curve, format_exponent, name_growth
from bench.results.growth import Growth, NoGrowth
from bench.results.record import Record
from bench.results.summary import entries_of, newest_of_each_cell
from bench.results.sweep import Key, SweepCell
from bench.results.sweep_answers import Growths, SweepSummary, summarize_sweep
from bench.units import format_si

KEY, TITLE = "sweep", "Sweep: how costs grow with length"
SEEN = (
    "Points are measured cells, lines the curves a + b t^k through them. A red ring: the cell "
    "leaves the curve of the others."
)
TIME, MEMORY = "Time of a call", "Peak of the process"
UNITS: Mapping[str, Literal["s", "B"]] = {TIME: "s", MEMORY: "B"}
GROWTH = ("k", "in a word", "of t seconds")
HEADS = (
    "Network",
    "Setting",
    *(f"{cost}: {what}" for cost in UNITS for what in GROWTH),
    "Longest audio that fits",
)
N_STEPS = 32
"""Straight pieces of a curve."""


@dataclass(frozen=True)
class Swept:
    """What one file holds."""

    records: Sequence[Record]
    sweep: SweepSummary
    names: CellNames

    @property
    def growths(self) -> Mapping[str, Growths]:
        """By the cost."""
        return {TIME: self.sweep.times, MEMORY: self.sweep.memory}

    @property
    def networks(self) -> list[str]:
        """Those that have a cell."""
        return list(dict.fromkeys(self.names.model(cell.key) for cell in self.sweep.cells))


def find_sweeps(reports: ReportFolder) -> list[Section]:
    """Of the newest records of ``bench.sweep``: growth, real-time factors, and what is missing."""
    newest = reports.newest(("sweep",), _summarise)
    if newest.found is None:
        return newest.only_problems(KEY, TITLE)
    swept = newest.found
    points = list(_points(swept))
    chart = _draw(swept, [*points, *_curves(swept)]) if points else None
    table = (HEADS, _growth_rows(swept)) if points else None
    sentence = join(SEEN, HOLLOW, say_origin(swept.records, newest.file), *newest.problems)
    return [Section(KEY, TITLE, sentence, chart, table), *_tables(swept)]


def _summarise(records: Sequence[Record]) -> Swept | None:
    if not records:
        return None
    kept, entries = newest_of_each_cell(records), entries_of(records)
    sweep = summarize_sweep([entry.name for entry in entries], kept)
    return Swept(kept, sweep, CellNames.of(entries, sweep.cells))


def _tables(swept: Swept) -> Iterator[Section]:
    heads, rows = real_time_table(swept.sweep, swept.names)
    if rows:
        title = "Sweep: real-time factor against length"
        yield Section("sweep-real-time", title, REAL_TIME, None, (heads, rows))
    if failures := list_failures(swept.sweep.cells, swept.records, swept.names):
        title = "Sweep: what was not measured"
        sentence = "Each cell without a value, with the reason."
        yield Section("sweep-missing", title, sentence, None, (FAILURE_HEADS, failures))


def _draw(swept: Swept, rows: Sequence[vega.Row]) -> vega.Spec:
    cost = vega.Menu("cost", "Cost", list(dict.fromkeys(str(row["cost"]) for row in rows)))
    settings = list(dict.fromkeys(str(row["setting"]) for row in rows))
    setting = vega.Menu("setting", "Setting", settings)
    x = axes.logarithmic("x", "length of the audio", axes.si_labels("s"))
    lengths = sorted({float(row["seconds"]) for row in rows if "seconds" in row})
    ticks = {"values": lengths, "labelExpr": axes.si_labels("s")}
    x |= {"axis": vega.extend(x["axis"], ticks)}
    y = axes.logarithmic("y", None, axes.si_labels_of(UNITS, cost))
    looks = colours.told_apart("network", swept.networks)
    at_length: vega.Spec = {"x": x | {"field": "seconds"}}
    shown = vega.tooltip(network="Network", length="Length", setting="Setting", text="Measured")
    layers = [
        _curve_layer(x, y, looks["stroke"]),
        marks.intervals("y", y, looks | at_length),
        marks.points("y", y, looks | at_length, shown),
        _ring_layer(x, y),
    ]
    title = f"{cost.name} + ({setting.name} ? ', ' + {setting.name} : '')"
    return vega.draw(rows, layers, {}, (cost, setting), 380) | vega.title_of(title)


def _curve_layer(x: vega.Spec, y: vega.Spec, colour: object) -> vega.Spec:
    """Points of each curve are computed where it is drawn, which keeps the page small."""
    grow = f"datum.first * pow(datum.last / datum.first, datum.step / {N_STEPS})"
    return {
        "transform": [
            {"filter": "isValid(datum.exponent)"},
            {"calculate": f"sequence({N_STEPS + 1})", "as": "step"},
            {"flatten": ["step"]},
            {"calculate": grow, "as": "along"},
            {
                "calculate": "datum.fixed + datum.factor * pow(datum.along, datum.exponent)",
                "as": "up",
            },
        ],
        "mark": {"type": "line", "strokeWidth": 1.2},
        "encoding": {"x": x | {"field": "along"}, "y": y | {"field": "up"}, "stroke": colour},
    }


def _ring_layer(x: vega.Spec, y: vega.Spec) -> vega.Spec:
    return {
        "transform": [{"filter": "datum.is_far === true"}],
        "mark": {"type": "point", "filled": False, "size": 260, "stroke": colours.RED},
        "encoding": {"x": x | {"field": "seconds"}, "y": y | {"field": "value"}},
    }


def _points(swept: Swept) -> Iterator[vega.Row]:
    for cost in UNITS:
        for cell in swept.sweep.cells:
            found = _place(cost, cell)
            if found is None:
                continue
            growth = swept.growths[cost].get(cell.key._replace(n_samples=0))
            far = growth.departing if isinstance(growth, Growth) else []
            yield (
                _label(swept, cost, cell.key)
                | found
                | {
                    "seconds": cell.duration_s,
                    "length": format_si(cell.duration_s, "s"),
                    "is_far": cell.key.n_samples in {point.n_samples for point in far},
                }
            )


def _place(cost: str, cell: SweepCell) -> vega.Row | None:
    """Where a cell is drawn, and its value in words; None of one without this cost."""
    if cost == TIME:
        time = cell.time
        return None if time is None else {**vega.place_estimate(time), "text": format_time(time)}
    n_bytes = cell.process_bytes
    if not n_bytes:
        return None
    return {"value": n_bytes, "noisy": False, "text": format_si(n_bytes, "B")}


def _label(swept: Swept, cost: str, key: Key) -> vega.Row:
    names = swept.names
    return {"network": names.model(key), "cost": cost, "setting": names.setting(key)}


def _curves(swept: Swept) -> Iterator[vega.Row]:
    for cost, growths in swept.growths.items():
        for key, growth in growths.items():
            if isinstance(growth, Growth):
                curve = growth.curve
                first, last = growth.lengths
                yield _label(swept, cost, key) | {
                    "fixed": curve.fixed,
                    "factor": curve.factor * SAMPLE_RATE**curve.exponent,
                    "exponent": curve.exponent,
                    "first": first / SAMPLE_RATE,
                    "last": last / SAMPLE_RATE,
                }


def _growth_rows(swept: Swept) -> list[list[str]]:
    longest = {item.key: item for item in swept.sweep.longest()}
    keys = dict.fromkeys(key for growths in swept.growths.values() for key in growths)
    rows = []
    for key in keys:
        cells = [swept.names.model(key), swept.names.setting(key)]
        for cost, growths in swept.growths.items():
            cells += _growth_cells(growths.get(key), UNITS[cost])
        fits = format_longest(longest[key])[0] if key in longest else ""
        rows.append([*cells, fits])
    return rows


def _growth_cells(growth: Growth | NoGrowth | None, unit: Literal["s", "B"]) -> list[str]:
    if growth is None:
        return ["not measured", "", ""]
    if isinstance(growth, NoGrowth):
        return ["none", growth.reason, ""]
    return [format_exponent(growth), name_growth(growth), format_curve(growth.curve, unit)]
