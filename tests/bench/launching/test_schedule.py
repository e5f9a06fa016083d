"""Who measures what next: laws over made-up histories."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bench.launching.nodes import Node
from bench.launching.schedule import Attempt, Finish, Task, assign, hopeless_tasks
from tests.bench.example_records import GPU, environment
from tests.bench.launching.made_up_cluster import make_node

PLACES = (environment(), environment(machine={"gpu": GPU}))
NODES = st.builds(
    lambda places, machines: [
        make_node(f"n{index}", place, machine)
        for index, (place, machine) in enumerate(zip(places, machines, strict=False))
    ],
    st.lists(st.sampled_from(PLACES), min_size=1, max_size=4),
    st.lists(st.sampled_from("xyz"), min_size=4, max_size=4),
)


def tasks_of(nodes: list[Node], count: int) -> list[Task]:
    kinds = dict.fromkeys(node.kind for node in nodes)
    return [Task(kind, index, count) for kind in kinds for index in range(1, count + 1)]


@given(nodes=NODES, count=st.integers(1, 3), is_alone=st.booleans(), data=st.data())
def test_every_part_is_done_or_no_node_is_left_for_it(
    nodes: list[Node], count: int, is_alone: bool, data: st.DataObject
) -> None:
    tasks, attempts, resting = tasks_of(nodes, count), list[Attempt](), set[str]()
    alone = {node.kind for node in nodes} if is_alone else set()
    for n_steps in range(500):
        begun = assign(nodes, tasks, attempts, alone, resting)
        attempts += [Attempt(node.id, task) for node, task in begun]
        running = [attempt for attempt in attempts if attempt.ending is None]
        assert_sensible(nodes, attempts, running, alone)
        if not running and not resting:
            break
        resting = set()
        if running:
            # A busy or stale node says so a few times, and not for ever.
            endings = list(Finish) if n_steps < 50 else [Finish.DONE]
            ended, ending = data.draw(st.sampled_from(running)), data.draw(st.sampled_from(endings))
            attempts.remove(ended)
            attempts.append(replace(ended, ending=ending))
            resting = {ended.node} if ending == Finish.BUSY else set()
    hopeless = hopeless_tasks(nodes, tasks, attempts)
    done = [attempt.task for attempt in attempts if attempt.ending == Finish.DONE]
    assert Counter([*done, *hopeless]) == Counter(tasks)
    for task in hopeless:
        ends = {(a.node, a.task if a.ending == Finish.REFUSED else a.ending) for a in attempts}
        for node in nodes:
            if node.kind == task.kind:
                assert {(node.id, task), (node.id, Finish.LOST)} & ends


def assert_sensible(
    nodes: list[Node], attempts: list[Attempt], running: list[Attempt], alone: set[str]
) -> None:
    kinds = {node.id: node.kind for node in nodes}
    machines = {node.id: node.machine for node in nodes}
    assert len({attempt.node for attempt in running}) == len(running)
    assert len({attempt.task for attempt in running}) == len(running)
    for attempt in running:
        assert kinds[attempt.node] == attempt.task.kind
        earlier = [a for a in attempts if a.node == attempt.node and a.ending]
        assert all(a.ending != Finish.LOST for a in earlier)
        assert Attempt(attempt.node, attempt.task, Finish.REFUSED) not in earlier
        assert all(a.task != attempt.task or a.ending != Finish.DONE for a in attempts)
    if alone:
        assert len({machines[attempt.node] for attempt in running}) == len(running)


def test_a_resting_node_leaves_its_part_to_others() -> None:
    nodes = [make_node("a"), make_node("b")]
    (task,) = tasks_of(nodes, 1)
    attempts = [Attempt("a", task, Finish.BUSY)]
    assert assign(nodes, [task], attempts, resting={"a"}) == [(nodes[1], task)]
    assert assign(nodes[:1], [task], attempts, resting={"a"}) == []
    assert hopeless_tasks(nodes[:1], [task], attempts) == []


def test_clocks_are_read_on_one_kind_beside_no_other() -> None:
    """Two nodes of one machine, of which one sees its GPU: either waits for the other."""
    nodes = [make_node(n, place, "x") for n, place in zip("ab", PLACES, strict=True)]
    tasks = tasks_of(nodes, 1)
    for kind in (nodes[0].kind, nodes[1].kind):
        assert assign(nodes, tasks, (), alone={kind}) == [(nodes[0], tasks[0])]
    assert len(assign(nodes, tasks, ())) == 2
