"""A run over a made-up cluster: whatever its nodes do, nothing is lost and nothing counts twice."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.launching.cluster import LOST
from bench.launching.nodes import by_kind, folder_of
from bench.launching.on_node import ENDED, FAILED, RECORD, SAID
from bench.launching.task_files import files_of
from bench.launching.tasks import deal_tasks
from bench.plan import plan_exact
from bench.results.environment import Environment
from bench.results.record import Status
from bench.results.summary import newest_of_each_cell, summarize
from bench.rounds import plan_next
from tests.bench.example_records import GPU, environment
from tests.bench.launching.made_up_cluster import (
    BUSY,
    FULL,
    NETWORKS,
    Disturbances,
    Disturbed,
    MadeUpCluster,
    Telling,
    make_node,
    make_request,
    refuses,
)
from tests.bench.launching.made_up_launch import (
    EXACT,
    NAMES,
    Clock,
    assert_each_cell_once,
    launch,
    merged,
    stored,
)

UNLIKE = environment(variables={"MALLOC_ARENA_MAX": "3"})
ON_GPU = environment(machine={"gpu": GPU})
GONE: Telling = (LOST, "Its raylet was killed.")


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
    assert line.endswith("goes to another node of this kind, if there is one.")
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
def test_whatever_nodes_do(
    kinds: list[Environment], plan: Disturbances, is_exact: bool, data: st.DataObject
) -> None:
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
