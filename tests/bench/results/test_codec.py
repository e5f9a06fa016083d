"""Records survive the way to the disk and back, and what is none is refused with a reason."""

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass, replace
from dataclasses import fields as fields_of
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.codec import (
    SCHEMA,
    EnvironmentLine,
    RecordError,
    decode_line,
    encode_environment,
    encode_record,
    encode_result,
)
from bench.results.environment import Environment, GpuReading, MachineState
from bench.results.measurements import LatencyTimes, Result
from bench.results.probes import PROBES
from bench.results.record import Job, Record, Status
from bench.results.shard import Shard
from tests.bench.example_records import ENVIRONMENT, GPU, environment, make_job, make_record
from tests.bench.example_results import measured

text = st.text(max_size=30)
PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: text,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
}


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value of a type, with every field of a dataclass drawn, also those with a default."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and is_dataclass(annotation):
        hints = get_type_hints(annotation)
        return st.builds(annotation, **{name: values_of(hint) for name, hint in hints.items()})
    if get_origin(annotation) is UnionType:
        return st.one_of([values_of(argument) for argument in arguments])
    if get_origin(annotation) is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if get_origin(annotation) is Mapping:
        return st.dictionaries(text, values_of(arguments[1]), max_size=3)
    return PLAIN[annotation] if annotation in PLAIN else st.from_type(annotation)


JOBS, ENVIRONMENTS, STATES = (values_of(kind) for kind in (Job, Environment, MachineState))
RESULTS = {probe: values_of(spec.result) for probe, spec in PROBES.items()}
FAILURES = st.builds(
    Record,
    job=JOBS,
    status=st.sampled_from([status for status in Status if status != Status.OK]),
    reason=text,
    result=st.none(),
    environment=st.none() | ENVIRONMENTS,
    started_at=text,
    elapsed_s=PLAIN[float],
    state=st.none() | STATES,
    stderr_tail=text,
    shard=st.none() | values_of(Shard),
)


def decode(line: str, *environments: Environment | None) -> Record | EnvironmentLine:
    return decode_line(line.encode(), {each.identity: each for each in environments if each})


@pytest.mark.parametrize("probe", PROBES)
@given(data=st.data())
def test_any_result_comes_back_as_it_went(probe: str, data: st.DataObject) -> None:
    record = make_record(make_job(probe=probe), data.draw(RESULTS[probe]))
    line = encode_record(record)
    assert line.encode().splitlines() == [line.encode()]
    found = decode(line, ENVIRONMENT)
    assert found == record
    assert isinstance(found, Record)
    assert type(found.result) is PROBES[probe].result


@given(FAILURES)
def test_any_record_comes_back_as_it_went(record: Record) -> None:
    line = encode_record(record)
    assert line.encode().splitlines() == [line.encode()]
    found = decode(line, record.environment)
    assert found == record
    assert isinstance(found, Record)
    assert isinstance(found.status, Status)


@given(ENVIRONMENTS)
def test_any_environment_comes_back_as_it_went_with_its_id(environment: Environment) -> None:
    found = decode(encode_environment(environment))
    assert found == EnvironmentLine(environment.identity, environment)
    assert isinstance(found, EnvironmentLine)
    assert found.environment.identity == environment.identity


def test_no_line_holds_what_names_one_card() -> None:
    """Records are published. The measuring process may still tell its parent."""
    described = environment(machine={"gpu": replace(GPU, uuid="6a1f2b3c-0d4e")})
    line = encode_environment(described)
    assert "6a1f2b3c" not in line
    found = decode(line)
    assert isinstance(found, EnvironmentLine)
    assert found.environment.machine.gpu == GPU
    assert found.id == described.identity == found.environment.identity


def test_what_is_not_known_is_left_out() -> None:
    fields = encode_result(LatencyTimes((0.5,)))
    assert fields["times_s"] == (0.5,)
    assert not {"first_time_s", "contention", "gpu_before"} & fields.keys()


