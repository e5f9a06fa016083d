"""A run over a made-up cluster: whatever its nodes do, nothing is lost and nothing counts twice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.launching.cluster import LOST
from bench.launching.cluster_run import ClusterRun
from bench.launching.nodes import Node, by_kind, folder_of
from bench.launching.on_node import ENDED, FAILED, RECORD, SAID
from bench.launching.task_files import files_of, newest_run
from bench.launching.tasks import DealtTask, Request, deal_tasks
from bench.plan import plan_exact
from bench.results.gathering import gather_files, merge_files
from bench.results.record import Record, Status
from bench.results.store import read_records
from bench.results.summary import newest_of_each_cell, summarize
from bench.rounds import plan_next
from tests.bench.example_records import GPU, environment
from tests.bench.launching.made_up_cluster import (
    BUSY,
    FULL,
    NETWORKS,
    Disturbed,
    MadeUpCluster,
    Telling,
    make_node,
    make_request,
    refuses,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UNLIKE = environment(variables={"MALLOC_ARENA_MAX": "3"})
ON_GPU = environment(machine={"gpu": GPU})
EXACT = 6  # cells of a network: contract, parameters, operations and memory in two phases
GONE: Telling = (LOST, "Its raylet was killed.")


class Clock:
    """A second passes whenever someone looks; every clock begins a day after the one before."""

    beginnings = (NOW + timedelta(days=n) for n in count())

    def __init__(self) -> None:
        self.now = next(self.beginnings)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def launch(cluster: MadeUpCluster, run: Path, said: list[str] | None = None) -> list[DealtTask]:
    clock = Clock()
    dealt_tasks = deal_tasks(cluster.request, cluster.nodes, run, clock())
    said = [] if said is None else said
    return ClusterRun(cluster, cluster.nodes, dealt_tasks, said.append, clock).run()


def stored(run: Path) -> dict[Path, tuple[Record, ...]]:
    contents = {path: read_records(path) for path in files_of(run)}
    assert all(content.bad_lines == () for content in contents.values())
    return {path: content.records for path, content in contents.items()}


def merged(run: Path) -> list[list[Record]]:
    """The records that count of one kind of machine, which are of one run, or of none."""
    return [merge_files(files) for files in gather_files(stored(run)) if files]


def assert_each_cell_once(run: Path, networks: Sequence[str], n_parts: int) -> None:
    """But those of the reference, which every part has."""
    cells = Counter(r.job.cell for records in stored(run).values() for r in records)
    assert Counter(cell[0] for cell in cells) == dict.fromkeys(networks, EXACT)
    reference = "sudormrf-1.0x"
    assert {cell[0]: n for cell, n in cells.items()} == {
        name: n_parts if name == reference else 1 for name in networks
    }


NAMES = [entry.name for entry in NETWORKS]


def test_two_nodes_share_the_networks(tmp_path: Path) -> None:
    cluster = MadeUpCluster([make_node("a"), make_node("b")], make_request())
    assert launch(cluster, tmp_path) == []
    assert {node for node, _, _ in cluster.beginnings} == {"a", "b"}
    assert_each_cell_once(tmp_path, NAMES, 2)


def test_every_kind_measures_all_networks(tmp_path: Path) -> None:
    nodes = [make_node("a"), make_node("b"), make_node("c", ON_GPU)]
    assert launch(MadeUpCluster(nodes, make_request()), tmp_path) == []
    folders = sorted(path.name for path in tmp_path.iterdir())
    assert folders == [
        "example-cpu-2-processors-8-gib",
        "example-cpu-2-processors-example-gpu-8-gib",
    ]
    for folder, n_parts in zip(folders, (2, 1), strict=True):
        assert_each_cell_once(tmp_path / folder, NAMES, n_parts)


@pytest.mark.parametrize("n_told", [1, 2, 9, 18])
def test_a_lost_nodes_cells_go_to_another_of_its_kind(tmp_path: Path, n_told: int) -> None:
    said: list[str] = []
    nodes = [make_node("a"), make_node("b"), make_node("c", ON_GPU)]
    disturb = Disturbed({("a", 1): (n_told, [GONE])})
    cluster = MadeUpCluster(nodes, make_request(), disturb)
    assert launch(cluster, tmp_path, said) == []
    assert_each_cell_once(tmp_path / "example-cpu-2-processors-8-gib", NAMES, 2)
    (line,) = [line for line in said if line.startswith("a is lost: Its raylet was killed.")]
    assert line.endswith("goes to another node of this kind.")
    assert [node for node, _, _ in cluster.beginnings].count("a") == 1


def test_where_no_node_of_the_kind_is_left_the_rest_finishes(tmp_path: Path) -> None:
    nodes = [make_node("a"), make_node("c", ON_GPU)]
    disturb = Disturbed({("a", 1): (5, [GONE])})
    (unfinished,) = launch(MadeUpCluster(nodes, make_request(), disturb), tmp_path)
    assert unfinished.task.kind == nodes[0].kind
    assert_each_cell_once(tmp_path / "example-cpu-2-processors-example-gpu-8-gib", NAMES, 1)
    kept = stored(tmp_path / "example-cpu-2-processors-8-gib")
    assert sum(map(len, kept.values())) == 3  # BEGAN, the environment, and then records


@pytest.mark.parametrize(
    "instead",
    [
        list(refuses(FULL)),
        [(SAID, "OSError: [Errno 28] No space left on device"), (ENDED, "1")],
        [(FAILED, "[Errno 28] No space left on device.")],
    ],
)
def test_a_full_disk_on_one_node_is_named_and_its_cells_go_to_another(
    tmp_path: Path, instead: list[Telling]
) -> None:
    """Whether it ends with 2 and a sentence, with 1 and a traceback, or can't even begin."""
    said: list[str] = []
    disturb = Disturbed({("a", attempt): (4, instead) for attempt in (1, 2)})
    cluster = MadeUpCluster([make_node("a"), make_node("b")], make_request(), disturb)
    assert launch(cluster, tmp_path, said) == []
    assert_each_cell_once(tmp_path, NAMES, 2)
    (line, *_) = [line for line in said if line.startswith("a did not finish part 1 of 2")]
    assert "No space left on device" in line


