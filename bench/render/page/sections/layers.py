"""Layers: where the multiply-adds of a forward go, by part of the network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.registry import Entry
from bench.render.figures.layers import PARTS, sum_parts
from bench.render.page import colours, marks, vega
from bench.render.page.section import Section
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.sentences import join, say_failures, say_origin
from bench.results.measurements import ModuleCounts, ModuleRow
from bench.results.record import Record, results_of
from bench.results.summary import entries_of
from bench.units import format_si

KEY, TITLE = "layers", "Layers: where the multiply-adds of a forward go"
SEEN = (
    "Each bar is all multiply-adds of one forward, by the part of the network that does them; they "
    "are counted exactly."
)
Rows = Sequence[ModuleRow]


@dataclass(frozen=True)
class Counted:
    """The networks of a file, and the modules of those that were counted."""

    records: Sequence[Record]
    entries: Sequence[Entry]
    modules: Mapping[str, Rows]


def find_layers(reports: ReportFolder) -> list[Section]:
    """Of the newest records of ``bench.operations``."""
    newest = reports.newest(("operations",), _summarise)
    if newest.found is None:
        return newest.only_problems(KEY, TITLE)
    counted = newest.found
    names = {entry.name: entry.display_name for entry in counted.entries}
    layers = [record for record in counted.records if record.job.probe in ("contract", "layers")]
    sentence = join(
        SEEN,
        say_failures(layers, names),
        say_origin(counted.records, newest.file),
        *newest.problems,
    )
    shown = [entry for entry in counted.entries if entry.name in counted.modules]
    if not shown:
        return [Section(KEY, TITLE, sentence, None, None)]
    sums = {entry.display_name: sum_parts(counted.modules[entry.name]) for entry in shown}
    flops = {entry.display_name: counted.modules[entry.name][0].flops for entry in shown}
    heads = ("Network", "MACs", "FLOPs", *PARTS)
    rows = [[name, *_totals(parts, flops[name]), *_shares(parts)] for name, parts in sums.items()]
    return [Section(KEY, TITLE, sentence, _draw(sums), (heads, rows))]


def _summarise(records: Sequence[Record]) -> Counted | None:
    if not records:
        return None
    modules = {record.job.model: one.modules for record, one in results_of(ModuleCounts, records)}
    return Counted(records, entries_of(records), modules)


def _draw(sums: dict[str, dict[str, int]]) -> vega.Spec:
    part = colours.coloured("part", list(PARTS), list(PARTS.values()))
    length: vega.Spec = {
        "field": "share",
        "title": "share of the multiply-adds of a forward (%)",
        "scale": {"domain": [0, 100]},
        "axis": {"tickCount": 6},
    }
    shown = vega.tooltip(network="Network", part="Part", text="MACs", percent="Share")
    return marks.stacked_bars(_rows(sums), list(sums), part, length, shown)


def _rows(sums: dict[str, dict[str, int]]) -> Iterator[vega.Row]:
    for name, parts in sums.items():
        total = sum(parts.values()) or 1
        for place, (part, macs) in enumerate(parts.items()):
            if macs:
                yield {
                    "network": name,
                    "part": part,
                    "place": place,
                    "share": 100 * macs / total,
                    "percent": f"{macs / total:.1%}",
                    "text": format_si(macs, ""),
                }


def _totals(parts: dict[str, int], flops: int) -> tuple[str, str]:
    return format_si(sum(parts.values()), ""), format_si(flops, "")


def _shares(parts: dict[str, int]) -> list[str]:
    total = sum(parts.values()) or 1
    return [f"{macs / total:.1%}" if macs else "" for macs in parts.values()]
