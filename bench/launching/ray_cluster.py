"""A Ray cluster: the one file that imports ray.

A command gets a whole node: all the processors and GPUs that Ray counts there. What it tells comes
back one by one while it runs (a streaming generator), and Ray tries nothing again by itself.
"""

import io
import logging
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from types import FrameType
from typing import Any

from bench.errors import UsageError
from bench.launching import on_node
from bench.launching.cluster import LAST, LOST, Member, NodeEvent
from bench.launching.on_node import FAILED

try:
    import ray
    from ray.exceptions import (
        NodeDiedError,
        ObjectLostError,
        OutOfMemoryError,
        RayError,
        TaskUnschedulableError,
    )
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise UsageError(
        "--launcher ray needs a package that is not installed: ray. "
        "To install it: pip install 'separation-bench[ray]'"
    ) from error

CONNECT_S = 5.0
"""How long the head of a cluster may take to answer at all."""
OF_A_LOST_NODE = (NodeDiedError, ObjectLostError, TaskUnschedulableError)


@contextmanager
def connect(address: str) -> Iterator["RayCluster"]:
    """The cluster at an address, ``host:port`` or ``auto``; on leaving, what still runs is ended.

    What Ray prints of itself on standard output is dropped: that is for results.

    Raises:
        UsageError: there is no cluster, or it can't be used from here.
    """
    before = signal.getsignal(signal.SIGTERM)
    with redirect_stdout(io.StringIO()):
        try:
            _see_that_someone_listens(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError, RayError) as error:
            why = str(error).rstrip(".")
            raise UsageError(
                f"There is no Ray cluster that can be used at {address}: {why}. Start one "
                "(ray start --head), or name its head: --address HOST:PORT."
            ) from error
        with _answering_sigterm(before):
            try:
                yield RayCluster()
            finally:
                ray.shutdown()


@contextmanager
def _answering_sigterm(answer: Any) -> Iterator[None]:
    """SIGTERM does what it did before Ray took it. In Ray, a wait is ended by Ctrl-C only."""
    arrived: list[tuple[int, FrameType | None]] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        arrived.append((number, frame))
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        if arrived and callable(answer):
            answer(*arrived[0])
        raise
    finally:
        signal.signal(signal.SIGTERM, answer)


def _see_that_someone_listens(address: str) -> None:
    """Ray itself would try for more than a minute.

    Raises:
        OSError: nobody does.
        ValueError: it is no address of a cluster's head.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not (host and port.isdecimal()):
        raise ValueError("an address is HOST:PORT, of a cluster that this machine is a node of")
    socket.create_connection((host, int(port)), CONNECT_S).close()


class RayCluster:
    """The nodes of the cluster that this process is connected to."""

    def __init__(self) -> None:
        self._nodes = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
        self._running: dict[Any, str] = {}  # generators, and the nodes that they run on
        ray.cloudpickle.register_pickle_by_value(on_node)
        self._run = ray.remote(on_node.run_command)

    def members(self) -> list[Member]:
        """The nodes that have processors, called after their hosts."""
        able = [node for node in self._nodes.values() if node["Resources"].get("CPU")]
        hosts = Counter(node["NodeManagerHostname"] for node in able)
        return [_describe(node, hosts) for node in able]

    def start(
        self, node: str, arguments: Sequence[str], name: str = "", content: bytes = b""
    ) -> None:
        """Begin a command on a node, in the folder of this process where that is there too."""
        has = self._nodes[node]["Resources"]
        run = self._run.options(
            num_returns="streaming",
            max_retries=0,
            num_cpus=has["CPU"],
            num_gpus=has.get("GPU", 0),
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        self._running[run.remote(list(arguments), os.getcwd(), name, content)] = node

    def wait(self, patience_s: float | None = None) -> list[NodeEvent]:
        """What happened since on one node or several; nothing where patience is over."""
        if not self._running:
            time.sleep(patience_s or 0.0)
            return []
        ready, _ = ray.wait(list(self._running), timeout=patience_s, fetch_local=False)
        return [self._next(generator) for generator in ready]

    def _next(self, generator: Any) -> NodeEvent:
        """The next thing that is told; the last when its command has left the node."""
        node = self._running[generator]
        try:
            what, text = ray.get(next(generator))
        except StopIteration:
            what, text = FAILED, "It ended without a word."
        except RayError as error:
            what, text = _explain(error)
        if what in LAST:
            for _ in generator:
                pass
            self._running.pop(generator)
        return NodeEvent(node, what, text)


def _describe(node: Mapping[str, Any], hosts: Mapping[str, int]) -> Member:
    id_, host = node["NodeID"], node["NodeManagerHostname"]
    name = host if hosts[host] == 1 else f"{host} ({id_[:8]})"
    return Member(id_, name, node["NodeManagerAddress"])


def _explain(error: RayError) -> tuple[str, str]:
    """Whether a node is lost, or a command can't be run there; and why, as a sentence."""
    if isinstance(error, OutOfMemoryError):
        return FAILED, (
            "Ray ended the whole command because the node's memory was nearly full. Where the node "
            "is started with RAY_memory_monitor_refresh_ms=0, a network that needs too much ends "
            "alone."
        )
    if isinstance(error, OF_A_LOST_NODE):
        return LOST, "Ray can't reach it any more."
    words = next(iter(str(error).splitlines()), "") or type(error).__name__
    return FAILED, f"{words.rstrip('. ')}."
