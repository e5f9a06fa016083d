"""Shards in sentences, by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.registry import TABLE1, Entry
from bench.render.provenance import describe_provenance
from bench.render.shards import describe_faults, describe_shards
from bench.results.gathering import merge_files
from bench.results.measurements import OperationCount
from bench.results.record import Record
from bench.results.shard_review import review_shards
from bench.results.summary import summarize
from tests.bench.example_records import environment
from tests.bench.made_up_runs import make_run
from tests.bench.made_up_shards import FOUR, files_of, path_of, shard_of, take, whole

RUN = whole()
AGAIN = Path("folder") / "again.jsonl"


def faults(files: dict[Path, list[Record]]) -> list[str]:
    found = review_shards(files)
    assert found is not None
    return describe_faults(found)


def all_of(files: dict[Path, list[Record]]) -> str:
    found = review_shards(files)
    assert found is not None
    return describe_shards(found)


def test_a_whole_plan() -> None:
    assert all_of(files_of(RUN, *FOUR)) == "1, 2, 3 and 4 of 4, of 7 networks."
    assert faults(files_of(RUN, *FOUR)) == []


def test_missing_shards_are_named_with_their_networks() -> None:
    assert faults(files_of(RUN, 1, 3)) == [
        "Shards 2 and 4 of 4 are missing: networks demucs, sudormrf-0.25x and two-step-tdcn."
    ]
    assert all_of(files_of(RUN, 1, 2, 3)) == (
        "1, 2 and 3 of 4, of 7 networks. Shard 4 of 4 is missing: network two-step-tdcn."
    )


def test_a_shard_that_ended_early() -> None:
    files = files_of(RUN, *FOUR)
    path = path_of(shard_of(1))
    files[path] = [r for r in files[path] if r.job.model != "sudormrf-0.5x"]
    assert faults(files) == [
        "Shard 1 of 4 ended before anything was measured of network sudormrf-0.5x."
    ]


def test_a_shard_that_is_there_twice_is_named_without_its_folder() -> None:
    files = files_of(RUN, *FOUR)
    first = path_of(shard_of(4))
    again = take(RUN, shard_of(4), hour=9)
    assert faults(files | {AGAIN: again}) == [
        "Network two-step-tdcn was measured twice: shard 4 of 4 (again.jsonl) counts, shard 4 of 4 "
        f"({first}) does not."
    ]


def test_plans_with_networks_in_common() -> None:
    some = [TABLE1[index] for index in (1, 2, 4)]
    other = files_of(whole(some), 1, count=1, entries=some)
    files = files_of(RUN, *FOUR)
    said = faults(files | other)
    counted = {path_of(shard_of(i)) for i in FOUR if set(shard_of(i).own) & {"demucs", "dprnn"}}
    assert len(said) == 2
    for sentence, path in zip(sorted(said), sorted(counted), strict=True):
        network = "demucs" if "demucs" in shard_of(int(path.name[10])).own else "dprnn"
        assert sentence == (
            f"Network {network} was measured twice: shard {path.name[10]} of 4 ({path}) counts, "
            f"shard 1 of 1 ({next(iter(other))}) does not."
        )


def miscount(record: Record) -> Record:
    is_odd = isinstance(record.result, OperationCount)
    is_odd &= (record.job.model, record.job.workload.phase) == ("sudormrf-1.0x", "inference")
    if not is_odd:
        return record
    assert isinstance(record.result, OperationCount)
    return replace(record, result=replace(record.result, macs=record.result.macs + 1))


@pytest.mark.parametrize(
    ("versions", "differing"),
    [
        ({"asteroid": "0.8"}, "What differs: Version: asteroid not installed and 0.8."),
        ({}, "The records don't tell in what."),
    ],
)
def test_a_reference_that_is_not_the_same_is_named_with_what_differs(
    versions: dict[str, str], differing: str
) -> None:
    files = files_of(RUN, *FOUR)
    odd = path_of(shard_of(3))
    place = environment(versions=versions)
    files[odd] = [replace(miscount(record), environment=place) for record in files[odd]]
    names = {index: f"shard {index} of 4 ({path_of(shard_of(index))})" for index in FOUR}
    (said,) = faults(files)
    assert said == (
        "The reference sudormrf-1.0x is not the same in all shards, so machines or versions "
        "differ. MACs I: 6,172,839,455 in "
        f"{names[1]}, {names[2]} and {names[4]} and 6,172,839,456 in {names[3]}. {differing}"
    )


def test_names_of_own_networks_keep_their_capitals() -> None:
    own = [Entry(f"My.Net:build({n})", "", "tests.fault_models:healthy") for n in (1, 2)]
    files = files_of(make_run(own), 1, count=1, entries=own)
    copied = {AGAIN: next(iter(files.values()))}
    (said,) = faults(files | copied)
    assert said.startswith("Network My.Net:build(2) was measured twice: shard 1 of 1 (")


def test_provenance_has_a_line_of_shards_where_there_are_some() -> None:
    files = files_of(RUN, 1, 3)
    summary = summarize(merge_files(files))
    assert "Shards" not in dict(describe_provenance(summary))
    reviewed = replace(summary, shards=review_shards(files))
    assert dict(describe_provenance(reviewed))["Shards"] == all_of(files)
