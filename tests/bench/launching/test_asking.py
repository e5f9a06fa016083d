"""Asking a cluster's nodes what they are: those that can't measure are named, with the reason."""

from collections.abc import Sequence

import pytest

from bench.errors import UsageError
from bench.launching.asking import ask_nodes
from bench.launching.cluster import LOST
from bench.launching.on_node import BEGAN, ENDED, FAILED, PRINTED, SAID
from tests.bench.example_records import GPU, environment
from tests.bench.launching.made_up_cluster import (
    MadeUpCluster,
    Telling,
    make_node,
    make_request,
)
from tests.bench.launching.test_nodes import COLD

NODES = [
    make_node("a", environment(machine={"gpu": GPU}), findings=COLD),
    make_node("b", machine="a", niceness=15),
    make_node("c"),
]
GONE: Telling = (LOST, "Its raylet was killed.")


class Answers(MadeUpCluster):
    """A cluster of which one node answers otherwise."""

    def __init__(self, node: str, told: Sequence[Telling]) -> None:
        super().__init__(NODES, make_request())
        self._other, self._told = node, told

    def start(
        self, node: str, arguments: Sequence[str], name: str = "", content: bytes = b""
    ) -> None:
        super().start(node, arguments, name, content)
        if node == self._other:
            self.running[node] = iter(self._told)


def test_nodes_are_what_they_say() -> None:
    cluster = MadeUpCluster(NODES, make_request())
    assert ask_nodes(cluster) == (NODES, [])
    assert all(arguments[0] == "doctor" for _, arguments, _ in cluster.beginnings)


def test_nodes_of_one_host_are_not_asked_at_once() -> None:
    """Either would take the other for someone else's load."""
    cluster = MadeUpCluster(NODES, make_request())
    ask_nodes(cluster)
    assert {node for node, _, _ in cluster.beginnings[:2]} == {"a", "c"}
    assert not any({node, *beside} >= {"a", "b"} for node, _, beside in cluster.beginnings)


FULL: Telling = (FAILED, "[Errno 28] No space left on device.")


@pytest.mark.parametrize("told", [[GONE], [(BEGAN, "{}"), GONE], [FULL]])
def test_a_node_that_is_lost_or_full_is_named_and_left_out(told: Sequence[Telling]) -> None:
    nodes, left_out = ask_nodes(Answers("b", told))
    assert [node.name for node in nodes] == ["a", "c"]
    assert left_out == [f"b has measured nothing: {told[-1][1]}"]


def test_where_all_nodes_are_lost_that_is_the_error() -> None:
    cluster = MadeUpCluster(NODES[:1], make_request(), lambda node, attempt, telling: GONE)
    with pytest.raises(UsageError, match="a has measured nothing: Its raylet was killed"):
        ask_nodes(cluster)


PLACE = (BEGAN, '{"python": "/opt/python", "machine": "m", "niceness": 0}')


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            [PLACE, (SAID, "/opt/python: No module named separation_bench"), (ENDED, "1")],
            "b has no separation-bench in its /opt/python. Install the same there as here, ",
        ),
        (
            [PLACE, (SAID, "error: A measuring process could not start: no torch."), (ENDED, "2")],
            "b can't measure: A measuring process could not start: no torch.",
        ),
        (
            [PLACE, (PRINTED, '{"is_fit": true, "findings": []}'), (ENDED, "0")],
            "b has another separation-bench, which does not say what its machine is.",
        ),
    ],
)
def test_a_node_that_can_not_measure_is_named(told: Sequence[Telling], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask_nodes(Answers("b", told))
    assert str(caught.value).startswith(words)


def test_a_cluster_without_processors_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="No node of the cluster has processors to measure on"):
        ask_nodes(MadeUpCluster([], make_request()))
