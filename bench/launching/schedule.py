"""Which node measures which part of a run next: a pure function of what happened so far.

Every kind of machine measures all networks, in as many parts as it had nodes when the run began.
A part that a node could not finish goes to another of its kind, and no node is asked twice for what
it refused.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from bench.launching.nodes import Node


@dataclass(frozen=True)
class Task:
    """A shard of the plan on one kind of machine."""

    kind: str
    index: int  # from 1
    count: int

    def __str__(self) -> str:
        return f"part {self.index} of {self.count}"


class Finish(Enum):
    """How a node's work on a part ended."""

    DONE = auto()  # every cell has its record, failed ones included
    BUSY = auto()  # someone else's run measures on that machine
    STALE = auto()  # records of another node can't be gone on with there
    REFUSED = auto()  # it can't be measured there: the disk is full, say
    LOST = auto()  # the node is gone


@dataclass(frozen=True)
class Attempt:
    """A node's work on a part."""

    node: str
    task: Task
    ending: Finish | None = None  # it goes on


def assign(
    nodes: Sequence[Node],
    tasks: Sequence[Task],
    attempts: Sequence[Attempt],
    alone: Collection[str] = (),
    resting: Collection[str] = (),
) -> list[tuple[Node, Task]]:
    """What to begin now: for each free node the first part that it can measure.

    Parts of kinds in ``alone`` read clocks: on the machine of one nothing else runs. Nodes that are
    ``resting`` wait for someone else's run to end.
    """
    chosen: list[tuple[Node, Task]] = []
    for node in nodes:
        running = [a.node for a in attempts if a.ending is None] + [n.id for n, _ in chosen]
        if node.id in running or node.id in resting or is_lost(node, attempts):
            continue
        neighbours = [n for n in nodes if n.id in running and n.machine == node.machine]
        if neighbours and any(n.kind in alone for n in (node, *neighbours)):
            continue
        taken = {task for _, task in chosen}
        waiting = [task for task in waiting_tasks(tasks, attempts) if task not in taken]
        able = [task for task in waiting if can_measure(node, task, attempts)]
        chosen += [(node, task) for task in able[:1]]
    return chosen


def waiting_tasks(tasks: Sequence[Task], attempts: Sequence[Attempt]) -> list[Task]:
    """Those that are neither done nor under way."""
    settled = {a.task for a in attempts if a.ending in (Finish.DONE, None)}
    return [task for task in tasks if task not in settled]


def hopeless_tasks(
    nodes: Sequence[Node], tasks: Sequence[Task], attempts: Sequence[Attempt]
) -> list[Task]:
    """Those that wait, and that no node is left for."""
    return [
        task
        for task in waiting_tasks(tasks, attempts)
        if not any(can_measure(node, task, attempts) for node in nodes)
    ]


def can_measure(node: Node, task: Task, attempts: Sequence[Attempt]) -> bool:
    """Whether a node is there, of the part's kind, and has not refused the part."""
    has_refused = Attempt(node.id, task, Finish.REFUSED) in attempts
    return node.kind == task.kind and not has_refused and not is_lost(node, attempts)


def is_lost(node: Node, attempts: Sequence[Attempt]) -> bool:
    """Whether it was lost in any attempt."""
    return any(a.node == node.id and a.ending == Finish.LOST for a in attempts)
