"""From the records of one run to one figure for each quantity of each network."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.errors import UsageError
from bench.registry import NULL, REGISTRY, Entry
from bench.results.published import TABLE1, Published
from bench.results.record import Phase, ProbeName, Record, Status
from bench.results.timing import Timing, summarize_timing


@dataclass(frozen=True)
class Figure:
    """One quantity: its value, or the status and reason why there is none.

    A latency that is noisy, or that some rounds failed to measure, has a value and a reason.
    """

    value: float | None
    status: Status = Status.OK
    reason: str = ""


PHASES: tuple[Phase, ...] = ("inference", "update")
NOT_MEASURED = Figure(None, Status.SKIPPED, "Not part of this run.")


REFERENCE = "sudormrf-1.0x"


@dataclass(frozen=True)
class Quantity:
    """Where a figure comes from: a field of the measurements of one probe."""

    name: str
    probe: ProbeName
    phase: Phase
    field: str


def _both_phases(name: str, probe: ProbeName, field_name: str) -> tuple[Quantity, Quantity]:
    return (
        Quantity(f"{name}_inference", probe, "inference", field_name),
        Quantity(f"{name}_update", probe, "update", field_name),
    )


QUANTITIES = (
    Quantity("n_params", "parameters", "inference", "n_params"),
    Quantity("weight_bytes", "parameters", "inference", "weight_bytes"),
    *_both_phases("macs", "operations", "macs"),
    *_both_phases("flops", "operations", "flops"),
    *_both_phases("peak_rss_bytes", "memory", "peak_rss_bytes"),
    *_both_phases("growth_rss_bytes", "memory", "growth_rss_bytes"),
    *_both_phases("memory_profiler_bytes", "memory", "memory_profiler_bytes"),
    *_both_phases("peak_allocated_bytes", "memory", "peak_allocated_bytes"),
    *_both_phases("weight_bytes", "memory", "weight_bytes"),
    *_both_phases("gradient_bytes", "memory", "gradient_bytes"),
    *_both_phases("optimiser_bytes", "memory", "optimiser_bytes"),
    *_both_phases("activation_bytes", "memory", "activation_bytes"),
    *_both_phases("minimum_bytes", "memory", "minimum_bytes"),
    *_both_phases("latency_s", "latency", "times_s"),
)


@dataclass(frozen=True)
class ModelSummary:
    """One row: a network, its figures by the names of QUANTITIES, and the paper's row."""

    entry: Entry
    figures: Mapping[str, Figure]
    timings: Mapping[Phase, Timing]  # of the phases that were timed
    published: Published | None
    unknown_operators: Mapping[str, int] = field(default_factory=dict)

    def to_explain(self) -> dict[tuple[Status, str], list[str]]:
        """What is missing or doubtful: status and reason, and the quantities that they concern."""
        found: dict[tuple[Status, str], list[str]] = {}
        for name, figure in self.figures.items():
            if figure.reason and figure is not NOT_MEASURED:
                found.setdefault((figure.status, figure.reason), []).append(name)
        return found


@dataclass(frozen=True)
class Summary:
    """All rows of one run, with what is true of each of them."""

    models: tuple[ModelSummary, ...]
    environment: Mapping[str, Any]
    settings: Mapping[str, Any]  # of the workloads: n_samples, batch, dtype, threads, seed
    update_device: str
    started_at: str
    reference: str | None  # the network that ratios of times refer to; None when nothing was timed
    overhead: Timing | None  # of the null model: what the harness adds to every call

    @property
    def environment_name(self) -> str:
        """What inference ran on, by name."""
        name: str = self.environment["machine"]["cpu"] if self.environment else "unknown machine"
        return name

    @property
    def update_device_name(self) -> str:
        """What the update step ran on, by name."""
        if self.update_device != "cuda" or not self.environment:
            return self.environment_name
        name: str = self.environment["machine"]["gpu"]["name"]
        return name


def summarize(records: Sequence[Record]) -> Summary:
    """The figures of the records of one machine and one kind of workload.

    Raises:
        UsageError: no records, or records of different machines, code, releases of torch or
            workloads, which must not share a column.
    """
    if not records:
        raise UsageError("There are no whole records to report on.")
    described = [record for record in records if record.environment]
    _refuse_mixtures(described)
    records = newest_of_each_cell(records)
    overhead = [record for record in records if record.job.model == NULL.name]
    records = [record for record in records if record.job.model != NULL.name]
    if not records:
        raise UsageError("There are only records of the harness's own cost, and none of a network.")
    first = records[0].job.workload
    entries = _entries(records)
    reference = _reference(entries, records)
    return Summary(
        models=tuple(_summarize_model(entry, records, reference) for entry in entries),
        environment=described[0].environment if described else {},
        settings={
            name: getattr(first, name)
            for name in ("n_samples", "batch", "dtype", "threads", "seed")
        },
        update_device=next(
            (r.job.workload.device for r in records if r.job.workload.phase == "update"), "cpu"
        ),
        started_at=min(record.started_at for record in records),
        reference=reference,
        overhead=summarize_timing(overhead, ()),
    )


