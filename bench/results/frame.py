"""Values as pandas DataFrames, and those as CSV: the only file that knows pandas."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import pandas as pd

from bench.registry import NULL
from bench.results.environment import Environment
from bench.results.metrics import GPU_METRICS, METRICS
from bench.results.record import Record, Status
from bench.results.summary import Value, newest_of_each_cell, value_of
from bench.results.timing import summarize_latency
from bench.results.workload import Workload

Frame: TypeAlias = pd.DataFrame
Row = dict[str, object]

TYPES = {
    "model": "string",
    "phase": "string",
    "device": "string",
    "quantity": "string",
    "value": "float64",
    "unit": "string",
    "low": "float64",
    "high": "float64",
    "status": "string",
    "reason": "string",
    "doubts": "string",
    "n_samples": "int64",
    "batch": "int64",
    "dtype": "string",
    "tf32": "bool",
    "threads": "int64",
    "seed": "int64",
    "runtime": "string",
    "keeps_pages": "bool",
    "machine": "string",
    "torch": "string",
    "commit": "string",
    "is_modified": "boolean",
    "started_at": "string",
    "file": "string",
}
"""The columns of the tidy form, one row a value, with pandas' names of their types."""
SETTINGS = ("n_samples", "batch", "dtype", "tf32", "threads", "seed", "runtime", "keeps_pages")


class Provenance(NamedTuple):
    """Where and with what code a value was measured; None where no process lived to say so."""

    machine: str | None = None
    torch: str | None = None
    commit: str | None = None
    is_modified: bool | None = None


class Cell(NamedTuple):
    """What the records of one value, or of one probe's values, have in common."""

    model: str
    probe: str
    workload: Workload
    place: Provenance


def make_frame(rows: Sequence[Mapping[str, object]]) -> Frame:
    """A row for each mapping, with the columns of the first; values stay what they are."""
    columns = list(rows[0])
    return Frame([[row[name] for name in columns] for row in rows], columns=columns, dtype=object)


def make_tidy(rows: Sequence[Row]) -> Frame:
    """The tidy form of ``list_values``; times when measuring began are pandas' own, in UTC."""
    frame = make_frame(rows) if rows else Frame(columns=list(TYPES), dtype=object)
    frame = frame.astype(TYPES)
    began = pd.to_datetime(frame["started_at"], format="ISO8601", utc=True)
    return frame.assign(started_at=began)


def to_csv(frame: Frame) -> str:
    """Every number as it is, to the last bit; what is not there is empty."""
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text


def list_values(records: Iterable[Record], file: str = "") -> Iterator[Row]:
    """A row for each value of some records, in the order in which they were measured.

    A network that broke its contract has a row ``contract`` that says how.
    """
    kept = [r for r in newest_of_each_cell(records) if r.job.model != NULL.name]
    places = {_place(record.environment) for record in kept if record.environment}
    only = next(iter(places)) if len(places) == 1 else Provenance()
    found: dict[Cell, list[Record]] = {}
    for record in kept:
        place = _place(record.environment) if record.environment else only
        cell = Cell(record.job.model, record.job.probe, record.job.workload, place)
        found.setdefault(cell, []).append(record)
    for cell, own in found.items():
        for quantity, value in _values(cell, own):
            yield {
                **_describe(cell, quantity, value),
                "started_at": min(record.started_at for record in own),
                "file": file,
            }


def _place(environment: Environment) -> Provenance:
    code, torch = environment.code, environment.versions["torch"]
    return Provenance(environment.machine.identity, torch, code.commit, code.is_modified)


class Quantity(NamedTuple):
    """What a value is of; ``phase`` is None for what is of the network alone."""

    name: str
    unit: str
    phase: str | None


def _values(cell: Cell, records: Sequence[Record]) -> Iterator[tuple[Quantity, Value]]:
    """The value of each metric of a cell."""
    timing = summarize_latency(records, ()) if records[0].job.spec.takes_turns else None
    for metric in (*METRICS, *GPU_METRICS):
        if (metric.probe, metric.phase) == (cell.probe, cell.workload.phase):
            phase = None if metric.name == metric.field else metric.phase
            quantity = Quantity(metric.field, metric.unit, phase)
            yield quantity, value_of(metric, records, timing)
    last = records[-1]
    if last.job.spec.comes_first and last.status != Status.OK:
        yield Quantity(cell.probe, "", None), Value(None, last.status, last.reason)


def _describe(cell: Cell, quantity: Quantity, value: Value) -> Row:
    ends = value.interval and (value.interval.low, value.interval.high)
    low, high = value.span or ends or (None, None)
    return {
        "model": cell.model,
        "phase": quantity.phase,
        "device": cell.workload.device,
        "quantity": quantity.name,
        "value": value.value,
        "unit": quantity.unit,
        "low": low,
        "high": high,
        "status": value.status.value,
        "reason": value.reason,
        "doubts": " ".join(doubt.kind for doubt in value.doubts),
        **{name: getattr(cell.workload, name) for name in SETTINGS},
        **cell.place._asdict(),
    }
