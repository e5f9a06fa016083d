"""Records of the first release: all that were committed are read, and nothing in them changes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench.results.codec import RecordError, decode_line
from bench.results.environment import MachineState
from bench.results.measurements import (
    CounterComparison,
    CounterResult,
    LatencyTimes,
    MemoryPeaks,
    OperationCount,
    Result,
    StreamTimes,
    Tally,
)
from bench.results.probes import PROBES
from bench.results.record import Record, Status
from bench.results.store import read_records
from tests.bench.example_records import ENVIRONMENT, make_job

FOLDER = Path(__file__).parents[3] / "reports" / "records"
FILES = [str(path.relative_to(FOLDER)) for path in sorted(FOLDER.rglob("*.jsonl"))]
Fields = Mapping[str, Any]


@cache
def of_the_first_release(name: str) -> list[tuple[Fields, Record]]:
    """Each such line of a committed file as it stands there and as it is read."""
    lines = map(json.loads, (FOLDER / name).read_bytes().splitlines())
    stored = [fields for fields in lines if "job" in fields]
    found = zip(stored, read_records(FOLDER / name).records, strict=True)
    return [(fields, record) for fields, record in found if fields["schema"] == 1]


def pairs(name: str, probe: str) -> Iterator[tuple[Fields, Record]]:
    """Those of one probe."""
    return (pair for pair in of_the_first_release(name) if pair[1].job.probe == probe)


def test_there_are_committed_records() -> None:
    assert len(FILES) > 20
    found = {record.job.probe for name in FILES for _, record in of_the_first_release(name)}
    younger = {"contract", "launches", "profile", "trace", "forecast", "ceilings", "energy"}
    assert found == PROBES.keys() - younger


@pytest.mark.parametrize("name", FILES)
def test_every_committed_file_is_read_without_a_bad_line(name: str) -> None:
    records, bad_lines = read_records(FOLDER / name)
    assert records
    assert bad_lines == ()
    for record in records:
        is_ok = record.status == Status.OK
        assert type(record.result) is (PROBES[record.job.probe].result if is_ok else type(None))


@pytest.mark.parametrize("name", FILES)
def test_verdicts_from_the_columns_are_those_that_were_stored(name: str) -> None:
    for fields, record in pairs(name, "latency"):
        assert isinstance(record.result, LatencyTimes)
        assert list(record.result.times_s) == fields["measurement"]["times_s"]
        columns = fields["measurement"].get("contention", {})
        verdicts = [call.is_contended for call in record.result.calls]
        assert verdicts == columns.get("is_contended", [])
        assert record.result.is_series_contended == columns.get("is_series_contended")


@pytest.mark.parametrize("name", FILES)
def test_multiply_adds_of_committed_counts_are_all_in_matmuls(name: str) -> None:
    for fields, record in pairs(name, "operations"):
        assert isinstance(record.result, OperationCount)
        assert record.result.of_kind("matmul").macs == record.result.macs
        assert record.result.macs == fields["measurement"]["macs"]
        assert record.result.operators.keys() == fields["measurement"]["operators"].keys()


def without_none(value: Any) -> Any:
    """Without the fields that records of that time do not hold."""
    if isinstance(value, dict):
        return {key: without_none(v) for key, v in value.items() if v is not None}
    return [without_none(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", FILES)
def test_numbers_and_texts_of_committed_results_are_kept(name: str) -> None:
    """Of the probes whose objects have today's fields."""
    for probe in ("parameters", "layers", "scaling"):
        for fields, record in pairs(name, probe):
            assert record.result is not None
            kept = json.loads(json.dumps(asdict(record.result)))
            assert without_none(kept) == fields["measurement"]


def decode(probe: str, measurement: object, **fields: Any) -> Record:
    """A line of the first release."""
    job = asdict(make_job(probe=probe, n_samples=fields.pop("n_samples", 8000)))
    del job["workload"]["chunk_samples"]
    state = {"load_average": [1.0, 2.0, 3.0], "governor": "performance"}
    line = {
        "job": job,
        "status": "ok",
        "reason": "",
        "measurement": measurement,
        "environment": asdict(ENVIRONMENT) | {"state": state},
        "started_at": "2026-01-02T03:04:05+00:00",
        "elapsed_s": 1.25,
        "stderr_tail": "",
        "schema": 1,
    } | fields
    text = json.dumps({name: value for name, value in line.items() if value != "absent"})
    record = decode_line(text.encode(), {})
    assert isinstance(record, Record)
    return record


def result_of(probe: str, measurement: Fields) -> Result | None:
    return decode(probe, measurement).result


def test_the_environment_of_the_line_is_the_records_and_its_state_apart() -> None:
    record = decode("latency", {"times_s": [0.5]})
    assert record.environment == ENVIRONMENT
    assert record.state == MachineState(load_average=(1.0, 2.0, 3.0), governor="performance")
    assert record.job == make_job()
    assert record.result == LatencyTimes((0.5,))


def test_a_failure_has_its_reason_and_no_environment_where_there_was_none() -> None:
    record = decode("latency", {}, status="killed", reason="It died.", environment={})
    assert (record.status, record.reason) == (Status.KILLED, "It died.")
    assert (record.result, record.environment, record.state) == (None, None, None)


COLUMNS: dict[str, Any] = {
    "wait_s": [0.1, None],
    "involuntary_switches": [1, 2],
    "others_cpu_s": [0.0, 0.5],
    "steal_s": [0.0, 0.0],
    "pressure_s": [0.0, None],
    "n_others_running": [0, 1],
}
VERDICTS: dict[str, Any] = {
    "is_contended": [True, True],
    "reasons": ["waited 100 ms of 500 ms", "others used 1.0 of 4 processors"],
    "is_series_contended": False,
    "series_reason": "",
}


