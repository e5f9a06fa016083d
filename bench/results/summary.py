"""From the records of one run to one value of each metric of each network."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.errors import UsageError
from bench.registry import KNOWN, NULL, Entry
from bench.results.energy import EnergySummary, find_energy
from bench.results.environment import Environment, MachineState
from bench.results.gpu import GpuSummary, summarize_gpu
from bench.results.measurements import (
    LatencyTimes,
    Launches,
    MemoryPeaks,
    OperationCount,
    Result,
)
from bench.results.metrics import Metric, metrics_of
from bench.results.one_table import is_on_gpu, require_one_run
from bench.results.published import TABLE1, Published
from bench.results.record import Record, Status, broken_networks, results_of
from bench.results.roofline import Roofline, find_roofline
from bench.results.shard_review import Review
from bench.results.statistics import Interval
from bench.results.timing import Doubt, DoubtKind, LatencySummary, summarize_latency
from bench.results.workload import GPU_PHASES, PHASES, Phase, Workload


@dataclass(frozen=True)
class Value:
    """One value, or the status and reason why there is none, or the doubts that it comes with.

    A time that can't be trusted has a ``span`` in the place of a value: where it lies.
    """

    value: float | None
    status: Status = Status.OK
    reason: str = ""
    doubts: tuple[Doubt, ...] = ()
    span: tuple[float, float] | None = None
    interval: Interval | None = None

    @property
    def is_missing(self) -> bool:
        """Neither a number nor a range; status and reason say why."""
        return self.value is None and self.span is None

    @property
    def word(self) -> str:
        """What stands in the place of a number: why there is none."""
        return "not measured" if self == NOT_MEASURED else self.status.value

    @property
    def is_sound(self) -> bool:
        """Nothing is to be said of it."""
        return not self.reason and not self.doubts


NOT_KNOWN_HERE = "Not known on this device."
NOT_MEASURED = Value(None, Status.SKIPPED, "Not part of this run.")


BASE = "sudormrf-1.0x"
"""The network that the times of others are divided by, where it was timed."""


@dataclass(frozen=True)
class ModelSummary:
    """One row: a network, its values by the names of the run's metrics, and the paper's row."""

    entry: Entry
    values: Mapping[str, Value]
    timings: Mapping[Phase, LatencySummary]  # of the phases that were timed
    published: Published | None
    unknown_operators: Mapping[str, int] = field(default_factory=dict)
    gpu: Mapping[Phase, GpuSummary] = field(default_factory=dict)  # of the phases on one

    def to_explain(self) -> dict[Value, list[str]]:
        """What is missing or doubtful, and the metrics that it concerns.

        Values are stripped of their numbers, so that metrics with one reason come together.
        """
        found: dict[Value, list[str]] = {}
        for name, value in self.values.items():
            if not value.is_sound and value is not NOT_MEASURED:
                key = replace(value, value=None, span=None, interval=None)
                found.setdefault(key, []).append(name)
        return found


@dataclass(frozen=True)
class RunSummary:
    """All rows of one run, with what is true of each of them."""

    models: tuple[ModelSummary, ...]
    environment: Environment | None  # None where no process lived to describe it
    state: MachineState | None  # when the first process saw it
    workload: Workload  # of the first record; phase and device differ between columns, rates rows
    update_device: str
    started_at: str
    base: str | None  # the network that ratios of times refer to; None when nothing was timed
    overhead: LatencySummary | None  # of the null model: what the harness adds to every call
    keeps_pages: bool  # the processes that were timed gave no page back to the kernel
    took_turns: bool  # they lived side by side, and their calls took turns
    tf32: bool | None  # where networks ran on a GPU; None: nowhere
    phases: tuple[Phase, ...] = PHASES
    gpu_overhead: LatencySummary | None = None  # of the null model on the GPU
    roofline: Roofline | None = None  # None: no ceilings were measured
    energy: EnergySummary | None = None  # None: nobody asked for it
    shards: Review | None = None  # None: the networks were not dealt to several machines

    @property
    def rates(self) -> tuple[int, ...]:
        """Of the networks' own audio, in Hz."""
        return tuple(sorted({model.entry.sample_rate for model in self.models}))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What each row has a value of, or a reason why not."""
        return metrics_of(self.phases)

    @property
    def base_name(self) -> str:
        """The base network's name for people; empty when nothing was timed."""
        return next((m.entry.display_name for m in self.models if m.entry.name == self.base), "")

    @property
    def gpu_name(self) -> str:
        """The GPU by name."""
        gpu = self.environment.machine.gpu if self.environment else None
        return gpu.name if gpu else "a GPU that nobody described"

    @property
    def environment_name(self) -> str:
        """What inference ran on, by name."""
        return self.environment.machine.cpu if self.environment else "unknown machine"

    @property
    def update_device_name(self) -> str:
        """What the training step ran on, by name."""
        gpu = self.environment.machine.gpu if self.environment else None
        return gpu.name if self.update_device == "cuda" and gpu else self.environment_name


