"""bench.run --launcher ray on a made-up cluster: reports, exit codes, and what is refused."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import run, run_on_ray
from bench.launching.cluster import LOST
from bench.launching.nodes import Node
from bench.options import arguments_for_nodes, build_parser
from bench.results.environment import Code
from tests.bench.example_records import ENVIRONMENT, GPU, environment
from tests.bench.launching.made_up_cluster import (
    Disturbed,
    MadeUpCluster,
    Telling,
    make_node,
    make_request,
)
from tests.bench.made_up_run import no_figure_fixture as no_figure_fixture

ON_GPU = environment(machine={"gpu": GPU})
Call = Callable[..., int]


class Room:
    """Where the command runs: the nodes that it finds, and what disturbs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes: Sequence[Node] = [make_node("a"), make_node("b")]
        self.disturb: Callable[[str, int, Telling], Telling] = lambda node, attempt, told: told
        self.address = ""
        self.cluster: MadeUpCluster

    @contextmanager
    def connect(self, address: str) -> Iterator[MadeUpCluster]:
        self.address = address
        yield self.cluster

    def call(self, *options: str) -> int:
        request = make_request()
        self.cluster = MadeUpCluster(self.nodes, request, self.disturb)
        models = [entry.name for entry in request.entries]
        typed = ["--launcher", "ray", "--exact", "--models", *models, "--threads", "2", *options]
        return run.main([*typed, "--device", "cpu", "--output", str(self.folder)])


@pytest.fixture(name="room")
def room_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_figure: None) -> Room:
    room = Room(tmp_path / "out")
    module = ModuleType("bench.launching.ray_cluster")
    vars(module)["connect"] = room.connect
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(run_on_ray, "describe_code", lambda: ENVIRONMENT.code)
    monkeypatch.setattr(run_on_ray, "describe_versions", lambda: ENVIRONMENT.versions)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return room


def test_one_kind_makes_the_reports_of_one_run(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    assert room.call() == 0
    assert room.address == "auto"
    table = (room.folder / "table1.md").read_text()
    assert all(entry.display_name in table for entry in make_request().entries)
    assert not (room.folder / "comparison.md").exists()
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Example CPU, 2 processors, 8 GiB: a, b."
    assert "a: sudormrf-1.0x contract inference (1.2 s)" in said


def test_kinds_stand_side_by_side(room: Room) -> None:
    room.nodes = [make_node("a"), make_node("b"), make_node("c", ON_GPU)]
    assert room.call() == 0
    text = (room.folder / "comparison.md").read_text()
    assert "| no GPU |" in text
    assert "| Example GPU |" in text
    assert not (room.folder / "table1.md").exists()


def test_a_kind_that_is_lost_ends_with_1_and_the_rest_is_reported(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    room.nodes = [make_node("a"), make_node("c", ON_GPU)]
    room.disturb = Disturbed({("c", 1): (3, [(LOST, "Its raylet was killed.")])})
    assert room.call() == 1
    said = capsys.readouterr().err
    assert (
        "Part 1 of 1 of Example CPU, 2 processors, Example GPU, 8 GiB is not complete "
        "(conv-tasnet, demucs, dprnn, two-step-tdcn): no node of this kind is left" in said
    )
    assert (room.folder / "comparison.md").exists()
    room.disturb = lambda node, attempt, told: told
    assert room.call("--resume") == 0
    assert len(list((room.folder / "records").iterdir())) == 1


def test_a_node_that_was_lost_at_once_ends_with_1(room: Room) -> None:
    room.disturb = lambda node, attempt, told: (LOST, "Gone.") if node == "b" else told
    assert room.call() == 1
    assert (room.folder / "table1.md").exists()


def test_where_nothing_is_measured_the_exit_code_is_2(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    room.disturb = Disturbed({(n, 1): (1, [(LOST, "Gone.")]) for n in "ab"})
    assert room.call() == 2
    assert "No node has measured anything" in capsys.readouterr().err


def test_nodes_that_differ_or_measure_behind_others_are_said(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    unlike = environment(variables={"MALLOC_ARENA_MAX": "3"})
    room.nodes = [make_node("a"), make_node("b", unlike, niceness=15)]
    assert room.call() == 0
    said = capsys.readouterr().err
    assert "not alike. Variable: MALLOC_ARENA_MAX: not set on a; 3 on b." in said
    assert "b measures with niceness 15" in said
    assert "a measures with niceness" not in said


def test_a_node_with_other_code_is_refused_before_anything_is_measured(
    room: Room, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_on_ray, "describe_code", lambda: Code("ff", False))
    assert room.call() == 2
    assert "a has another separation-bench (commit 0123456789ab)" in capsys.readouterr().err
    assert not room.folder.exists()


@pytest.mark.parametrize(
    ("options", "address"), [((), "head:7"), (("--address", "other:8"), "other:8")]
)
def test_the_address_is_an_option_or_a_variable(
    room: Room, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], address: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:7")
    assert room.call(*options) == 0
    assert room.address == address


@pytest.mark.parametrize(
    "options",
    [("--shard", "1/2"), ("--beside", "reports"), ("--runtime", "compile"), ("--dtype", "a,b")],
)
def test_what_is_of_one_machine_is_refused(
    room: Room, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert room.call(*options) == 2
    assert "--launcher ray deals the networks itself" in capsys.readouterr().err


def test_an_address_without_a_cluster_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--address", "head:7"]) == 2
    assert "add --launcher ray" in capsys.readouterr().err


def test_without_ray_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "bench.launching.ray_cluster", raising=False)
    assert run.main(["--launcher", "ray"]) == 2
    assert "pip install 'separation-bench[ray]'" in capsys.readouterr().err


OF_NODES = [
    ["--models", "dprnn", "demucs"],
    ["--models=dprnn"],
    ["--device", "cuda:1"],
    ["--samples", "400"],
    ["--threads", "1,4"],
    ["--exact"],
    ["--effort", "quick"],
    ["--time", "7"],
    ["--roofline"],
    ["--dtype", "bfloat16"],
    ["--tf32=on"],
]
OWN = [
    ["--launcher", "ray"],
    ["--address", "head:7"],
    ["--output=there"],
    ["--out", "there"],
    ["--resume"],
    ["--beside", "here"],
]


@given(st.lists(st.sampled_from([*OF_NODES, *OWN]), max_size=8), st.sampled_from([1, 4]))
def test_nodes_are_asked_for_the_same_but_what_is_of_this_machine(
    typed: list[list[str]], threads: int
) -> None:
    parser = build_parser("bench.run")
    asked = parser.parse_args([word for words in typed for word in words])
    of_nodes = parser.parse_args(
        arguments_for_nodes([word for words in typed for word in words], threads)
    )
    untouched = parser.parse_args([])
    own = {"launcher", "address", "output", "resume", "beside"}
    expected = {name: getattr(untouched if name in own else asked, name) for name in vars(asked)}
    assert of_nodes == argparse.Namespace(**expected | {"threads": [threads]})