def test_columns_of_contention_get_the_threads_and_processors_that_they_are_about() -> None:
    found = result_of("latency", {"times_s": [0.5, 0.6], "contention": COLUMNS | VERDICTS})
    assert isinstance(found, LatencyTimes)
    assert found.contention
    assert (found.contention.threads, found.contention.n_cpus) == (2, 4)
    assert [call.wait_s for call in found.calls] == COLUMNS["wait_s"]
    assert [call.wall_s for call in found.calls] == [0.5, 0.6]
    assert [call.n_others_running for call in found.calls] == COLUMNS["n_others_running"]
    assert found.is_series_contended is False


def test_a_machine_without_counters_had_verdicts_alone() -> None:
    silent = {"is_contended": [None], "reasons": [], "is_series_contended": None}
    found = result_of("latency", {"times_s": [0.5], "contention": silent})
    assert found == LatencyTimes((0.5,))


@pytest.mark.parametrize(("chunk", "streamed"), [(160, 32000), (64000, 64000)])
def test_the_chunks_of_a_stream_stood_in_the_number_of_samples(chunk: int, streamed: int) -> None:
    """At least 32,000 samples were streamed, and at least one chunk."""
    times = {
        "chunk_samples": chunk,
        "hop_samples": 160,
        "lookahead_samples": 20,
        "latency_samples": 180,
        "state_bytes": 7,
        "macs_per_hop": 8,
        "times_s": [0.25],
    }
    verdict = {"contention": {"is_contended": True, "reason": "waited 9 ms of 90 ms"}}
    record = decode("streaming", times | verdict, n_samples=chunk)
    assert record.job.workload.chunk_samples == chunk
    assert record.job.workload.n_samples == streamed
    assert record.result == StreamTimes(chunk, 160, 20, 180, 7, 8, (0.25,), None, is_contended=True)


def test_a_stream_that_failed_has_its_chunks_too() -> None:
    record = decode("streaming", {}, n_samples=320, status="timeout", reason="Slow.")
    assert record.job.workload.chunk_samples == 320


@pytest.mark.parametrize("name", [n for n in FILES if n.startswith("streaming")])
def test_committed_streams_were_cut_into_the_chunks_of_their_result(name: str) -> None:
    for fields, record in pairs(name, "streaming"):
        assert isinstance(record.result, StreamTimes)
        assert record.job.workload.chunk_samples == record.result.chunk_samples
        assert record.result.chunk_samples == fields["job"]["workload"]["n_samples"]
        assert record.result.is_contended == fields["measurement"]["contention"]["is_contended"]


def test_notes_of_memory_are_by_field() -> None:
    peaks = {
        "peak_allocated_bytes": 10,
        "weight_bytes": 1,
        "gradient_bytes": 2,
        "optimiser_bytes": 3,
        "activation_bytes": 4,
        "minimum_bytes_note": "It was not traced.",
    }
    expected = MemoryPeaks(10, 1, 2, 3, 4, notes={"minimum_bytes": "It was not traced."})
    assert result_of("memory", peaks) == expected


def test_counters_of_a_training_step_stood_beside_those_of_a_forward() -> None:
    counts = {
        "ours": {"macs": 1.0, "flops": 2, "elapsed_s": 0.5},
        "torch": {"reason": "It failed."},
        "ours_update": {"macs": 3, "flops": 4},
        "torch_update": {"macs": 5.0},
    }
    assert result_of("counters", counts) == CounterComparison(
        inference={"ours": CounterResult(1.0, 2, 0.5), "torch": CounterResult(reason="It failed.")},
        update={"ours": CounterResult(3, 4), "torch": CounterResult(5.0)},
    )


def test_operators_of_the_kind_product_are_matmuls_and_others_as_they_were() -> None:
    product = {"kind": "product", "calls": 1, "macs": 2, "flops": 4}
    count = {
        "macs": 2,
        "flops": 9,
        "counted_on": "meta",
        "operators": {
            "convolution": product | {"bytes_read": 5, "bytes_written": 6},
            "relu": {"kind": "elementwise", "calls": 1, "flops": 5},
            "view": {"kind": "movement", "calls": 2, "reason": "a view"},
            "fft": {"kind": "unknown", "calls": 3},
        },
        "unknown_operators": {"fft": 3},
    }
    found = result_of("operations", count)
    assert isinstance(found, OperationCount)
    assert found.operators == {
        "convolution": Tally("matmul", 1, 2, 4, 5, 6),
        "relu": Tally("elementwise", 1, flops=5),
        "view": Tally("movement", 2, reason="a view"),
        "fft": Tally("unknown", 3),
    }
    assert found.unknown_operators == count["unknown_operators"]


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no measurement": ({"measurement": "absent"}, "measurement"),
    "measurement is no object": ({"measurement": None}, "complete record"),
    "a field is missing": ({"measurement": {}}, "times_s"),
    "a field of another type": ({"measurement": {"times_s": "fast"}}, r"\$\.times_s"),
    "columns of another type": ({"measurement": {"times_s": [1.0], "contention": 7}}, "complete"),
    "no environment": ({"environment": "absent"}, "environment"),
    "environment torn": ({"environment": {"machine": {}}}, r"\$\.machine"),
    "time is no number": ({"elapsed_s": "long"}, "float"),
    "status unknown": ({"status": "fine"}, "fine"),
    "job missing": ({"job": "absent"}, "job"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_record_is_refused_with_the_reason(case: str) -> None:
    changes, reason = BROKEN[case]
    with pytest.raises(RecordError, match=reason):
        decode("latency", **({"measurement": {"times_s": [1.0]}} | changes))
