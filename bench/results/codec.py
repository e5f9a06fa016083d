"""Records as lines of JSON, and back.

A file holds two kinds of lines. ``{"schema": 2, "environment": {...}, "id": "..."}`` says where
the records after it were made, once for all of them; a record names it by its id.

Schema versions:
    1  each line a whole record with its environment, fields without types (``schema1``).
    2  typed results, environments apart. What came later has a default, which stands for it in
       older lines: the shard of a plan, say.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.results.environment import Environment, MachineState
from bench.results.measurements import Result
from bench.results.probes import PROBES
from bench.results.record import Job, Record, Status
from bench.results.schema1 import record_from_schema1
from bench.results.shard import Shard

SCHEMA = 2


class RecordError(ValueError):
    """A line of a record file that can't be read: says what is wrong with it."""


@dataclass(frozen=True)
class EnvironmentLine:
    """Where the records of a file were made that name it."""

    id: str
    environment: Environment
    schema: int = SCHEMA


@dataclass(frozen=True)
class _RecordLine:
    """A record as it stands in a file."""

    job: Job
    status: Status
    reason: str
    result: Mapping[str, Any] | None
    environment: str | None
    started_at: str
    elapsed_s: float
    state: MachineState | None = None
    stderr_tail: str = ""
    shard: Shard | None = None
    schema: int = SCHEMA


def encode_environment(environment: Environment) -> str:
    """The line that stands before the first record of an environment; no UUID is in it."""
    return _encode(EnvironmentLine(environment.identity, environment.without_uuid()))


def encode_record(record: Record) -> str:
    """One line of a record file.

    Raises:
        ValueError: a value is NaN or infinite, for which JSON has no word.
    """
    environment = record.environment
    line = _RecordLine(
        job=record.job,
        status=record.status,
        reason=record.reason,
        result=None if record.result is None else encode_result(record.result),
        environment=None if environment is None else environment.identity,
        started_at=record.started_at,
        elapsed_s=record.elapsed_s,
        state=record.state,
        stderr_tail=record.stderr_tail,
        shard=record.shard,
    )
    return _encode(line)


def encode_result(result: Result) -> dict[str, Any]:
    """A result as plain values; what it does not know is left out."""
    fields: dict[str, Any] = msgspec.to_builtins(result)
    return {name: value for name, value in fields.items() if value is not None}


def decode_result(probe: str, fields: object) -> Result:
    """The result of a probe.

    Raises:
        RecordError: a field is missing or of another type; it is named.
    """
    try:
        return msgspec.convert(fields, PROBES[probe].result)
    except KeyError as error:
        raise RecordError(f"there is no probe {probe!r}") from error
    except msgspec.ValidationError as error:
        raise RecordError(str(error)) from error


def decode_line(line: bytes, environments: Mapping[str, Environment]) -> Record | EnvironmentLine:
    """The record or environment that a line holds; ``environments`` are those of lines before.

    Raises:
        RecordError: not JSON, of another schema, or with a field that is missing or of another
            type.
    """
    try:
        fields = json.loads(line.decode())  # msgspec refuses file names that are not Unicode
    except (RecursionError, ValueError) as error:
        raise RecordError(f"not JSON ({error})") from error
    if not isinstance(fields, dict) or "schema" not in fields:
        raise RecordError("not a record: it has no field `schema`")
    try:
        if fields["schema"] == 1:
            return record_from_schema1(fields)
        if fields["schema"] == SCHEMA:
            return _decode(fields, environments)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordError(f"not a complete record: {error}") from error
    raise RecordError(
        f"written with schema {fields['schema']}, and this version reads schemas 1 to {SCHEMA}"
    )


def _decode(
    fields: Mapping[str, Any], environments: Mapping[str, Environment]
) -> Record | EnvironmentLine:
    if "id" in fields:
        return msgspec.convert(fields, EnvironmentLine)
    line = msgspec.convert(fields, _RecordLine)
    if line.environment is not None and line.environment not in environments:
        raise RecordError(f"its environment {line.environment!r} stands nowhere before it")
    if line.status == Status.OK and line.result is None:
        raise RecordError("its status is ok and it has no result")
    return Record(
        job=line.job,
        status=line.status,
        reason=line.reason,
        result=None if line.result is None else decode_result(line.job.probe, line.result),
        environment=None if line.environment is None else environments[line.environment],
        started_at=line.started_at,
        elapsed_s=line.elapsed_s,
        state=line.state,
        stderr_tail=line.stderr_tail,
        shard=line.shard,
    )


def _encode(line: EnvironmentLine | _RecordLine) -> str:
    return json.dumps(msgspec.to_builtins(line), allow_nan=False, separators=(",", ":"))
