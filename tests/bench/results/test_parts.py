"""Which measurements count where shards were measured twice: laws, whatever the order of files."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from bench.registry import NULL, TABLE1
from bench.results.gathering import merge_files
from bench.results.metrics import METRICS
from bench.results.parts import Files, choose_parts, split_files
from bench.results.record import Record, Status
from bench.results.summary import RunSummary, Value, summarize
from tests.bench.example_records import fail
from tests.bench.made_up_shards import FOUR, files_of, path_of, shard_of, take, whole

RUN = whole()
COPY, AGAIN = Path("copy.jsonl"), Path("again.jsonl")
REFERENCE = "sudormrf-1.0x"


def values_of(files: Files) -> dict[str, dict[str, Value]]:
    return by_network(summarize(merge_files(files)))


def by_network(summary: RunSummary) -> dict[str, dict[str, Value]]:
    return {model.entry.name: dict(model.values) for model in summary.models}


def n_processes(files: Files, network: str) -> int:
    (model,) = [m for m in summarize(merge_files(files)).models if m.entry.name == network]
    return model.timings["inference"].latency.n_processes


def test_four_shards_have_the_values_of_the_whole_run() -> None:
    """Times of the reference are of all four: their interval is narrower."""
    merged, expected = values_of(files_of(RUN, *FOUR)), by_network(summarize(RUN))
    assert list(merged) == list(expected)
    for network, values in expected.items():
        for metric in METRICS:
            if not metric.spec.takes_time or network != REFERENCE:
                assert merged[network][metric.name] == values[metric.name]
    times = [merged[REFERENCE]["latency_s_inference"].value, 4 * 3]
    assert times == [expected[REFERENCE]["latency_s_inference"].value, 12]
    assert n_processes(files_of(RUN, *FOUR), REFERENCE) == 12
    assert n_processes(files_of(RUN, *FOUR), "dprnn") == 3


def test_shards_in_one_file_are_the_same_shards() -> None:
    """Written one behind the other, their rounds have the same numbers, and are not the same."""
    files = files_of(RUN, *FOUR)
    one_file = {COPY: [record for records in files.values() for record in records]}
    assert merge_files(one_file) == merge_files(files)


@pytest.mark.parametrize("index", FOUR)
def test_a_copy_of_a_file_changes_nothing(index: int) -> None:
    files = files_of(RUN, *FOUR)
    shard = shard_of(index)
    with_copy = files | {COPY: files[path_of(shard)]}
    assert merge_files(with_copy) == merge_files(files)
    (repeat,) = choose_parts(split_files(with_copy))[1]
    assert repeat.networks == shard.own
    assert {repeat.counted.path, repeat.left_out.path} == {path_of(shard), COPY}


@pytest.mark.parametrize("hour", [0, 9])
def test_of_a_shard_that_was_measured_twice_the_newer_counts(hour: int) -> None:
    """Not both, and nothing of the reference beside the older."""
    slow, shard = whole(), shard_of(2)
    again = [replace(record, elapsed_s=9.0) for record in take(slow, shard, hour)]
    files = files_of(RUN, *FOUR)
    for order in permutations([*files.items(), (AGAIN, again)], 5):
        merged = merge_files(dict(order))
        own = [r for r in merged if r.job.model in shard.own]
        assert {record.elapsed_s for record in own} == ({9.0} if hour else {1.25})
        assert len(merged) == len(merge_files(files))


def test_what_was_measured_counts_before_what_is_newer() -> None:
    """The newer was interrupted before its times."""
    shard = shard_of(2)
    files = files_of(RUN, *FOUR)
    begun = [r for r in take(RUN, shard, hour=9) if not r.job.spec.takes_time]
    failed = [fail(record, Status.OOM, "Full.") for record in take(RUN, shard, hour=9)]
    for again in (begun, failed):
        assert merge_files(files | {AGAIN: again}) == merge_files(files)


def test_each_of_two_halves_counts() -> None:
    """Each has one of the shard's two networks."""
    shard = shard_of(1)
    first, second = shard.own
    files = files_of(RUN, 2, 3, 4)
    halves = {
        path: [record for record in take(RUN, shard, hour) if record.job.model != missing]
        for path, hour, missing in ((COPY, 1, second), (AGAIN, 9, first))
    }
    kept, repeats = choose_parts(split_files(files | halves))
    assert repeats == []
    assert {part.path for part in kept} == {*files, *halves}


def test_a_network_of_two_plans_counts_once() -> None:
    """The two plans have DPRNN in common; the other shard keeps what it alone has."""
    some = [entry for entry in TABLE1 if entry.name in ("dprnn", "demucs", REFERENCE)]
    other = shard_of(1, count=1, entries=some)
    files = files_of(RUN, *(i for i in FOUR if "demucs" not in shard_of(i).own))
    assert sum("dprnn" in shard_of(index).own for index in FOUR) == 1
    both = files | {AGAIN: take(RUN, other, hour=9)}
    (repeat,) = choose_parts(split_files(both))[1]
    assert (repeat.networks, repeat.counted.path) == (("dprnn",), AGAIN)
    assert n_processes(both, "dprnn") == n_processes(both, "demucs") == 3


def test_the_reference_of_one_plan_counts_in_another_each_time() -> None:
    """A network can be dealt in one plan and be what another is compared with."""
    entries = [entry for entry in TABLE1 if entry.name in ("demucs", "dprnn")]
    other = shard_of(1, count=1, entries=entries)
    assert other.reference == "demucs"
    files = files_of(RUN, *FOUR)
    _, repeats = choose_parts(split_files(files | {AGAIN: take(RUN, other, hour=9)}))
    assert [repeat.networks for repeat in repeats] == [("dprnn",)]


def test_a_plan_of_one_network_counts_once() -> None:
    (entry,) = [entry for entry in TABLE1 if entry.name == REFERENCE]
    records = take(RUN, shard_of(1, count=1, entries=[entry]))
    assert merge_files({AGAIN: records, COPY: records}) == merge_files({COPY: records})


def test_runs_that_were_not_dealt_count_beside_shards() -> None:
    """As files of one run always did: their rounds are added."""
    files: dict[Path, Sequence[Record]] = {**files_of(RUN, *FOUR), AGAIN: RUN}
    assert choose_parts(split_files(files))[1] == []
    assert n_processes(files, "dprnn") == 6
    assert n_processes(files, REFERENCE) == 15


def test_the_harness_itself_is_measured_in_every_shard() -> None:
    overhead = summarize(merge_files(files_of(RUN, *FOUR))).overhead
    assert overhead is not None
    assert overhead.latency.n_processes == 12
    assert NULL.name not in shard_of(1).networks
