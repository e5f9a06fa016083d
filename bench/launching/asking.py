"""Ask the nodes of a cluster what they are, before anything is measured on them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.errors import EXIT_OK, EXIT_UNFIT, UsageError
from bench.launching.cluster import LAST, Cluster, Member, NodeEvent
from bench.launching.finishes import last_words
from bench.launching.nodes import Node
from bench.launching.on_node import BEGAN, ENDED, PRINTED, SAID
from bench.machine.finding import Finding
from bench.results.environment import Environment

QUESTION = ("doctor", "--format", "json")


@dataclass(frozen=True)
class _Answer:
    """What ``bench.doctor --format json`` prints."""

    environment: Environment
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Place:
    """What a node tells of a command that it began."""

    python: str
    machine: str
    niceness: int


def ask_nodes(cluster: Cluster) -> tuple[list[Node], list[str]]:
    """All nodes that answer, and a sentence for each that is left out: what they would have
    measured is not known.

    Raises:
        UsageError: no node answers, or one has not what it takes; says which, and why.
    """
    members = cluster.members()
    if not members:
        raise UsageError(
            "No node of the cluster has processors to measure on (ray status shows what they have)."
        )
    told = _ask_all(cluster, members)
    left_out = [
        f"{member.name} has measured nothing: {told[member.id][-1].text}"
        for member in members
        if told[member.id][-1].what != ENDED
    ]
    answers = [_read(m, told[m.id]) for m in members if told[m.id][-1].what == ENDED]
    problems = [answer for answer in answers if isinstance(answer, str)]
    if problems or not answers:
        raise UsageError(" ".join(problems or left_out))
    return [node for node in answers if isinstance(node, Node)], left_out


def _ask_all(cluster: Cluster, members: Sequence[Member]) -> dict[str, list[NodeEvent]]:
    """What each told, to the end. Nodes of one host are asked one after another: two would take
    each other for someone else's load.
    """
    told: dict[str, list[NodeEvent]] = {member.id: [] for member in members}
    waiting, asked = list(members), set[str]()
    while waiting or asked:
        busy = {member.host for member in members if member.id in asked}
        for member in {m.host: m for m in reversed(waiting) if m.host not in busy}.values():
            cluster.start(member.id, QUESTION)
            waiting.remove(member)
            asked.add(member.id)
        for event in cluster.wait():
            told[event.node].append(event)
            if event.what in LAST:
                asked.discard(event.node)
    return told


def _read(member: Member, told: Sequence[NodeEvent]) -> Node | str:
    """A node, or the sentence that says why it is none."""
    texts = {what: [e.text for e in told if e.what == what] for what in (BEGAN, PRINTED, SAID)}
    place = msgspec.json.decode(texts[BEGAN][0], type=_Place)
    code = int(told[-1].text)
    complaint = last_words(code, texts[SAID])
    if "No module named separation_bench" in complaint:
        return (
            f"{member.name} has no separation-bench in its {place.python}. Install the same there "
            "as here, or start Ray there with the Python that has it."
        )
    if code not in (EXIT_OK, EXIT_UNFIT):
        return f"{member.name} can't measure: {complaint}"
    try:
        answer = msgspec.convert(json.loads(texts[PRINTED][0]), _Answer)
    except (ValueError, msgspec.ValidationError):
        return (
            f"{member.name} has another separation-bench, which does not say what its machine is. "
            "Install the same there as here."
        )
    return Node(
        member.id,
        member.name,
        place.machine,
        place.niceness,
        answer.environment,
        answer.findings,
    )
