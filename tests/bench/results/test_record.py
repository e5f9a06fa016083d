"""Records survive the way to the disk and back, and what is none is refused with a reason."""

import json
import math
from dataclasses import asdict
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.measurements import LatencyTimes
from bench.results.record import (
    SCHEMA,
    Job,
    Phase,
    ProbeName,
    Record,
    RecordError,
    Status,
    Workload,
)
from tests.bench.example_records import make_job, make_record

finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(text, values, max_size=4)
workloads = st.builds(Workload, phase=st.sampled_from(get_args(Phase)))
jobs = st.builds(
    Job,
    workload=workloads,
    probe=st.sampled_from(get_args(ProbeName)),
    budget_s=finite,
    deadline_s=finite,
)
records = st.builds(
    Record,
    job=jobs,
    status=st.sampled_from(Status),
    reason=text,
    measurement=objects,
    environment=objects,
    elapsed_s=finite,
    stderr_tail=text,
    schema=st.just(SCHEMA),
)


@given(records)
def test_any_record_comes_back_as_it_went(record: Record) -> None:
    line = record.to_json()
    assert Record.from_json(line) == record
    assert isinstance(Record.from_json(line).status, Status)


@given(records)
def test_a_record_is_one_line(record: Record) -> None:
    assert record.to_json().encode().splitlines() == [record.to_json().encode()]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_word_for_is_not_written(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        make_record(make_job(), LatencyTimes((value,))).to_json()


def spoilt(**changes: Any) -> str:
    fields = asdict(make_record(make_job())) | changes
    return json.dumps({name: value for name, value in fields.items() if value != "absent"})


JOB = asdict(make_job())
NOT_RECORDS = {
    "nothing": ("", "not JSON"),
    "torn": (make_record(make_job()).to_json()[:-5], "not JSON"),
    "list": ("[1, 2]", "no field `schema`"),
    "number": ("7", "no field `schema`"),
    "other object": ('{"status": "ok"}', "no field `schema`"),
    "newer": (spoilt(schema=SCHEMA + 1), f"schema {SCHEMA + 1}, and this version reads schema"),
    "older": (spoilt(schema=0), "schema 0, and this version reads schema"),
    "field missing": (spoilt(elapsed_s="absent"), "elapsed_s"),
    "field unknown": (spoilt(colour="red"), "colour"),
    "job missing": (spoilt(job="absent"), "job"),
    "job torn": (spoilt(job=JOB | {"workload": 3}), "not a whole record"),
    "workload field unknown": (spoilt(job=JOB | {"workload": {"speed": 1}}), "speed"),
    "status unknown": (spoilt(status="fine"), "fine"),
}


@pytest.mark.parametrize("case", NOT_RECORDS)
def test_what_is_no_record_is_refused_with_the_reason(case: str) -> None:
    line, reason = NOT_RECORDS[case]
    with pytest.raises(RecordError, match=reason):
        Record.from_json(line)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("1" * 5000, id="number too long"),
        pytest.param("[" * 100_000, id="nested too deep"),
        pytest.param(spoilt(measurement=None), id="measurement is no object"),
        pytest.param(spoilt(elapsed_s="long"), id="time is no number"),
    ],
)
def test_rarer_damage_is_refused_too(line: str) -> None:
    with pytest.raises(RecordError):
        Record.from_json(line)


def test_a_record_that_says_nothing_of_the_number_of_sources_is_read() -> None:
    record = make_record(make_job())
    fields = json.loads(record.to_json())
    del fields["job"]["n_src"]
    assert Record.from_json(json.dumps(fields)) == record