def summarize(records: Sequence[Record]) -> RunSummary:
    """The values of the records of one machine and one kind of workload.

    Raises:
        UsageError: no records, or records of different machines, code, releases of torch or
            workloads, which must not share a column.
    """
    if not records:
        raise UsageError("There are no complete records to report on.")
    require_one_run(records)
    described = [record.environment for record in records if record.environment]
    states = [record.state for record in records if record.state]
    records = newest_of_each_cell(records)
    overhead = [record for record in records if record.job.model == NULL.name]
    records = [record for record in records if record.job.model != NULL.name]
    if not records:
        raise UsageError("There are only records of the harness's own cost, and none of a network.")
    entries = entries_of(records)
    base = _base(entries, records)
    phases = _phases(records)
    return RunSummary(
        models=tuple(_summarize_model(entry, phases, records, base) for entry in entries),
        environment=described[0] if described else None,
        state=states[0] if states else None,
        workload=records[0].job.workload,
        update_device=next(
            (r.job.workload.device for r in records if r.job.workload.phase == "update"), "cpu"
        ),
        started_at=min(record.started_at for record in records),
        base=base,
        overhead=summarize_latency(_in_phase("inference", overhead), ()),
        keeps_pages=any(record.job.workload.keeps_pages for record in records),
        took_turns=any(times.turns is not None for _, times in results_of(LatencyTimes, records)),
        tf32=next((r.job.workload.tf32 for r in records if is_on_gpu(r)), None),
        phases=phases,
        gpu_overhead=summarize_latency(_in_phase("gpu_inference", overhead), ()),
        roofline=find_roofline(records),
        energy=find_energy(records, base),
    )


def _phases(records: Sequence[Record]) -> tuple[Phase, ...]:
    """Inference on a GPU is part of a run that has a record of it."""
    return GPU_PHASES if _in_phase("gpu_inference", records) else PHASES


def _in_phase(phase: Phase, records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.job.workload.phase == phase]


def newest_of_each_cell(records: Iterable[Record]) -> list[Record]:
    """One record of each cell: a resumed run leaves what failed or was interrupted before.

    Where times failed and a later record of the network has some, a resumed run tried again, in
    another round.
    """
    succeeded: set[tuple[object, ...]] = set()
    kept: list[Record] = []
    for record in reversed({record.job.cell: record for record in records}.values()):
        *of_all_rounds, _ = record.job.cell
        if record.status == Status.OK:
            succeeded.add(tuple(of_all_rounds))
        elif record.job.spec.takes_turns and tuple(of_all_rounds) in succeeded:
            continue
        kept.append(record)
    return kept[::-1]


def _base(entries: Sequence[Entry], records: Sequence[Record]) -> str | None:
    """The network that the others' times are compared with."""
    timed = {r.job.model for r in records if r.job.probe == "latency" and r.status == Status.OK}
    return choose_base([entry.name for entry in entries if entry.name in timed])


def choose_base(names: Sequence[str]) -> str | None:
    """Of networks that have times, the one that the others are compared with; None of none."""
    return BASE if BASE in names else next(iter(names), None)