def test_what_every_node_refuses_is_left_and_said(tmp_path: Path) -> None:
    nodes = [make_node("a"), make_node("b")]
    refused = list(refuses("There is no module 'mine'."))
    disturb = Disturbed({(node, n): (1, refused) for node in "ab" for n in range(1, 9)})
    cluster = MadeUpCluster(nodes, make_request(), disturb)
    assert len(launch(cluster, tmp_path)) == 2
    assert len(cluster.beginnings) == 4  # each part on each node


def test_a_busy_machine_is_asked_again(tmp_path: Path) -> None:
    said: list[str] = []
    disturb = Disturbed({("a", 1): (1, list(refuses(BUSY))), ("a", 2): (1, list(refuses(BUSY)))})
    cluster = MadeUpCluster([make_node("a")], make_request(), disturb)
    assert launch(cluster, tmp_path, said) == []
    assert cluster.n_waits_for_nothing == 2
    assert_each_cell_once(tmp_path, NAMES, 1)
    assert said[1].startswith("a is busy, and part 1 of 1 is measured later or elsewhere: Another")


def test_a_busy_machine_is_asked_again_when_something_has_ended(tmp_path: Path) -> None:
    disturb = Disturbed({("a", 1): (1, list(refuses(BUSY)))})
    cluster = MadeUpCluster([make_node("a"), make_node("c", ON_GPU)], make_request(), disturb)
    assert launch(cluster, tmp_path) == []
    assert [node for node, _, _ in cluster.beginnings] == ["a", "c", "a"]
    assert cluster.n_waits_for_nothing == 0


def test_a_busy_machine_is_left_alone_by_all_its_nodes(tmp_path: Path) -> None:
    """But another machine measures the part meanwhile."""
    nodes = [make_node("a", machine="one"), make_node("b", machine="one"), make_node("c")]
    disturb = Disturbed({(node, 1): (1, list(refuses(BUSY))) for node in "ab"})
    cluster = MadeUpCluster(nodes, make_request(NETWORKS[3:]), disturb)
    assert launch(cluster, tmp_path) == []
    assert [node for node, _, _ in cluster.beginnings] == ["a", "c"]


def test_nodes_of_one_machine_never_read_clocks_at_once(tmp_path: Path) -> None:
    nodes = [make_node("a", machine="one"), make_node("b", machine="one"), make_node("c")]
    cluster = MadeUpCluster(nodes, make_request(plan=plan_next, is_exact=False))
    assert launch(cluster, tmp_path) == []
    begun = {node: beside for node, _, beside in cluster.beginnings}
    assert not any({node, *beside} >= {"a", "b"} for node, _, beside in cluster.beginnings)
    assert begun["c"] == {"a"}


def test_counts_need_no_machine_of_their_own(tmp_path: Path) -> None:
    nodes = [make_node("a", machine="one"), make_node("b", machine="one")]
    cluster = MadeUpCluster(nodes, make_request())
    assert launch(cluster, tmp_path) == []
    assert cluster.beginnings[1][2] == {"a"}


