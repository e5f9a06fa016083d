"""Records and the values of their summaries, as these tests need them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.results.measurements import LatencyTimes
from bench.results.record import Record
from bench.results.summary import RunSummary, Value
from tests.bench.example_records import GPU, environment, make_job, make_record, make_rounds


def value_of(summary: RunSummary, metric: str, model: str = "dprnn") -> Value:
    (row,) = [row for row in summary.models if row.entry.name == model]
    return row.values[metric]


def rounds(*times_s: Sequence[float]) -> list[Record]:
    return make_rounds(times_s)


def moved(record: Record, **sections: Any) -> Record:
    return replace(record, environment=environment(**sections))


def update_on(device: str, **workload: Any) -> Record:
    job = make_job(phase="update", device=device, **workload)
    return make_record(job, LatencyTimes((1.0,)), environment(machine={"gpu": GPU}))
