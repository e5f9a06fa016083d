"""What a cluster can do for a run: start commands on its nodes, and tell what comes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.launching.on_node import ENDED, FAILED

LOST = "lost"
"""What is told of a node that is gone, beside what ``on_node`` tells."""
LAST = (ENDED, FAILED, LOST)
"""The last event of a command is one of these."""


@dataclass(frozen=True)
class Member:
    """A node of a cluster."""

    id: str
    name: str  # for people
    host: str  # its address; equal for nodes that are known to share a machine


@dataclass(frozen=True)
class NodeEvent:
    """One thing that a command on a node told, or the node's end."""

    node: str
    what: str
    text: str


class Cluster(Protocol):
    """Nodes that run one command at a time, each with its whole machine."""

    def members(self) -> Sequence[Member]:
        """The nodes that can measure."""

    def start(
        self, node: str, arguments: Sequence[str], name: str = "", content: bytes = b""
    ) -> None:
        """Begin a command on a node (``on_node.run_command``)."""

    def wait(self, patience_s: float | None = None) -> Sequence[NodeEvent]:
        """What happened since, of one node or several; nothing where patience is over."""
