"""reports/family.md, and family-*.tex: what each SuDoRM-RF costs, and what the authors print."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from bench.registry import SAMPLE_RATE
from bench.render.columns import (
    LATENCY,
    PARAMS,
    Column,
    beside_time,
    head_beside_time,
    table1_columns,
)
from bench.render.estimates import format_span
from bench.render.provenance import describe_provenance
from bench.render.tables.markdown import markdown_table
from bench.render.tables.papers import render_family_tex
from bench.render.tables.streaming import summarize_costs
from bench.render.tables.table1 import render_notes
from bench.render.tables.timing import describe_times
from bench.results.measurements import StreamTimes
from bench.results.published_family import N_SAMPLES, find_printed, read_printed_figures
from bench.results.record import Record, Status, results_of
from bench.results.summary import ModelSummary, RunSummary
from bench.units import format_significant

Cell = Callable[[ModelSummary], str]

EXPLANATION = (
    "Every SuDoRM-RF of `--models family`: the networks of the paper's Table 1 as its code builds "
    "them and as its text has them; those of its Table 2; the improved networks whose weights the "
    "authors published; group communication in 16 groups; the improved network made causal; and "
    "the authors' own causal network (v3). C: channels between blocks; B: U-ConvBlocks; K: samples "
    "of an encoder filter; Q: resamplings; N: encoder filters. The weights are random: they "
    "change no cost. Inference (I) and training steps (B), both on the CPU, as in table1.md."
)
THEIRS = (
    "**Theirs**: as the authors print it, measured on their hardware, so to be read beside and not "
    "as a ratio: {hardware}. What a backward contains is not printed; a training step here is a "
    "forward, the loss, a backward and an update by Adam. From {sources}. Their row of group "
    "communication is called 16 U-ConvBlocks there; the parameters printed in it are those of 8, "
    "so it stands at B8. Of the improved network with 36 blocks only blocks and filters are "
    "printed; its other sizes here are those that give the printed number of parameters."
)
STREAMS = (
    "The causal networks on a stream. **Latency**: the longest that a sample waits for its "
    "estimate, computing time left out, in chunks of one hop: the hop and the look-ahead. "
    "**Real-time factor**: time of chunks of {chunk} samples over their duration, below 1 the "
    "stream keeps up; † something else used the processors. `python -m bench.streaming` measures "
    "other sizes of chunks."
)
PRINTED = (
    ("I on the CPU (examples/s)", "forward CPU"),
    ("I on a GPU (examples/s)", "forward GPU"),
    ("Memory I on a GPU (GB)", "forward GPU memory"),
    ("Backward on a GPU (examples/s)", "backward GPU"),
    ("Memory backward on a GPU (GB)", "backward GPU memory"),
)
NOTHING = "–"


def render_family(summaries: Sequence[RunSummary], streams: Sequence[Record]) -> str:
    """A table for each workload, one of the streams, what failed, and where it all comes from."""
    latencies = find_latencies(streams)
    sections = [f"# The SuDoRM-RF family on {summaries[0].environment_name}", EXPLANATION]
    for summary in summaries:
        table = markdown_table(*costs_table(summary, latencies))
        sections += [f"## {title_of(summary)}", table]
    sections += [*describe_times(summaries[0]), _explain_theirs()]
    sections += _streams(summaries[0], streams)
    for summary in summaries:
        sections += _notes(summary)
    sections += _failures(streams)
    sections += ["## Where these values come from", "\n".join(_provenance(summaries))]
    return "\n\n".join(sections) + "\n"


def render_family_tables(summaries: Sequence[RunSummary]) -> dict[str, str]:
    """The costs of each workload for papers, by the name of their file."""
    return {
        f"family-{run.workload.n_samples}x{run.workload.batch}.tex": render_family_tex(run)
        for run in summaries
    }


def find_latencies(streams: Sequence[Record]) -> dict[str, float]:
    """Seconds of a hop and the look-ahead, of each network that was streamed."""
    return {
        record.job.model: (found.hop_samples + found.lookahead_samples) / SAMPLE_RATE
        for record, found in results_of(StreamTimes, streams)
    }


def title_of(summary: RunSummary) -> str:
    """The workload of one table."""
    return f"{summary.workload.n_samples:,} samples, batch {summary.workload.batch}"


def _provenance(summaries: Sequence[RunSummary]) -> Iterator[str]:
    """A line for each fact, and one for each workload where they differ."""
    described = [dict(describe_provenance(summary)) for summary in summaries]
    for label in dict.fromkeys(label for facts in described for label in facts):
        texts = [facts.get(label, NOTHING) for facts in described]
        if len(set(texts)) == 1:
            yield f"- {label}: {texts[0]}"
            continue
        for summary, text in zip(summaries, texts, strict=True):
            yield f"- {label} ({title_of(summary)}): {text}"


def _notes(summary: RunSummary) -> Iterator[str]:
    """What is missing or doubtful in one of the tables."""
    for text in render_notes(summary):
        yield f"{text}: {title_of(summary)}" if text.startswith("## ") else text


def costs_table(
    summary: RunSummary, latencies: Mapping[str, float]
) -> tuple[list[str], list[list[str]]]:
    """Heads, whose lines are broken by ``<br>``, and a row for each network.

    Costs; the latency of causal networks; at the authors' length, what they print too.
    """
    columns: dict[str, Cell] = {}
    for column in table1_columns(summary.update_device):
        head = "<br>".join(filter(None, (column.heading, head_beside_time(column, summary))))
        columns[head] = partial(_cost, column, summary)
        if column is PARAMS:
            columns[f"{head}, theirs"] = partial(_printed, "parameters", None)
    columns["Latency (ms)"] = lambda model: _latency(latencies.get(model.entry.name))
    if summary.workload.n_samples == N_SAMPLES:
        batch = summary.workload.batch
        for letter, column in zip("IB", LATENCY, strict=True):
            columns[f"{letter} (examples/s)"] = partial(_per_second, column, batch)
        for head, quantity in PRINTED:
            columns[f"{head}, theirs"] = partial(_printed, quantity, batch)
    rows = [
        [model.entry.display_name, *(cell(model) for cell in columns.values())]
        for model in summary.models
    ]
    return ["Network", *columns], rows


def _cost(column: Column, summary: RunSummary, model: ModelSummary) -> str:
    return column.format(model.values[column.metric]) + beside_time(column, model, summary)


def _printed(quantity: str, batch: int | None, model: ModelSummary) -> str:
    found = find_printed(model.entry.name, quantity, batch)
    return NOTHING if found is None else f"{found.value:g}"


def _latency(seconds: float | None) -> str:
    return NOTHING if seconds is None else format_significant(1000 * seconds)


def _per_second(column: Column, batch: int, model: ModelSummary) -> str:
    """Mixtures a second, from the time of a step of so many."""
    time = model.values[column.metric]
    if time.span is not None:
        low_s, high_s = time.span
        return format_span((batch / high_s, batch / low_s))
    if time.value is None:
        return time.status.value
    return format_significant(batch / time.value) + ("" if time.is_sound else "†")


def _explain_theirs() -> str:
    figures = read_printed_figures()
    hardware = "; ".join(dict.fromkeys(f.measured_on for f in figures if f.measured_on))
    sources = dict.fromkeys(f.source.partition(", row")[0] for f in figures)
    return THEIRS.format(hardware=hardware, sources="; ".join(sources))


def _streams(summary: RunSummary, streams: Sequence[Record]) -> Iterable[str]:
    names = {model.entry.name: model.entry.display_name for model in summary.models}
    rows, chunk = [], 0
    for name, display_name in names.items():
        own = [record for record in streams if record.job.model == name]
        for cost in summarize_costs(own)[:1]:
            _, found = next(results_of(StreamTimes, own))
            chunk = cost.chunk_samples
            rows.append(
                [
                    display_name,
                    str(found.hop_samples),
                    str(found.lookahead_samples),
                    _latency(find_latencies(own)[name]),
                    format_significant(cost.real_time_factor) + ("†" if cost.noise else ""),
                ]
            )
    if rows:
        heads = ["Network", "Hop (samples)", "Look-ahead (samples)", "Latency (ms)"]
        yield "## Streams"
        yield STREAMS.format(chunk=chunk)
        yield markdown_table([*heads, "Real-time factor"], rows)


def _failures(streams: Iterable[Record]) -> Iterable[str]:
    lines = dict.fromkeys(
        f"- {record.job.model}, as a stream: {record.status.value}: {record.reason}"
        for record in streams
        if record.status != Status.OK
    )
    if lines:
        yield "## Streams that could not be measured"
        yield "\n".join(lines)
