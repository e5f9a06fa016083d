"""What the nodes of a cluster say of themselves, and which of them are of one kind."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import UsageError
from bench.machine.finding import Finding
from bench.results.environment import Environment

GIB = 2**30


@dataclass(frozen=True)
class Node:
    """A node, by what it said of itself before the run."""

    id: str
    name: str  # for people; no record holds it
    machine: str  # equal for nodes that share one
    niceness: int  # of what it measures with
    environment: Environment
    findings: tuple[Finding, ...]  # of bench.doctor

    @property
    def kind(self) -> str:
        """What it has in common with the nodes that may measure in its place."""
        return kind_of(self.environment)


def kind_of(environment: Environment) -> str:
    """The processor, how many, the GPU, and the memory, in words."""
    memory_bytes = environment.machine.memory_bytes
    memory = f"{round_memory(memory_bytes)} GiB" if memory_bytes else "unknown memory"
    return f"{environment.machine.identity}, {memory}"


def round_memory(memory_bytes: int) -> int:
    """GiB, rounded up to a size in which memory is sold: 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on.

    The kernel counts a little less than that, and not the same after each start.
    """
    power = 1 << (math.ceil(memory_bytes / GIB) - 1).bit_length()
    between = power * 3 // 4  # 24 lies between 16 and 32
    return between if power > 2 and memory_bytes <= between * GIB else power


def folder_of(kind: str) -> str:
    """A kind in the name of a folder.

    >>> folder_of("Example(R) CPU @ 2.20GHz, 4 processors, 16 GiB")
    'example-r-cpu-2.20ghz-4-processors-16-gib'
    """
    return re.sub(r"[^a-z0-9.]+", "-", kind.lower()).strip("-.")


def by_kind(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    """The nodes of each kind."""
    kinds: dict[str, list[Node]] = {}
    for node in nodes:
        kinds.setdefault(node.kind, []).append(node)
    return kinds


def refuse_others(nodes: Sequence[Node], code: str, torch: str) -> None:
    """Values of several versions of the code, or releases of torch, are not of one run.

    ``code`` and ``torch`` are those of the one who starts the run.

    Raises:
        UsageError: a node has others; says which, and what.
    """
    problems = [f"{n.name} has {_describe_code(n)}" for n in nodes if _code(n) != code]
    problems += [f"{n.name} has torch {_torch(n)}" for n in nodes if _torch(n) != torch]
    if problems:
        raise UsageError(
            "Not all nodes have the code and the torch that this run was started with "
            f"(torch {torch}): {'; '.join(problems)}. Install the same on all of them."
        )


def _code(node: Node) -> str:
    return node.environment.code.identity


def _torch(node: Node) -> str:
    return node.environment.versions["torch"]


def _describe_code(node: Node) -> str:
    code = node.environment.code
    changes = ", with changes that nobody committed" if code.is_modified else ""
    return f"another separation-bench (commit {code.commit[:12]}{changes})"