def holding(value: float) -> list[Record]:
    """The value in a field, in a mapping, in an object of a result, and outside of the result."""
    record = make_record(make_job())
    return [
        replace(record, result=result)
        for result in (
            LatencyTimes((value,)),
            LatencyTimes((1.0,), parts_s={"forward": (value,)}),
            LatencyTimes((1.0,), gpu_during=GpuReading(power_w=value)),
        )
    ] + [replace(record, elapsed_s=value)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_word_for_is_not_written(value: float) -> None:
    for record in holding(value):
        with pytest.raises(ValueError, match="JSON compliant"):
            encode_record(record)


def stored(probe: str = "latency") -> dict[str, Any]:
    """The fields of a record's line."""
    fields: dict[str, Any] = json.loads(encode_record(make_record(make_job(probe=probe))))
    return fields


def spoilt(**changes: Any) -> str:
    fields = stored() | changes
    return json.dumps({name: value for name, value in fields.items() if value != "absent"})


JOB = stored()["job"]
NOT_RECORDS = {
    "nothing": ("", "not JSON"),
    "torn": (encode_record(make_record(make_job()))[:-5], "not JSON"),
    "list": ("[1, 2]", "no field `schema`"),
    "number": ("7", "no field `schema`"),
    "other object": ('{"status": "ok"}', "no field `schema`"),
    "newer": (spoilt(schema=SCHEMA + 1), f"schema {SCHEMA + 1}, and this version reads schemas 1"),
    "older": (spoilt(schema=0), "schema 0, and this version reads schemas 1"),
    "field missing": (spoilt(elapsed_s="absent"), "elapsed_s"),
    "field of another type": (spoilt(elapsed_s="long"), r"\$\.elapsed_s"),
    "job missing": (spoilt(job="absent"), "job"),
    "job torn": (spoilt(job=JOB | {"workload": 3}), r"not a complete record: .*\$\.job\.workload"),
    "workload field missing": (spoilt(job=JOB | {"workload": {"speed": 1}}), "phase"),
    "status unknown": (spoilt(status="fine"), "fine"),
    "probe unknown": (spoilt(job=JOB | {"probe": "guess"}), "no probe 'guess'"),
    "environment unknown": (spoilt(environment="ff"), "environment 'ff' stands nowhere before it"),
    "no result": (spoilt(result=None), "status is ok and it has no result"),
    "result is no object": (spoilt(result=[1]), r"\$\.result"),
    "result field missing": (spoilt(result={}), "times_s"),
    "result field of another type": (spoilt(result={"times_s": [1.0, "fast"]}), r"times_s\[1\]"),
}


@pytest.mark.parametrize("case", NOT_RECORDS)
def test_what_is_no_record_is_refused_with_the_reason(case: str) -> None:
    line, reason = NOT_RECORDS[case]
    with pytest.raises(RecordError, match=reason):
        decode(line, ENVIRONMENT)


STORED = [(probe, name) for probe in PROBES for name in stored(probe)["result"]]
REQUIRED = [
    (probe, field.name)
    for probe, spec in PROBES.items()
    for field in fields_of(spec.result)
    if field.default is field.default_factory is MISSING
]


@pytest.mark.parametrize(("probe", "name"), STORED)
def test_a_field_of_a_result_that_is_mistyped_is_named(probe: str, name: str) -> None:
    fields = stored(probe)
    fields["result"][name] = {"of": ["another", "type"]}
    with pytest.raises(RecordError, match=rf"\$\.{name}"):
        decode(json.dumps(fields), ENVIRONMENT)


@pytest.mark.parametrize(("probe", "name"), REQUIRED)
def test_a_field_of_a_result_that_is_missing_is_named(probe: str, name: str) -> None:
    fields = stored(probe)
    del fields["result"][name]
    with pytest.raises(RecordError, match=f"missing required field `{name}`"):
        decode(json.dumps(fields), ENVIRONMENT)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("1" * 5000, id="number too long"),
        pytest.param("[" * 100_000, id="nested too deep"),
        pytest.param('{"schema": 1}', id="nothing of the first release"),
        pytest.param('{"schema": 2, "id": "ff"}', id="an id of no environment"),
        pytest.param('{"schema": 2, "id": 7, "environment": {}}', id="environment of nothing"),
    ],
)
def test_rarer_damage_is_refused_too(line: str) -> None:
    with pytest.raises(RecordError):
        decode(line, ENVIRONMENT)


def test_fields_of_a_later_version_are_passed_over() -> None:
    """Who adds an optional field need not change the schema."""
    record = make_record(make_job())
    fields = stored() | {"colour": "red"}
    fields["job"] = JOB | {"speed": 1, "workload": JOB["workload"] | {"speed": 1}}
    fields["result"] = fields["result"] | {"energy_j": 1.0}
    assert decode(json.dumps(fields), ENVIRONMENT) == record


def test_a_record_that_says_nothing_of_the_number_of_sources_is_read() -> None:
    record = make_record(make_job())
    fields = stored()
    del fields["job"]["n_src"]
    assert decode(json.dumps(fields), ENVIRONMENT) == record


def test_a_result_is_of_its_own_probe() -> None:
    """What one probe found is no result of another: its fields are missing."""
    memory: Result = measured(1.0, make_job(probe="memory"))
    record = make_record(make_job(probe="operations"), memory)
    with pytest.raises(RecordError, match="macs"):
        decode(encode_record(record), ENVIRONMENT)