def entries_of(records: Iterable[Record]) -> list[Entry]:
    """The networks of the records: registered ones in the registry's order, then own ones."""
    measured = {record.job.model: record.job for record in records}
    registered = [entry for name, entry in KNOWN.items() if name in measured]
    named = KNOWN.keys() | {NULL.name}
    own = [
        Entry(name, name, job.factory, sample_rate=job.workload.sample_rate)
        for name, job in measured.items()
        if name not in named
    ]
    return [*registered, *own]


def _summarize_model(
    entry: Entry, phases: Sequence[Phase], records: Sequence[Record], base: str | None
) -> ModelSummary:
    own = [record for record in records if record.job.model == entry.name]
    unknown: Counter[str] = Counter()
    for _, count in results_of(OperationCount, own):
        unknown.update(count.unknown_operators)
    timings = {phase: _timing(phase, own, records, base) for phase in phases}
    found = {phase: timing for phase, timing in timings.items() if timing}
    return ModelSummary(
        entry=entry,
        values={metric.name: _value(metric, own, found) for metric in metrics_of(phases)},
        timings=found,
        published=TABLE1.get(entry.name),
        unknown_operators=dict(unknown),
        gpu=_on_gpu(phases, own),
    )


def _on_gpu(phases: Sequence[Phase], own: Sequence[Record]) -> dict[Phase, GpuSummary]:
    there = [record for record in own if record.job.workload.device == "cuda"]
    found = {phase: summarize_gpu(_in_phase(phase, there)) for phase in phases}
    return {phase: summary for phase, summary in found.items() if summary}


def _timing(
    phase: Phase, own: Sequence[Record], records: Sequence[Record], base: str | None
) -> LatencySummary | None:
    def timed(model: str | None, candidates: Sequence[Record]) -> list[Record]:
        return [
            record
            for record in candidates
            if record.job.model == model
            and (record.job.probe, record.job.workload.phase) == ("latency", phase)
        ]

    return summarize_latency(timed(own[0].job.model, own), timed(base, records))


def _value(
    metric: Metric, records: Sequence[Record], timings: Mapping[Phase, LatencySummary]
) -> Value:
    """The metric's value, or why there is none."""
    of_probe = [
        record
        for record in records
        if (record.job.probe, record.job.workload.phase) == (metric.probe, metric.phase)
    ]
    if of_probe:
        return value_of(metric, of_probe, timings.get(metric.phase))
    broken = next(iter(broken_networks(records).values()), None)
    return Value(None, broken.status, broken.reason) if broken else NOT_MEASURED


def value_of(
    metric: Metric, records: Sequence[Record], timing: LatencySummary | None = None
) -> Value:
    """What one network's records of the metric's probe and phase, at least one, say of it.

    ``timing`` is what they say of a time, where one of them succeeded.
    """
    failed = [record for record in records if record.status != Status.OK]
    if len(failed) == len(records):
        return Value(None, failed[0].status, failed[0].reason)
    if metric.spec.takes_time:
        assert timing is not None  # one of them succeeded
        return _latency_value(timing, failed, len(records))
    result = next(r.result for r in reversed(records) if r.status == Status.OK)
    value: float | None = getattr(result, metric.field)
    if value is None:
        notes = result.notes if isinstance(result, MemoryPeaks | Launches) else {}
        return Value(None, Status.UNSUPPORTED, notes.get(metric.field, NOT_KNOWN_HERE))
    return Value(value, doubts=_unknown_operators(result))


def _unknown_operators(result: Result | None) -> tuple[Doubt, ...]:
    """What a count leaves out."""
    unknown = result.unknown_operators if isinstance(result, OperationCount) else {}
    if not unknown:
        return ()
    names = tuple(sorted(unknown))
    return (Doubt(DoubtKind.UNKNOWN_OPERATORS, sum(unknown.values()), causes=names),)


def _latency_value(timing: LatencySummary, failed: Sequence[Record], n_processes: int) -> Value:
    doubts = timing.doubts
    if failed:
        kind = DoubtKind.ROUNDS_FAILED
        doubts += (Doubt(kind, len(failed), n_processes, causes=(failed[0].reason,)),)
    if not timing.latency.is_trusted:
        return Value(None, doubts=doubts, span=timing.latency.span)
    return Value(timing.latency.value, doubts=doubts, interval=timing.latency.interval)
