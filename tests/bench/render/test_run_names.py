"""Names of runs: short, different, and of what tells the runs apart."""

from dataclasses import replace
from typing import Any

import pytest

from bench.render.run_names import name_runs
from bench.results.environment import GpuDevice
from bench.results.summary import RunSummary, summarize
from tests.bench.example_records import GPU, SETTINGS, complete_run
from tests.bench.made_up_runs import NETWORKS, make_run, nowhere, of_commit, on_machine


def names_of(*runs: RunSummary) -> list[str]:
    return [run.name for run in name_runs(runs)]


def on(gpu: GpuDevice | None) -> RunSummary:
    return summarize(make_run(machine={"gpu": gpu}))


def asked(**settings: Any) -> RunSummary:
    return summarize(complete_run(NETWORKS, replace(SETTINGS, **settings)))


def test_a_name_comes_with_its_run() -> None:
    runs = (on_machine("A"), on_machine("B"))
    assert [named.summary for named in name_runs(runs)] == list(runs)


def test_one_aspect_that_tells_all_apart_is_the_name() -> None:
    assert names_of(on_machine("EPYC"), on_machine("Ⅺ-Prozessor")) == ["EPYC", "Ⅺ-Prozessor"]
    assert names_of(of_commit("a" * 40), of_commit("b" * 40)) == ["aaaaaaa", "bbbbbbb"]
    assert names_of(on(None), on(GPU)) == ["no GPU", "Example GPU"]
    assert names_of(asked(), asked(threads=1)) == ["2 threads", "1 thread"]
    assert names_of(asked(), asked(n_samples=4000)) == ["8000 samples", "4000 samples"]


def test_changes_that_nobody_committed_are_marked() -> None:
    changed = summarize(make_run(code={"is_modified": True}))
    assert names_of(changed, on_machine("Example CPU")) == ["0123456+", "0123456"]


def test_of_several_aspects_each_is_named_that_tells_more_runs_apart() -> None:
    """Two machines and two commits, and the version of torch, which tells nothing besides."""
    runs = [
        summarize(
            make_run(machine={"cpu": cpu}, code={"commit": commit * 40}, versions={"torch": commit})
        )
        for cpu, commit in (("X", "a"), ("Y", "a"), ("Y", "b"))
    ]
    assert names_of(*runs) == ["X, aaaaaaa", "Y, aaaaaaa", "Y, bbbbbbb"]


def test_letters_stand_where_nothing_tells_runs_apart() -> None:
    run = on_machine("X")
    assert names_of(*[run] * 3) == ["A", "B", "C"]
    many = names_of(*[run] * 60)
    assert many[25:28] == ["Z", "AA", "BB"]
    assert len(set(many)) == 60


def test_when_they_began_is_better_than_letters() -> None:
    run = on_machine("X")
    later = replace(run, started_at="2026-02-03T04:05:06+00:00")
    assert names_of(run, later) == ["2026-01-02T03:04", "2026-02-03T04:05"]


def test_runs_of_which_nobody_said_where_have_names_too() -> None:
    unknown = summarize(nowhere(make_run()))
    assert names_of(unknown, on_machine("X")) == ["unknown machine", "X"]
    assert names_of(unknown, unknown) == ["A", "B"]


@pytest.mark.parametrize(
    ("cpu", "name"),
    [
        ("Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "Intel Xeon Platinum 8370C"),
        ("AMD EPYC 7763 64-Core Processor", "AMD EPYC 7763"),
        ("Intel(R) Core(TM) i7-1185G7", "Intel Core i7-1185G7"),
        ("CPU", "CPU"),
    ],
)
def test_what_vendors_add_to_a_name_is_left_out(cpu: str, name: str) -> None:
    assert names_of(on_machine(cpu), on_machine("Other"))[0] == name


def test_processors_that_differ_in_what_is_left_out_have_their_whole_names() -> None:
    slow, fast = (on_machine(f"Xeon @ {clock} GHz") for clock in (2, 3))
    assert names_of(slow, fast) == ["Xeon @ 2 GHz", "Xeon @ 3 GHz"]
