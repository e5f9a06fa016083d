"""A cluster whose nodes measure made-up values, refuse, and are lost when a test says so."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from bench.errors import EXIT_CELL_FAILED, EXIT_OK, EXIT_USAGE
from bench.launching.cluster import LAST, Member, NodeEvent
from bench.launching.nodes import Node
from bench.launching.on_node import BEGAN, ENDED, PRINTED, RECORD, SAID
from bench.launching.tasks import Plan, Request
from bench.machine.finding import Finding
from bench.machine.lock import IS_MEASURING
from bench.plan import plan_exact
from bench.registry import TABLE1, Entry
from bench.results.codec import (
    EnvironmentLine,
    RecordError,
    decode_line,
    encode_environment,
    encode_record,
)
from bench.results.environment import Environment
from bench.results.record import Record, Status
from bench.results.resumption import MADE_ELSEWHERE
from bench.results.shard import deal
from bench.results.summary import choose_base
from tests.bench.example_records import ENVIRONMENT, SETTINGS, fail, make_record
from tests.bench.example_results import measured

Telling = tuple[str, str]
Disturbances = Mapping[tuple[str, int], tuple[int, Sequence[Telling]]]
"""By node and attempt: after how many tellings, and what is told in the place of the next."""
NETWORKS = TABLE1[:5]


def make_request(
    entries: tuple[Entry, ...] = NETWORKS, plan: Plan = plan_exact, is_exact: bool = True
) -> Request:
    code, torch = ENVIRONMENT.code.identity, ENVIRONMENT.versions["torch"]
    return Request((), entries, SETTINGS, "cpu", plan, is_exact, code, torch)


def make_node(
    name: str,
    environment: Environment = ENVIRONMENT,
    machine: str | None = None,
    findings: tuple[Finding, ...] = (),
    niceness: int = 0,
) -> Node:
    return Node(name, name, machine or name, niceness, environment, findings)


@dataclass
class MadeUpCluster:
    """Nodes that speak in turns.

    ``disturb`` sees what a node is about to tell of the run's how-manieth attempt on it, and
    returns what it tells instead: the last, if that ends a command.
    """

    nodes: Sequence[Node]
    request: Request
    disturb: Callable[[str, int, Telling], Telling] = lambda node, attempt, telling: telling
    choose: Callable[[Sequence[str]], str] = lambda nodes: nodes[0]
    failing: Mapping[str, str] = field(default_factory=dict)  # reasons, by network
    attempts: Counter[str] = field(default_factory=Counter)
    n_waits_for_nothing: int = 0
    running: dict[str, Iterator[Telling]] = field(default_factory=dict)
    beginnings: list[tuple[str, list[str], frozenset[str]]] = field(default_factory=list)

    def members(self) -> list[Member]:
        return [Member(node.id, node.name, node.machine) for node in self.nodes]

    def start(
        self, node: str, arguments: Sequence[str], name: str = "", content: bytes = b""
    ) -> None:
        assert node not in self.running, "a node does one thing at a time"
        self.beginnings.append((node, list(arguments), frozenset(self.running)))
        (place,) = [one for one in self.nodes if one.id == node]
        if arguments[0] == "doctor":
            self.running[node] = self._examine(place)
        else:
            self.attempts[node] += 1
            self.running[node] = self._measure(place.environment, arguments, content)

    def wait(self, patience_s: float | None = None) -> list[NodeEvent]:
        if not self.running:
            assert patience_s, "nothing will ever happen"
            self.n_waits_for_nothing += 1
            return []
        node = self.choose(sorted(self.running))
        telling = next(self.running[node], (ENDED, "-9"))  # it was to say more, and was disturbed
        what, text = self.disturb(node, self.attempts[node], telling)
        if what in LAST:
            self.running.pop(node)
        return [NodeEvent(node, what, text)]

    def _examine(self, node: Node) -> Iterator[Telling]:
        place = {"python": "/usr/bin/python3", "machine": node.machine, "niceness": node.niceness}
        yield BEGAN, json.dumps(place)
        answer = {
            "environment": msgspec.to_builtins(node.environment),
            "findings": msgspec.to_builtins(node.findings),
        }
        yield PRINTED, json.dumps(answer)
        yield ENDED, str(EXIT_OK)

    def _measure(
        self, environment: Environment, arguments: Sequence[str], content: bytes
    ) -> Iterator[Telling]:
        kept = [record for record in read_all(content) if record.status == Status.OK]
        yield BEGAN, "{}"
        assert ("--resume" in arguments) == bool(content)
        if any(record.environment != environment for record in kept):
            yield SAID, f"error: cpu.jsonl {MADE_ELSEWHERE}, so it can't be resumed."
            yield ENDED, str(EXIT_USAGE)
            return
        index, count = map(int, arguments[arguments.index("--shard") + 1].split("/"))
        names = [entry.name for entry in self.request.entries]
        shard = deal(index, count, names, choose_base(names) or "")
        entries = [entry for entry in self.request.entries if shard.has(entry.name)]
        if not kept:
            yield RECORD, encode_environment(environment)
        code = EXIT_OK
        while jobs := self.request.plan(entries, self.request.settings, kept):
            for job in jobs:
                record = make_record(job, measured(1.5, job), environment)
                if job.model in self.failing:
                    record = fail(record, Status.OOM, self.failing[job.model])
                    code = EXIT_CELL_FAILED
                kept.append(replace(record, shard=shard))
                yield RECORD, encode_record(kept[-1])
        yield ENDED, str(code)


def read_all(content: bytes) -> list[Record]:
    """The records of a file that was handed over; its last line may be torn."""
    environments: dict[str, Environment] = {}
    records = []
    for line in content.splitlines():
        try:
            found = decode_line(line, environments)
        except RecordError:
            continue
        if isinstance(found, EnvironmentLine):
            environments[found.id] = found.environment
        else:
            records.append(found)
    return records


def refuses(complaint: str) -> Iterator[Telling]:
    """What a command tells that can't do what it is asked for."""
    yield SAID, f"error: {complaint}"
    yield ENDED, str(EXIT_USAGE)


BUSY = f"{IS_MEASURING} (process 7), and two would slow each other down. Wait for its end."
FULL = "A record could not be written to cpu.jsonl: No space left on device."


class Disturbed:
    """Instead of the n-th telling of an attempt on a node, others: a refusal, or its loss."""

    def __init__(self, plan: Disturbances) -> None:
        self._plan = plan
        self._n_told: Counter[tuple[str, int]] = Counter()

    def __call__(self, node: str, attempt: int, telling: Telling) -> Telling:
        key = node, attempt
        n_told = self._n_told[key]
        self._n_told[key] += 1
        if attempt == 0 or key not in self._plan:
            return telling
        first, instead = self._plan[key]
        index = n_told - first
        return instead[index] if 0 <= index < len(instead) else telling
