"""Records of runs that may not share a table, for tests: made up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.registry import TABLE1, Entry
from bench.results.measurements import LatencyTimes
from bench.results.record import Record
from bench.results.summary import ModelSummary, RunSummary, Value, summarize
from tests.bench.example_records import ENVIRONMENT, complete_run, environment

NETWORKS = TABLE1[3:6]
"""Three, the second of which is the base network; they cost 1, 2 and 3 times the first."""


def make_run(
    entries: Sequence[Entry] = NETWORKS, factor: float = 1.0, **sections: Mapping[str, Any]
) -> list[Record]:
    """A run in which all went well, in an environment with some fields replaced.

    Its times are ``factor`` times those of the others.
    """
    return [
        replace(slow_down(record, factor), environment=environment(**sections))
        for record in complete_run(entries)
    ]


def slow_down(record: Record, factor: float) -> Record:
    """With times that are so many times as long."""
    if not isinstance(record.result, LatencyTimes):
        return record
    times_s = tuple(factor * time_s for time_s in record.result.times_s)
    return replace(record, result=replace(record.result, times_s=times_s))


def on_machine(cpu: str, factor: float = 1.0) -> RunSummary:
    """The summary of a run on another machine."""
    return summarize(make_run(factor=factor, machine={"cpu": cpu}))


def of_commit(commit: str, factor: float = 1.0) -> RunSummary:
    """The summary of a run of another commit."""
    return summarize(make_run(factor=factor, code={"commit": commit}))


def with_values(run: RunSummary, metric: str, values: Iterable[Value]) -> RunSummary:
    """With other values of one metric, network by network."""

    def changed(model: ModelSummary, value: Value) -> ModelSummary:
        return replace(model, values={**model.values, metric: value})

    pairs = zip(run.models, values, strict=True)
    return replace(run, models=tuple(changed(model, value) for model, value in pairs))


def nowhere(records: Iterable[Record]) -> list[Record]:
    """Without an environment, as where no process lived to describe it."""
    return [replace(record, environment=None) for record in records]


FIRST = ENVIRONMENT.machine.cpu
