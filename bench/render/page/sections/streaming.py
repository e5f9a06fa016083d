"""Streaming: whether networks keep up with a mixture that arrives, and how far behind they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.render.page import axes, colours, marks, vega
from bench.render.page.section import Section
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.sentences import join, say_failures, say_origin
from bench.render.tables.streaming import HEADS, StreamCost, cost_cells, summarize_costs
from bench.results.record import Record
from bench.results.summary import entries_of
from bench.units import format_significant

KEY, TITLE = "streaming", "Streaming: real-time factor against latency"
SEEN = (
    "Each point is a stream in chunks of one size: how long a sample waits for its estimate, "
    "computing time left out, and the time of all chunks over their duration. Below the dashed "
    "line the stream keeps up. Hollow: something else used the processors, or the compute time is "
    "too noisy to quote."
)


@dataclass(frozen=True)
class Streams:
    """What one file holds: the costs of each network by growing chunks, by its name for people."""

    records: Sequence[Record]
    names: dict[str, str]
    costs: dict[str, list[StreamCost]]


def find_streams(reports: ReportFolder) -> list[Section]:
    """Of the newest records of ``bench.streaming``."""
    newest = reports.newest(("streaming",), _summarise)
    if newest.found is None:
        return newest.only_problems(KEY, TITLE)
    streams = newest.found
    sentence = join(
        SEEN,
        say_failures(streams.records, streams.names),
        say_origin(streams.records, newest.file),
        *newest.problems,
    )
    if not streams.costs:
        return [Section(KEY, TITLE, sentence, None, None)]
    cells = [[name, *cost_cells(one)] for name, costs in streams.costs.items() for one in costs]
    return [Section(KEY, TITLE, sentence, _draw(streams), (("Network", *HEADS), cells))]


def _summarise(records: Sequence[Record]) -> Streams | None:
    if not records:
        return None
    names = {entry.name: entry.display_name for entry in entries_of(records)}
    costs = {
        display_name: summarize_costs([record for record in records if record.job.model == name])
        for name, display_name in names.items()
    }
    return Streams(records, names, {name: found for name, found in costs.items() if found})


def _draw(streams: Streams) -> vega.Spec:
    names, rows = list(streams.costs), list(_rows(streams))
    x = axes.logarithmic("x", "algorithmic latency at 8 kHz", axes.si_labels("s"))
    y = axes.ratios("y", "real-time factor", rows)
    looks = colours.told_apart("network", names)
    at: vega.Spec = {"x": x | {"field": "latency"}}
    shown = vega.tooltip(network="Network", chunk="Chunk (samples)", milliseconds="Latency (ms)")
    shown += vega.tooltip(text="Real-time factor", compute="Compute (ms)")
    line: vega.Spec = {
        "mark": {"type": "line", "strokeWidth": 1.4},
        "encoding": at | {"stroke": looks["stroke"], "y": y | {"field": "value"}},
    }
    layers = [line, marks.points("y", y, looks | at, shown)]
    return vega.draw(rows, layers, {})


def _rows(streams: Streams) -> Iterator[vega.Row]:
    for name, costs in streams.costs.items():
        for cost in costs:
            _, _, milliseconds, compute, *_ = cost_cells(cost)
            yield {
                "network": name,
                "chunk": str(cost.chunk_samples),
                "latency": cost.latency_s,
                "milliseconds": milliseconds,
                "value": cost.real_time_factor,
                "text": format_significant(cost.real_time_factor),
                "compute": compute,
                "noisy": bool(cost.noise) or not cost.compute.is_trusted,
            }
