"""What is missing of plans, and which exact values of the reference disagree."""

from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path

import pytest

from bench.registry import TABLE1
from bench.results.measurements import LatencyTimes, MemoryPeaks, OperationCount
from bench.results.record import Record, Status
from bench.results.shard_review import Review, review_shards
from bench.results.summary import choose_base
from tests.bench.example_records import environment, fail
from tests.bench.made_up_shards import FOUR, files_of, path_of, shard_of, take, whole

RUN = whole()
NAMES = {entry.name for entry in TABLE1}
REFERENCE = "sudormrf-1.0x"
AGAIN = Path("again.jsonl")
SUBSETS = list(chain.from_iterable(combinations(FOUR, n) for n in (1, 2, 3, 4)))


def review(files: dict[Path, list[Record]]) -> Review:
    found = review_shards(files)
    assert found is not None
    return found


def test_a_run_that_was_not_dealt_has_no_review() -> None:
    assert review_shards({AGAIN: RUN}) is None
    assert review_shards({AGAIN: []}) is None


@pytest.mark.parametrize("there", SUBSETS)
def test_what_is_there_and_what_is_missing_make_the_plan(there: tuple[int, ...]) -> None:
    found = review(files_of(RUN, *there))
    assert tuple(shard.index for shard in found.shards) == there
    assert {gap.shard.index for gap in found.gaps} == set(FOUR) - set(there)
    missing = [name for gap in found.gaps for name in gap.networks]
    measured = {name for shard in found.shards for name in shard.own}
    assert sorted([*missing, *measured, REFERENCE]) == sorted(NAMES)
    assert not any(gap.is_begun for gap in found.gaps)
    assert (found.repeats, found.disagreements) == ((), ())


def test_a_shard_that_ended_early_lacks_what_it_did_not_begin() -> None:
    shard = shard_of(1)
    second = shard.own[1]
    files = files_of(RUN, *FOUR)
    files[path_of(shard)] = [r for r in files[path_of(shard)] if r.job.model != second]
    (gap,) = review(files).gaps
    assert (gap.shard, gap.networks, gap.is_begun) == (shard, (second,), True)


def test_what_failed_is_not_missing() -> None:
    files = files_of(RUN, *FOUR)
    path = path_of(shard_of(3))
    files[path] = [fail(record, Status.OOM, "Full.") for record in files[path]]
    assert review(files).gaps == ()


def test_what_another_run_measured_is_not_missing() -> None:
    """Shard 4 was lost, and its networks were measured by themselves."""
    lost = shard_of(4)
    rest = [record for record in RUN if lost.has(record.job.model)]
    assert review(files_of(RUN, 1, 2, 3) | {AGAIN: rest}).gaps == ()


def test_each_plan_is_looked_at_by_itself() -> None:
    """Of one plan a shard is there, of the other another; neither is complete."""
    halves = TABLE1[:4]
    run = whole(halves)
    files = files_of(RUN, 1) | files_of(run, 2, count=2, entries=halves)
    found = review(files)
    plans = {shard.plan for shard in found.shards}
    assert len(plans) == 2
    assert {gap.shard.plan for gap in found.gaps} == plans


def changed(record: Record, field: str, by: int) -> Record:
    assert record.result is not None
    value = getattr(record.result, field) + by
    return replace(record, result=replace(record.result, **{field: value}))


@pytest.mark.parametrize(
    ("kind", "field", "metric"),
    [
        (OperationCount, "macs", "macs_inference"),
        (OperationCount, "macs", "macs_update"),
        (OperationCount, "flops", "flops_update"),
        (MemoryPeaks, "peak_allocated_bytes", "peak_allocated_bytes_inference"),
        (MemoryPeaks, "minimum_bytes", "minimum_bytes_update"),
    ],
)
def test_a_count_of_the_reference_that_is_one_more_is_found(
    kind: type, field: str, metric: str
) -> None:
    files = files_of(RUN, *FOUR)
    odd = path_of(shard_of(3))
    files[odd] = [
        changed(record, field, 1)
        if isinstance(record.result, kind)
        and record.job.model == REFERENCE
        and metric.endswith(record.job.workload.phase)
        else record
        for record in files[odd]
    ]
    (found,) = review(files).disagreements
    assert (found.network, found.metric.name) == (REFERENCE, metric)
    values = {part.path: value for part, value in found.values}
    assert len(values) == 4
    usual = {values[path] for path in values if path != odd}
    assert usual == {values[odd] - 1}


@pytest.mark.parametrize("field", ["peak_rss_bytes", "growth_rss_bytes", "memory_profiler_bytes"])
def test_what_processes_of_one_machine_differ_in_is_no_disagreement(field: str) -> None:
    files = files_of(RUN, *FOUR)
    path = path_of(shard_of(3))
    files[path] = [
        changed(record, field, 4096) if isinstance(record.result, MemoryPeaks) else record
        for record in files[path]
    ]
    assert review(files).disagreements == ()


def test_times_and_other_networks_may_differ() -> None:
    """A network that two shards measured is no reference; the newer counts."""
    files = files_of(RUN, *FOUR)
    again = [
        changed(record, "macs", 1)
        if isinstance(record.result, OperationCount) and record.job.model != REFERENCE
        else replace(record, result=LatencyTimes((9.0,) * 5))
        if isinstance(record.result, LatencyTimes)
        else record
        for record in take(RUN, shard_of(2), hour=9)
    ]
    found = review(files | {AGAIN: again})
    assert found.disagreements == ()
    assert len(found.repeats) == 1


def test_the_places_of_values_that_disagree_are_named_once() -> None:
    elsewhere = environment(versions={"asteroid": "0.8"})
    files = files_of(RUN, *FOUR)
    path = path_of(shard_of(3))
    files[path] = [
        replace(
            changed(record, "macs", 1) if isinstance(record.result, OperationCount) else record,
            environment=elsewhere,
        )
        for record in files[path]
    ]
    for found in review(files).disagreements:
        versions = [place.versions["asteroid"] for place in found.environments]
        assert versions == ["not installed", "0.8"]


def test_the_reference_is_the_base_of_the_whole_run() -> None:
    assert choose_base([entry.name for entry in TABLE1]) == shard_of(1).reference == REFERENCE
