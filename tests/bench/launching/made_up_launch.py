"""A run over a made-up cluster, and what it leaves on the disk."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from bench.launching.cluster_run import ClusterRun
from bench.launching.task_files import files_of
from bench.launching.tasks import DealtTask, deal_tasks
from bench.results.gathering import gather_files, merge_files
from bench.results.record import Record
from bench.results.store import read_records
from tests.bench.launching.made_up_cluster import (
    NETWORKS,
    MadeUpCluster,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXACT = 6  # cells of a network: contract, parameters, operations and memory in two phases


class Clock:
    """A second passes whenever someone looks; every clock begins a day after the one before."""

    beginnings = (NOW + timedelta(days=n) for n in count())

    def __init__(self) -> None:
        self.now = next(self.beginnings)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def launch(cluster: MadeUpCluster, run: Path, said: list[str] | None = None) -> list[DealtTask]:
    clock = Clock()
    dealt_tasks = deal_tasks(cluster.request, cluster.nodes, run, clock())
    said = [] if said is None else said
    return ClusterRun(cluster, cluster.nodes, dealt_tasks, said.append, clock).run()


def stored(run: Path) -> dict[Path, tuple[Record, ...]]:
    contents = {path: read_records(path) for path in files_of(run)}
    assert all(content.bad_lines == () for content in contents.values())
    return {path: content.records for path, content in contents.items()}


def merged(run: Path) -> list[list[Record]]:
    """The records that count of one kind of machine, which are of one run, or of none."""
    return [merge_files(files) for files in gather_files(stored(run)) if files]


def assert_each_cell_once(run: Path, networks: Sequence[str], n_parts: int) -> None:
    """But those of the reference, which every part has."""
    cells = Counter(r.job.cell for records in stored(run).values() for r in records)
    assert Counter(cell[0] for cell in cells) == dict.fromkeys(networks, EXACT)
    reference = "sudormrf-1.0x"
    assert {cell[0]: n for cell, n in cells.items()} == {
        name: n_parts if name == reference else 1 for name in networks
    }


NAMES = [entry.name for entry in NETWORKS]