def newest_of_each_cell(records: Iterable[Record]) -> list[Record]:
    """One record of each cell: a resumed run leaves what failed or was interrupted before."""
    return list({record.job.cell: record for record in records}.values())


def _reference(entries: Sequence[Entry], records: Sequence[Record]) -> str | None:
    """The network that the others' times are compared with: SuDoRM-RF 1.0x, or else the first."""
    timed = {r.job.model for r in records if r.job.probe == "latency" and r.status == Status.OK}
    names = [entry.name for entry in entries if entry.name in timed]
    return next((name for name in names if name == REFERENCE), names[0] if names else None)


def _refuse_mixtures(records: Sequence[Record]) -> None:
    _require_one(
        "machines",
        (
            "{cpu}, {n_available_cpus} processors, {memory_bytes} bytes".format_map(
                record.environment["machine"]
            )
            for record in records
        ),
    )
    updates = [record for record in records if record.job.workload.phase == "update"]
    _require_one("devices of the update step", (_update_device(record) for record in updates))
    _require_one("releases of torch", (r.environment["versions"]["torch"] for r in records))
    _require_one("versions of the code", (_code(record) for record in records))
    for name in ("n_samples", "batch", "dtype", "threads", "seed"):
        _require_one(f"values of {name}", (str(getattr(r.job.workload, name)) for r in records))


def _code(record: Record) -> str:
    """What was measured with: the hash of the sources, or the commit in records without it."""
    code = record.environment["code"]
    return str(code.get("sources_sha256") or code["commit"])


def _update_device(record: Record) -> str:
    gpu = record.environment["machine"]["gpu"]
    device = record.job.workload.device
    return f"{device} ({gpu['name']})" if device == "cuda" and gpu else device


def _require_one(what: str, values: Iterable[str]) -> None:
    different = Counter(values)
    if len(different) > 1:
        raise UsageError(
            f"These records come from different {what}, which can't share a table: "
            f"{'; '.join(different)}. Report on them one at a time."
        )


def _entries(records: Sequence[Record]) -> list[Entry]:
    """The networks of the records: registered ones in the registry's order, then own ones."""
    measured = {record.job.model: record.job.factory for record in records}
    registered = [REGISTRY[name] for name in REGISTRY if name in measured]
    own = [Entry(name, name, path) for name, path in measured.items() if name not in REGISTRY]
    return [*registered, *own]


def _summarize_model(
    entry: Entry, records: Sequence[Record], reference: str | None
) -> ModelSummary:
    own = [record for record in records if record.job.model == entry.name]
    unknown: Counter[str] = Counter()
    for record in own:
        unknown.update(record.measurement.get("unknown_operators", {}))
    timings = {phase: _timing(phase, own, records, reference) for phase in PHASES}
    found = {phase: timing for phase, timing in timings.items() if timing}
    return ModelSummary(
        entry=entry,
        figures={quantity.name: _figure(quantity, own, found) for quantity in QUANTITIES},
        timings=found,
        published=TABLE1.get(entry.name),
        unknown_operators=dict(unknown),
    )


def _timing(
    phase: Phase, own: Sequence[Record], records: Sequence[Record], reference: str | None
) -> Timing | None:
    def timed(candidates: Sequence[Record]) -> list[Record]:
        return [
            record
            for record in candidates
            if (record.job.probe, record.job.workload.phase) == ("latency", phase)
        ]

    others = [record for record in records if record.job.model == reference]
    return summarize_timing(timed(own), timed(others))


def _figure(
    quantity: Quantity, records: Sequence[Record], timings: Mapping[Phase, Timing]
) -> Figure:
    """The quantity's value, or why there is none."""
    of_probe = [
        record
        for record in records
        if record.job.probe == quantity.probe and record.job.workload.phase == quantity.phase
    ]
    if not of_probe:
        return NOT_MEASURED
    failed = [record for record in of_probe if record.status != Status.OK]
    if len(failed) == len(of_probe):
        return Figure(None, failed[0].status, failed[0].reason)
    if quantity.probe == "latency":
        return _latency_figure(timings[quantity.phase], failed, len(of_probe))
    measurement = next(r.measurement for r in reversed(of_probe) if r.status == Status.OK)
    if quantity.field not in measurement:
        unknown = f"{quantity.field} is not known on this device."
        reason = measurement.get(f"{quantity.field}_note", unknown)
        return Figure(None, Status.UNSUPPORTED, reason)
    return Figure(measurement[quantity.field])


def _latency_figure(timing: Timing, failed: Sequence[Record], n_processes: int) -> Figure:
    doubts = [timing.noise] if timing.noise else []
    if failed:
        doubts.append(f"{len(failed)} of {n_processes} rounds failed: {failed[0].reason}")
    return Figure(timing.latency.value, Status.OK, " ".join(doubts))
