"""Which files are of one run: laws of the grouping, whatever the order in which files are named."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.registry import TABLE1
from bench.results.gathering import gather_files, merge_files
from bench.results.parts import Files
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import (
    GPU,
    SETTINGS,
    complete_run,
    environment,
    fail,
    make_job,
    make_latency,
    make_record,
    make_rounds,
)
from tests.bench.made_up_forms import FORM, rounds
from tests.bench.made_up_runs import NETWORKS, make_run, nowhere

A, B, C = Path("a.jsonl"), Path("b.jsonl"), Path("c.jsonl")


def gather_runs(files: Files) -> list[list[Record]]:
    return [merge_files(run) for run in gather_files(files)]


def later(records: Sequence[Record]) -> list[Record]:
    return [replace(record, started_at="2026-02-02T03:04:05+00:00") for record in records]


def with_code(commit: str) -> list[Record]:
    return make_run(code={"commit": commit})


def behind(earlier: Sequence[Record], records: Sequence[Record]) -> list[Record]:
    """With rounds of times that follow those of earlier records."""
    first = 1 + max((r.job.round for r in earlier if r.job.spec.takes_time), default=-1)
    return [
        replace(r, job=replace(r.job, round=first + r.job.round)) if r.job.spec.takes_time else r
        for r in records
    ]


def test_files_of_one_place_and_work_are_one_run() -> None:
    first, second = make_run(TABLE1[:1]), make_run(TABLE1[1:2])
    (run,) = gather_runs({A: first, B: second})
    assert run == [*first, *behind(first, second)]


def test_a_ratio_is_of_calls_of_one_file() -> None:
    """The second file was made while the machine was ten times slower, with the base alone."""
    base, other = make_job("sudormrf-1.0x"), make_job("dprnn")
    turns = tuple(range(5))
    fast = make_rounds([[1.0] * 5] * 3, base, turns=turns)
    fast += make_rounds([[2.0] * 5] * 3, other, turns=turns)
    slow = later(make_rounds([[10.0] * 5] * 3, base, turns=turns))
    (run,) = gather_runs({A: fast, B: slow})
    timings = {model.entry.name: model.timings["inference"] for model in summarize(run).models}
    assert timings["sudormrf-1.0x"].latency.n_processes == 6
    ratio = timings["dprnn"].ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(2.0)


def test_the_order_of_the_files_of_one_run_does_not_matter() -> None:
    files = {A: later(make_run(factor=3.0)), B: make_run(), C: later(make_run(TABLE1[:1]))}
    (expected,) = gather_runs(files)
    for paths in permutations(files):
        assert gather_runs({path: files[path] for path in paths}) == [expected]


def test_the_newer_records_are_behind_the_older() -> None:
    old, new = make_run(), later(make_run(factor=3.0))
    assert gather_runs({A: new, B: old}) == [[*old, *behind(old, new)]]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(make_run(machine={"cpu": "Another CPU"}), id="processor"),
        pytest.param(make_run(machine={"n_available_cpus": 1}), id="processors"),
        pytest.param(make_run(machine={"gpu": GPU}), id="GPU"),
        pytest.param(make_run(versions={"torch": "2.99"}), id="torch"),
        pytest.param(with_code("f" * 40), id="commit"),
        pytest.param(make_run(code={"sources_sha256": "ab"}), id="sources"),
        pytest.param(complete_run(NETWORKS, replace(SETTINGS, n_samples=4000)), id="length"),
        pytest.param(complete_run(NETWORKS, replace(SETTINGS, batch=2)), id="batch"),
        pytest.param(complete_run(NETWORKS, replace(SETTINGS, dtype="bfloat16")), id="dtype"),
        pytest.param(complete_run(NETWORKS, replace(SETTINGS, threads=1)), id="threads"),
        pytest.param(complete_run(NETWORKS, replace(SETTINGS, seed=1)), id="seed"),
    ],
)
def test_what_may_not_share_a_table_is_another_run(other: list[Record]) -> None:
    run = make_run()
    assert gather_runs({A: run, B: other}) == [run, other]
    assert gather_runs({A: other, B: run}) == [other, run]


def test_runs_are_in_the_order_in_which_their_first_files_are_named() -> None:
    one, two, rest = with_code("1" * 40), with_code("2" * 40), later(with_code("1" * 40))
    assert gather_runs({A: one, B: two, C: rest}) == [[*one, *behind(one, rest)], two]
    assert gather_runs({B: two, A: one, C: rest}) == [two, [*one, *behind(one, rest)]]


def test_a_file_that_fits_two_runs_is_in_neither() -> None:
    """Counts fit times with and without kept pages, which don't fit each other."""
    kept, given_back = make_latency(0.1, keeps_pages=True), make_latency(0.2, keeps_pages=False)
    counts = make_record(make_job(probe="operations"))
    files = {A: [kept], B: [given_back], C: [counts]}
    for paths in permutations(files):
        assert gather_runs({path: files[path] for path in paths}) == [files[p] for p in paths]
    assert gather_runs({A: [kept], C: [counts]}) == [[kept, counts]]


def test_files_without_a_record_are_no_run() -> None:
    run, other = make_run(), with_code("f" * 40)
    assert gather_runs({A: [], B: run}) == [run]
    assert gather_runs({A: run, B: [], C: other}) == [run, other]
    assert gather_runs({A: []}) == [[]]


def test_records_of_no_place_join_the_only_run_and_none_of_two() -> None:
    dead = [fail(record, Status.KILLED, "Gone.") for record in nowhere(make_run())]
    run, other = make_run(), with_code("f" * 40)
    assert gather_runs({A: run, B: dead}) == [[*run, *behind(run, dead)]]
    assert gather_runs({A: run, B: dead, C: other}) == [run, dead, other]


def forms() -> list[Record]:
    return [*rounds(0.1), *rounds(0.04, FORM, dtype="bfloat16")]


def test_forms_alone_stay_together() -> None:
    elsewhere = [replace(r, environment=environment(machine={"cpu": "B"})) for r in forms()]
    assert gather_runs({A: forms()}) == [forms()]
    assert gather_runs({A: forms(), B: elsewhere}) == [[*forms(), *behind(forms(), elsewhere)]]


@pytest.mark.parametrize("other", [make_run, lambda: with_code("f" * 40)])
def test_forms_beside_others_are_refused_by_name(other: Callable[[], list[Record]]) -> None:
    with pytest.raises(UsageError, match=r"^b\.jsonl is of several runtimes .* runtimes\.md"):
        gather_runs({A: other(), B: forms()})


def test_a_file_of_several_runs_is_refused_by_name_where_it_is_not_alone() -> None:
    mixed = [*make_run(), *with_code("f" * 40)]
    assert gather_runs({A: mixed}) == [mixed]  # which its own report refuses
    with pytest.raises(UsageError, match=r"^b\.jsonl is not of one run\. .* versions of the code"):
        gather_runs({A: make_run(), B: mixed})
