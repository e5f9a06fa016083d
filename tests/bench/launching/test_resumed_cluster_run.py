"""A run over a made-up cluster whose driver died goes on with what is missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.launching.cluster import LOST
from bench.launching.nodes import Node
from bench.launching.task_files import files_of, newest_run
from bench.launching.tasks import Request
from bench.results.record import Status
from bench.results.store import read_records
from bench.results.summary import newest_of_each_cell
from tests.bench.example_records import GPU, environment
from tests.bench.launching.made_up_cluster import (
    Disturbed,
    MadeUpCluster,
    Telling,
    make_node,
    make_request,
)
from tests.bench.launching.made_up_launch import NAMES, assert_each_cell_once, launch, merged

ON_GPU = environment(machine={"gpu": GPU})
EXACT = 6  # cells of a network: contract, parameters, operations and memory in two phases
GONE: Telling = (LOST, "Its raylet was killed.")


def test_a_resumed_run_measures_again_what_failed(tmp_path: Path) -> None:
    run = tmp_path / "ray-20260102T030405Z"
    nodes = [make_node("a")]
    launch(MadeUpCluster(nodes, make_request(), failing={"dprnn": "Full."}), run)
    cluster = resumed(tmp_path, make_request(), nodes)
    assert len(cluster.beginnings) == 1
    (records,) = merged(run)
    assert {record.status for record in newest_of_each_cell(records)} == {Status.OK}
    assert len(records) == EXACT * (len(NAMES) + 1)  # of dprnn's cells the newer stand


def resumed(folder: Path, request: Request, nodes: Sequence[Node]) -> MadeUpCluster:
    run = newest_run(folder, [entry.name for entry in request.entries])
    assert run is not None
    cluster = MadeUpCluster(nodes, request)
    assert launch(cluster, run) == []
    return cluster


class DriverKilledError(Exception):
    """Stands for the end of the driver at any moment."""


@settings(max_examples=40)
@given(n_told=st.integers(0, 50), n_nodes=st.integers(1, 3), is_torn=st.booleans())
def test_a_driver_that_dies_goes_on_with_what_is_missing(
    n_told: int, n_nodes: int, is_torn: bool
) -> None:
    n_left = n_told

    def kill_driver(node: str, attempt: int, telling: Telling) -> Telling:
        nonlocal n_left
        n_left -= 1
        if n_left < 0:
            raise DriverKilledError
        return telling

    nodes = [make_node(name) for name in "abc"[:n_nodes]]
    with TemporaryDirectory() as folder:
        run = Path(folder) / "ray-20260102T030405Z"
        try:
            launch(MadeUpCluster(nodes, make_request(), kill_driver), run)
        except DriverKilledError:
            if is_torn and files_of(run):
                with files_of(run)[0].open("a") as file:
                    file.write('{"torn')
        before = {path: path.read_bytes() for path in files_of(run)}
        assert launch(MadeUpCluster(nodes, make_request()), run) == []
        assert all(path.read_bytes().startswith(old) for path, old in before.items())
        cells = Counter(r.job.cell for p in files_of(run) for r in read_records(p).records)
        assert len(cells) == EXACT * len(NAMES)
        assert sum(cells.values()) == EXACT * (len(NAMES) - 1 + n_nodes)


def test_a_whole_run_is_resumed_without_a_command(tmp_path: Path) -> None:
    nodes = [make_node("a"), make_node("b")]
    run = tmp_path / "ray-20260102T030405Z"
    assert launch(MadeUpCluster(nodes, make_request()), run) == []
    assert resumed(tmp_path, make_request(), nodes).beginnings == []


def test_a_resumed_run_has_the_parts_that_it_had(tmp_path: Path) -> None:
    """Whatever number of nodes there is now, and where a kind has none left."""
    run = tmp_path / "ray-20260102T030405Z"
    nodes = [make_node("a"), make_node("b"), make_node("c", ON_GPU)]
    disturb = Disturbed({(name, 1): (5, [GONE]) for name in "abc"})
    assert len(launch(MadeUpCluster(nodes, make_request(), disturb), run)) == 3
    cluster = MadeUpCluster([make_node("d")], make_request())
    (unfinished,) = launch(cluster, run)
    assert unfinished.task.kind == nodes[2].kind
    assert [arguments[2] for _, arguments, _ in cluster.beginnings] == ["1/2", "2/2"]
    assert_each_cell_once(run / "example-cpu-2-processors-8-gib", NAMES, 2)


def test_a_run_of_other_networks_is_not_gone_on_with(tmp_path: Path) -> None:
    run = tmp_path / "ray-20260102T030405Z"
    launch(MadeUpCluster([make_node("a")], make_request()), run)
    assert newest_run(tmp_path, NAMES) == run
    assert newest_run(tmp_path, NAMES[:2]) is None


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (replace(make_request(), code="ff"), "other code"),
        (replace(make_request(), torch="2.12.0"), "other code"),
        (
            replace(make_request(), settings=replace(make_request().settings, batch=2)),
            "batch 1 and not 2",
        ),
    ],
)
def test_a_run_of_other_code_or_settings_is_not_gone_on_with(
    tmp_path: Path, request_: Request, words: str
) -> None:
    launch(MadeUpCluster([make_node("a")], make_request()), tmp_path)
    with pytest.raises(UsageError, match=words):
        launch(MadeUpCluster([make_node("a")], request_), tmp_path)
