"""bench.run --launcher ray on a cluster of this machine: its driver is killed, and then a node."""

import csv
import os
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import run
from bench.results.record import Record, Status
from bench.results.store import read_records
from tests import fault_models
from tests.bench.launching.ray_nodes import (
    ROOT,
    LocalCluster,
    local_cluster,
    raylet_above,
    skip_without_ray,
)
from tests.bench.processes import remaining

pytestmark = pytest.mark.thorough
REFERENCE, *OTHERS = (
    f"tests.fault_models:{name}" for name in ("healthy", "fuses", "fuses_wrongly", "hangs_once")
)
CELLS = 6  # of a network: contract, parameters, operations and memory in two phases
COUNTED = ("n_params", "weight_bytes", "macs_inference", "macs_update", "flops_inference")


class Blocking:
    """Files through which a network says that it blocks, and how often it was built."""

    def __init__(self, folder: Path) -> None:
        self.said, self.built = folder / "said", folder / "built"
        os.mkfifo(self.said)
        self.variables = {
            fault_models.STARTED: str(self.said),
            fault_models.BUILT: str(self.built),
        }


@pytest.fixture(name="blocking", scope="module")
def blocking_fixture(tmp_path_factory: pytest.TempPathFactory) -> Blocking:
    skip_without_ray()
    return Blocking(tmp_path_factory.mktemp("blocking"))


@pytest.fixture(name="cluster", scope="module")
def cluster_fixture(blocking: Blocking) -> Iterator[LocalCluster]:
    """Of two nodes that measure; started once, since that takes a while."""
    with local_cluster(2, blocking.variables) as cluster:
        yield cluster


class Driver:
    """Runs of the command into a folder, by processes of their own."""

    def __init__(self, folder: Path, cluster: LocalCluster, blocking: Blocking) -> None:
        self.output, self.said = folder / "out", folder / "said"
        self._address, self._blocking = cluster.address, blocking
        blocking.built.unlink(missing_ok=True)

    @contextmanager
    def started(self, *options: str) -> Iterator["subprocess.Popen[str]"]:
        """A run, which is ended on leaving; what it says goes to a file."""
        launcher = ["--launcher", "ray", "--address", self._address, *options]
        command = [sys.executable, "-m", "bench.run", *launcher, *options_for(self.output)]
        with (
            self.said.open("w") as said,
            subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, text=True) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def wait_until_a_network_blocks(self, process: "subprocess.Popen[str]") -> int:
        """The process of the network; that of the command must not end before."""
        end = os.pidfd_open(process.pid)
        reader = os.open(self._blocking.said, os.O_RDONLY | os.O_NONBLOCK)
        try:
            ready, _, _ = select.select([reader, end], [], [])
            assert reader in ready, self.said.read_text()
            return int(os.read(reader, 1000).split()[0])
        finally:
            os.close(reader)
            os.close(end)

    def files(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.output.rglob("*.jsonl")}

    def records(self) -> list[Record]:
        """Of all files, of which none may hold a line that is none."""
        contents = [read_records(path) for path in self.files()]
        assert all(content.bad_lines == () for content in contents)
        return [record for content in contents for record in content.records]

    def assert_nothing_was_lost(self, before: dict[Path, bytes]) -> None:
        """Every cell has one record, of the reference in each part; those of before stand."""
        assert any(before.values())
        after = self.files()
        assert after.keys() == before.keys()
        assert all(after[path].startswith(content) for path, content in before.items())
        records = self.records()
        assert {record.status for record in records} == {Status.OK}
        cells = Counter(record.job.cell for record in records)
        measured = Counter(record.job.model for record in records)
        assert measured == dict.fromkeys(OTHERS, CELLS) | {REFERENCE: 2 * CELLS}
        assert {n for cell, n in cells.items() if cell[0] != REFERENCE} == {1}
        assert {n for cell, n in cells.items() if cell[0] == REFERENCE} == {2}


def options_for(output: Path) -> list[str]:
    models = ["--models", REFERENCE, *OTHERS]
    return [*models, "--exact", "--samples", "400", "--device", "cpu", "--output", str(output)]


def counts_in(output: Path) -> dict[str, list[str]]:
    with (output / "table1.csv").open(newline="") as file:
        return {row["model"]: [row[name] for name in COUNTED] for row in csv.DictReader(file)}


@pytest.fixture(name="driver")
def driver_fixture(tmp_path: Path, cluster: LocalCluster, blocking: Blocking) -> Driver:
    return Driver(tmp_path, cluster, blocking)


def test_a_killed_driver_goes_on_with_what_is_missing(driver: Driver) -> None:
    with driver.started() as process:
        network = driver.wait_until_a_network_blocks(process)
        process.kill()
    before = driver.files()
    with driver.started("--resume") as process:
        assert process.wait() == 0, driver.said.read_text()
    assert remaining([network]) == []
    driver.assert_nothing_was_lost(before)


def test_a_killed_node_loses_nothing_and_nothing_counts_twice(
    driver: Driver, blocking: Blocking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with driver.started() as process:
        network = driver.wait_until_a_network_blocks(process)
        before = driver.files()
        raylet_above(network).kill()
        assert process.wait() == 0, driver.said.read_text()
    assert "is lost: Ray can't reach it any more." in driver.said.read_text()
    assert remaining([network]) == []
    driver.assert_nothing_was_lost(before)
    for name, value in blocking.variables.items():  # and it blocks no second time
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)
    assert run.main(options_for(tmp_path / "alone")) == 0
    assert counts_in(driver.output) == counts_in(tmp_path / "alone")