def test_records_of_an_unlike_node_are_kept_and_not_gone_on_with(tmp_path: Path) -> None:
    said: list[str] = []
    nodes = [make_node("a"), make_node("b", UNLIKE)]
    disturb = Disturbed({("a", 1): (5, [GONE])})
    cluster = MadeUpCluster(nodes, make_request(), disturb)
    assert launch(cluster, tmp_path, said) == []
    assert any("begins part 1 of 2 again, in a file of its own" in line for line in said)
    assert len(files_of(tmp_path)) == 3
    (run,) = merged(tmp_path)
    cells = Counter(record.job.cell for record in newest_of_each_cell(run))
    assert set(cells.values()) == {1}
    assert len(cells) == EXACT * len(NAMES)


def test_a_failed_cell_is_measured_and_so_is_its_part(tmp_path: Path) -> None:
    request = make_request()
    cluster = MadeUpCluster([make_node("a")], request, failing={"dprnn": "Full."})
    assert launch(cluster, tmp_path) == []
    (records,) = stored(tmp_path).values()
    assert {r.job.model for r in records if r.status == Status.OOM} == {"dprnn"}


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


def test_a_kind_without_the_device_is_named(tmp_path: Path) -> None:
    request = replace(make_request(), device="cuda")
    with pytest.raises(UsageError, match=r"^Example CPU, 2 processors, 8 GiB: --device cuda"):
        launch(MadeUpCluster([make_node("a")], request), tmp_path)
    assert files_of(tmp_path) == []


def test_times_of_two_nodes_make_one_table(tmp_path: Path) -> None:
    """A lost node's rounds and those of the one that goes on are of one run, each once."""
    nodes = [make_node("a"), make_node("b")]
    disturb = Disturbed({("a", 1): (30, [GONE])})
    request = make_request(plan=plan_next, is_exact=False)
    assert launch(MadeUpCluster(nodes, request, disturb), tmp_path) == []
    (run,) = merged(tmp_path)
    cells = Counter(record.job.cell for record in newest_of_each_cell(run))
    assert set(cells.values()) == {1}
    alone = MadeUpCluster([make_node("a")], request)
    assert launch(alone, tmp_path / "alone") == []
    (other,) = merged(tmp_path / "alone")
    ours, theirs = summarize(newest_of_each_cell(run)), summarize(newest_of_each_cell(other))
    assert [m.entry.name for m in ours.models] == [m.entry.name for m in theirs.models] == NAMES
    for mine, their in zip(ours.models, theirs.models, strict=True):
        assert mine.values["macs_inference"] == their.values["macs_inference"]
        assert mine.values["latency_s_inference"].value == pytest.approx(
            their.values["latency_s_inference"].value, rel=0.02
        )


TELLINGS = st.sampled_from(
    [[GONE], list(refuses(FULL)), list(refuses(BUSY)), [(FAILED, "It can't.")], [(ENDED, "-9")]]
)


@settings(max_examples=60)
@given(
    kinds=st.lists(st.sampled_from([environment(), UNLIKE, ON_GPU]), min_size=1, max_size=4),
    plan=st.dictionaries(
        st.tuples(st.sampled_from("abcd"), st.integers(1, 4)),
        st.tuples(st.integers(1, 20), TELLINGS),
        max_size=8,
    ),
    is_exact=st.booleans(),
    data=st.data(),
)
def test_whatever_nodes_do(kinds: list, plan: dict, is_exact: bool, data: st.DataObject) -> None:  # type: ignore[type-arg]
    """What is said to be whole is; no cell counts twice, and no line that arrived is missing."""
    nodes = [make_node(name, place) for name, place in zip("abcd", kinds, strict=False)]
    arrived: list[str] = []
    disturbed = Disturbed(plan)

    def watch(node: str, attempt: int, telling: Telling) -> Telling:
        told = disturbed(node, attempt, telling)
        if told[0] == RECORD:
            arrived.append(told[1])
        return told

    request = make_request(NETWORKS[3:], plan_exact if is_exact else plan_next, is_exact)
    cluster = MadeUpCluster(nodes, request, watch)
    cluster.choose = lambda running: data.draw(st.sampled_from(running))
    with TemporaryDirectory() as folder:
        unfinished = launch(cluster, Path(folder))
        lines = [line for path in files_of(Path(folder)) for line in path.read_text().splitlines()]
        assert sorted(lines) == sorted(arrived)
        dealt_tasks = deal_tasks(request, nodes, Path(folder), Clock()())
        assert {dealt.task for dealt in dealt_tasks if dealt.missing} == {
            dealt.task for dealt in unfinished
        }
        assert plan or not unfinished
        for kind in by_kind(nodes):
            for run in merged(Path(folder) / folder_of(kind)):
                counted = Counter(record.job.cell for record in newest_of_each_cell(run))
                assert set(counted.values()) == {1}
