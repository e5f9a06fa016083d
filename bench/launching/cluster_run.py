"""Measure a plan on the nodes of a cluster; every record is on this machine's disk as it comes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bench.launching.cluster import LOST, Cluster, NodeEvent
from bench.launching.finishes import judge, last_words
from bench.launching.nodes import Node
from bench.launching.on_node import ENDED, FAILED, RECORD, SAID
from bench.launching.schedule import Attempt, Finish, Task, assign, hopeless_tasks
from bench.launching.tasks import DealtTask
from bench.render.terminal.progress import describe

REST_S = 300.0
"""How long a node is left alone on whose machine someone else's run measures."""
ELSEWHERE = "What is missing goes to another node of this kind, if there is one."
HOW_IT_ENDED = {
    Finish.DONE: "{node} has measured {part}.",
    Finish.BUSY: "{node} is busy, and {part} is measured later or elsewhere: {complaint}",
    Finish.STALE: "{node} begins {part} again, in a file of its own: the node that began it is not "
    "like this one.",
    Finish.REFUSED: f"{{node}} did not finish {{part}}: {{complaint}} {ELSEWHERE}",
    Finish.LOST: f"{{node}} is lost: {{complaint}} {ELSEWHERE}",
}


class ClusterRun:
    """The course of a run over a cluster. ``say`` is told what people should know of it."""

    def __init__(
        self,
        cluster: Cluster,
        nodes: Sequence[Node],
        dealt_tasks: Sequence[DealtTask],
        say: Callable[[str], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._nodes = {node.id: node for node in nodes}
        self._open = {dealt.task: dealt for dealt in dealt_tasks if dealt.missing}
        self._alone = {dealt.task.kind for dealt in dealt_tasks if dealt.is_alone}
        self._say, self._now = say, now
        self._attempts: list[Attempt] = []
        self._heard: dict[str, list[str]] = {}
        self._resting: set[str] = set()

    def run(self) -> list[DealtTask]:
        """Until nothing is left to measure; the parts that no node could finish.

        Raises:
            UsageError: this machine's disk is full.
        """
        while True:
            self._begin()
            hopeless = hopeless_tasks(self._all_nodes, list(self._open), self._attempts)
            if len(hopeless) == len(self._open):
                return [self._open[task] for task in hopeless]
            events = self._cluster.wait(REST_S if self._resting else None)
            if not events:
                self._resting.clear()
            for event in events:
                self._take(event)

    @property
    def _all_nodes(self) -> list[Node]:
        return list(self._nodes.values())

    def _begin(self) -> None:
        """Give free nodes parts."""
        chosen = assign(
            self._all_nodes, list(self._open), self._attempts, self._alone, self._resting
        )
        for node, task in chosen:
            self._say(f"{node.name} measures {task} of {node.kind}.")
            self._attempts.append(Attempt(node.id, task))
            self._heard[node.id] = []
            file = self._open[task].reopen()
            arguments = ["run", *self._open[task].arguments]
            self._cluster.start(node.id, arguments, file.path.name, file.content)

    def _take(self, event: NodeEvent) -> None:
        """What a node told."""
        if event.what == RECORD:
            record = self._open[self._task_of(event.node)].file.append(event.text)
            if record:
                self._say(f"{self._nodes[event.node].name}: {describe(record)}")
        elif event.what == SAID:
            self._heard[event.node].append(event.text)
        elif event.what in (ENDED, FAILED, LOST):
            self._conclude(event)

    def _task_of(self, node: str) -> Task:
        return next(a.task for a in self._attempts if a.node == node and a.ending is None)

    def _conclude(self, event: NodeEvent) -> None:
        """A node has ended its work on a part."""
        task = self._task_of(event.node)
        dealt = self._open[task]
        if event.what == ENDED:
            complaint = last_words(int(event.text), self._heard[event.node])
            ending = judge(int(event.text), complaint, is_whole=not dealt.missing)
        else:
            complaint = event.text
            ending = Finish.LOST if event.what == LOST else Finish.REFUSED
        self._attempts.remove(Attempt(event.node, task))
        self._attempts.append(Attempt(event.node, task, ending))
        if not dealt.missing:
            self._open.pop(task)
        if ending == Finish.BUSY:
            machine = self._nodes[event.node].machine
            self._resting |= {node.id for node in self._all_nodes if node.machine == machine}
        else:
            self._resting.clear()
        if ending == Finish.STALE:
            dealt.begin_again(self._now())
        node = self._nodes[event.node].name
        self._say(HOW_IT_ENDED[ending].format(node=node, part=task, complaint=complaint))
