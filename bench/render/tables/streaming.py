"""reports/streaming.md: what streams cost in chunks of several sizes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.registry import SAMPLE_RATE, Entry
from bench.render.contention import describe_contention
from bench.render.estimates import format_span, plus_minus
from bench.render.tables.markdown import markdown_table, plain
from bench.results.measurements import StreamTimes
from bench.results.record import Job, Record, Status, results_of
from bench.results.statistics import Estimate, estimate
from bench.units import format_si, format_significant

EXPLANATION = (
    "A stream gets chunks of one size, one after another. **Latency**: the longest that a sample "
    "waits for its estimate, computing time left out: for its chunk to end, for the hop of the "
    "coarsest resolution to fill, and for the last frame that covers it (the look-ahead). "
    "**Compute**: median time of a chunk, and of the slowest of all. **Real-time factor**: time "
    "of all chunks over their duration at 8 kHz; below 1 the stream keeps up. Medians over "
    "processes, of the compute time with half its interval over them (95 %), or a range, marked "
    "noisy, where half of that is 25 % or more, or there are fewer than 3 processes. † something "
    "else used the processors, as said below the table. **State**: what is remembered between two "
    "chunks."
)
HEADS = (
    "Chunk (samples)",
    "Chunk (ms)",
    "Latency (ms)",
    "Compute (ms)",
    "Slowest (ms)",
    "Real-time factor",
    "MACs of a chunk",
    "State",
)


@dataclass(frozen=True)
class StreamCost:
    """One network in chunks of one size, over all processes that measured it."""

    chunk_samples: int
    latency_s: float
    compute: Estimate  # seconds of a chunk, the middle of the processes' medians
    slowest_s: float  # chunk of all processes
    real_time_factor: float  # the median of the processes'
    macs: float  # of a chunk, on average where chunks are no whole hops
    state_bytes: int
    noise: tuple[str, ...]  # what disturbed the processes that were, each once


def summarize_costs(records: Sequence[Record]) -> list[StreamCost]:
    """The costs of one network by growing chunks, from its records that ended well."""
    by_size: dict[int, list[StreamTimes]] = {}
    for _, found in results_of(StreamTimes, records):
        by_size.setdefault(found.chunk_samples, []).append(found)
    return [_cost(size, measured) for size, measured in sorted(by_size.items())]


def _cost(chunk_samples: int, measured: Sequence[StreamTimes]) -> StreamCost:
    first = measured[0]
    times_s = [found.times_s for found in measured]
    chunk_s = chunk_samples / SAMPLE_RATE
    return StreamCost(
        chunk_samples=chunk_samples,
        latency_s=first.latency_samples / SAMPLE_RATE,
        compute=estimate(times_s),
        slowest_s=max(max(times) for times in times_s),
        real_time_factor=median(sum(times) / (len(times) * chunk_s) for times in times_s),
        macs=first.macs_per_hop * chunk_samples / first.hop_samples,
        state_bytes=first.state_bytes,
        noise=tuple(dict.fromkeys(reason for found in measured if (reason := _disturbance(found)))),
    )


def _disturbance(found: StreamTimes) -> str:
    """What else used the processors; empty where nothing did, or a record is too old to say."""
    if not found.is_contended:
        return ""
    return describe_contention(found.contention) if found.contention else "other work beside it"


def render_streaming(entries: Sequence[Entry], records: Sequence[Record]) -> str:
    """A table for each network, what failed, and where the values come from."""
    sections = ["# The cost of separating a stream", EXPLANATION]
    for entry in entries:
        own = [record for record in records if record.job.model == entry.name]
        costs = summarize_costs(own)
        if costs:
            sections += [
                f"## {plain(entry.display_name)}",
                _lookahead(own),
                _table(costs),
                *_noise(costs),
            ]
    sections += [*_failures(records), "## Where these values come from", _provenance(records)]
    return "\n\n".join(sections) + "\n"


def _lookahead(records: Sequence[Record]) -> str:
    _, found = next(results_of(StreamTimes, records))
    return (
        f"Look-ahead {found.lookahead_samples} samples; the stream advances by "
        f"{found.hop_samples} samples."
    )


def _table(costs: Iterable[StreamCost]) -> str:
    return markdown_table(HEADS, map(cost_cells, costs))


def cost_cells(cost: StreamCost) -> list[str]:
    """The cells of chunks of one size, in the order of ``HEADS``."""
    return [
        str(cost.chunk_samples),
        format_significant(1000 * cost.chunk_samples / SAMPLE_RATE),
        format_significant(1000 * cost.latency_s),
        _compute(cost),
        format_significant(1000 * cost.slowest_s),
        format_significant(cost.real_time_factor),
        format_si(cost.macs, ""),
        format_si(cost.state_bytes, "B"),
    ]


def _compute(cost: StreamCost) -> str:
    """Milliseconds, a mark where they are noisy, and the interval; or a range."""
    compute, mark = cost.compute, "†" if cost.noise else ""
    if not compute.is_trusted:
        low_s, high_s = compute.span
        return format_span((1000 * low_s, 1000 * high_s)) + mark
    interval = plus_minus(compute.interval, compute.value)
    return format_significant(1000 * compute.value) + mark + interval


def _noise(costs: Iterable[StreamCost]) -> Iterable[str]:
    lines = [
        f"- chunks of {cost.chunk_samples}: {'; '.join(cost.noise)}" for cost in costs if cost.noise
    ]
    if lines:
        yield "† Something else used the processors:"
        yield "\n".join(lines)


def _failures(records: Iterable[Record]) -> Iterable[str]:
    lines = dict.fromkeys(
        f"- {record.job.model}, {_asked(record.job)}: {record.status.value}: {record.reason}"
        for record in records
        if record.status != Status.OK
    )
    if lines:
        yield "## What could not be measured"
        yield "\n".join(lines)


def _asked(job: Job) -> str:
    """What was tried: chunks of a size, or what comes before any of them."""
    size = job.workload.chunk_samples
    return job.probe if size is None else f"chunks of {size}"


def _provenance(records: Sequence[Record]) -> str:
    described = [(r.environment, r.job.workload) for r in records if r.environment]
    if not described:
        return "Unknown: no process lived long enough to say."
    environment, workload = described[0]
    processes = 1 + max(record.job.round for record in records)
    return (
        f"- Processor: {environment.machine.cpu}, {workload.threads} of "
        f"{environment.machine.n_available_cpus} processors\n"
        f"- Workload: recorded speech at 8 kHz, batch {workload.batch}, {workload.dtype}, "
        f"{processes} processes for each size\n"
        f"- Versions: torch {environment.versions['torch']}, "
        f"Python {environment.versions['python']}\n"
        f"- Code: commit {environment.code.commit[:12]}"
        f"{', modified' if environment.code.is_modified else ''}\n"
        f"- Started: {min(record.started_at for record in records)}"
    )
