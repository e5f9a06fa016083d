"""A Ray cluster on this machine, of ports and folders of its own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[3]
SMALL = ("--object-store-memory", "80000000", "--disable-usage-stats", "--block")
QUIET = {
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_memory_monitor_refresh_ms": "0",  # other programs may fill this machine's memory
}
HAS_STARTED = "Ray runtime started"


def skip_without_ray() -> None:
    if find_spec("ray") is None:
        pytest.skip("ray is not installed: make thorough installs it")


class LocalCluster:
    """A head without processors, and nodes with one each."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {**os.environ, **QUIET, **variables}
        self._folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # names of sockets are short
        self._started: list[subprocess.Popen[str]] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"

    def start_head(self) -> None:
        port = self.address.partition(":")[2]
        head = ("--head", "--port", port, "--include-dashboard=false", "--temp-dir", self._folder)
        self._start(*head, "--num-cpus", "0")

    def add_node(self) -> None:
        self._start("--address", self.address, "--num-cpus", "1")

    def _start(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *SMALL, *arguments]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if HAS_STARTED in line:
                return
        pytest.fail(f"ray start: {''.join(said)}")

    def stop(self) -> None:
        """End whatever was started, and what that has started."""
        for process in self._started:
            for one in _with_children(process.pid):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            with process:
                pass
        shutil.rmtree(self._folder, ignore_errors=True)


def _with_children(process: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(process)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def raylet_above(process: int) -> psutil.Process:
    """The manager of the node that a process runs on."""
    return next(one for one in psutil.Process(process).parents() if one.name() == "raylet")


@contextmanager
def local_cluster(n_nodes: int, variables: Mapping[str, str]) -> Iterator[LocalCluster]:
    cluster = LocalCluster(variables)
    try:
        cluster.start_head()
        for _ in range(n_nodes):
            cluster.add_node()
        yield cluster
    finally:
        cluster.stop()
