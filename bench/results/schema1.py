"""Records of the first release, read as today's.

Each line held its own environment, and results were objects without types. What a record of that
time does not hold stays None. A stream's chunk size stood in ``n_samples``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from bench.results.environment import Environment, MachineState
from bench.results.probes import PROBES
from bench.results.record import Job, Record, Status

STREAMED_SAMPLES = 32000
"""At least so many were streamed, in chunks."""

Fields = Mapping[str, Any]
Value = TypeVar("Value")


def record_from_schema1(fields: Fields) -> Record:
    """A line of the first release.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or of another type.
    """
    job = msgspec.convert(fields["job"], Job)
    status = Status(fields["status"])
    described: Fields = fields["environment"]
    environment = msgspec.convert(described, Environment) if described else None
    result = None
    if status == Status.OK:
        found = TRANSLATIONS.get(job.probe, dict)(fields["measurement"])
        result = msgspec.convert(_with_place(found, job, environment), PROBES[job.probe].result)
    if job.probe == "streaming":
        job = _with_chunk(job)
    return Record(
        job=job,
        status=status,
        reason=_typed(str, fields["reason"]),
        result=result,
        environment=environment,
        started_at=_typed(str, fields["started_at"]),
        elapsed_s=_typed(float, fields["elapsed_s"]),
        state=_state(described),
        stderr_tail=_typed(str, fields.get("stderr_tail", "")),
    )


def _typed(kind: type[Value], value: object) -> Value:
    return msgspec.convert(value, kind)


def _state(described: Fields) -> MachineState | None:
    state = described.get("state")
    return None if state is None else msgspec.convert(state, MachineState)


def _with_chunk(job: Job) -> Job:
    chunk_samples = job.workload.n_samples
    n_samples = max(STREAMED_SAMPLES, chunk_samples)
    return replace(
        job, workload=replace(job.workload, n_samples=n_samples, chunk_samples=chunk_samples)
    )


def _with_place(found: dict[str, Any], job: Job, environment: Environment | None) -> Fields:
    """The columns of contention with the threads and processors that they are about."""
    columns = found.get("contention")
    if not isinstance(columns, dict):
        return found
    n_cpus = environment.machine.n_cpus if environment else None
    place = {"threads": job.workload.threads, "n_cpus": n_cpus}
    return found | {"contention": columns | place}


def _operations(found: Fields) -> dict[str, Any]:
    """Multiply-adds stood in operators of the kind "product"."""
    operators = {
        name: tally | ({"kind": "matmul"} if tally["kind"] == "product" else {})
        for name, tally in found["operators"].items()
    }
    return dict(found) | {"operators": operators}


def _memory(found: Fields) -> dict[str, Any]:
    suffix = "_note"
    notes = {
        name.removesuffix(suffix): text for name, text in found.items() if name.endswith(suffix)
    }
    return {name: v for name, v in found.items() if not name.endswith(suffix)} | {"notes": notes}


def _latency(found: Fields) -> dict[str, Any]:
    """Reasons in words are left out: the columns say the same in numbers."""
    columns = found.get("contention")
    if columns is None:
        return dict(found)
    return dict(found) | {
        "contention": columns if "wait_s" in columns else None,
        "is_series_contended": columns.get("is_series_contended"),
    }


def _counters(found: Fields) -> dict[str, Any]:
    is_update = {name: name.endswith("_update") for name in found}
    return {
        "inference": {name: found[name] for name in found if not is_update[name]},
        "update": {name.removesuffix("_update"): found[name] for name in found if is_update[name]},
    }


def _streaming(found: Fields) -> dict[str, Any]:
    contention = found.get("contention") or {}
    return dict(found) | {"contention": None, "is_contended": contention.get("is_contended")}


TRANSLATIONS: Mapping[str, Callable[[Fields], dict[str, Any]]] = {
    "operations": _operations,
    "memory": _memory,
    "latency": _latency,
    "counters": _counters,
    "streaming": _streaming,
}
"""What a probe's object of that time becomes; others have today's fields already."""
