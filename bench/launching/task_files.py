"""Where the records of a run over many machines lie, and which parts an earlier one left.

    DIR/records/ray-TIME/KIND/PLACE-shard-I-of-N-PLAN-TIME.jsonl

A file holds what came of one part, whichever nodes measured it. Where the records of one node can't
be gone on with on another, the part begins again in a file of its own; ``bench.report`` counts no
cell of both twice.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bench.errors import UsageError
from bench.files import append_line
from bench.results.codec import EnvironmentLine, decode_line
from bench.results.environment import Environment
from bench.results.record import Record, Status
from bench.results.shard import Shard
from bench.results.store import RecordFile, list_runs, read_records

RUN = "ray"
"""What the folder of a run is called before its time."""
SHARD_NAME = re.compile(r"-shard-\d+-of-(\d+)-")


@dataclass
class TaskFile:
    """The records of a part, on the disk as they come."""

    path: Path
    records: list[Record]  # those to go on with, and what came since
    _environments: dict[str, Environment] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path, place: str, shard: Shard, now: datetime) -> "TaskFile":
        """A new file.

        Raises:
            UsageError: it can't be made, or the disk is nearly full.
        """
        path = folder / f"{place}-{shard.name}-{now:%Y%m%dT%H%M%SZ}.jsonl"
        RecordFile.create(path)
        return cls(path, [])

    @classmethod
    def read(cls, path: Path) -> "TaskFile":
        """What an earlier run left, without the cells that failed: those are measured again.

        Raises:
            UsageError: it can't be read.
        """
        records = read_records(path).records
        known = {r.environment.identity: r.environment for r in records if r.environment}
        return cls(path, [r for r in records if r.status == Status.OK], known)

    @property
    def content(self) -> bytes:
        """All that is on the disk."""
        return self.path.read_bytes()

    def append(self, line: str) -> Record | None:
        """Write a line of a node's file and wait until it is on the disk; the record in it.

        Raises:
            UsageError: the disk is full or gone.
        """
        try:
            append_line(self.path, line)
        except OSError as error:
            raise UsageError(
                f"A record could not be written to {self.path}: {error.strerror or error}. "
                "What was measured before is in that folder."
            ) from error
        found = decode_line(line.encode(), self._environments)
        if isinstance(found, EnvironmentLine):
            self._environments[found.id] = found.environment
            return None
        self.records.append(found)
        return found


def newest_task_file(folder: Path, place: str, shard: Shard) -> TaskFile | None:
    """What is left of a part; None where that is nothing.

    Raises:
        UsageError: it can't be read.
    """
    files = list_runs(folder, f"{place}-{shard.name}")
    return TaskFile.read(files[0]) if files else None


def newest_run(records: Path, networks: Sequence[str]) -> Path | None:
    """The folder of the newest run of these networks that left a record."""
    runs = sorted(records.glob(f"{RUN}-*"), reverse=True)
    return next((run for run in runs if _is_of(run, networks)), None)


def _is_of(run: Path, networks: Sequence[str]) -> bool:
    shards = (r.shard for path in files_of(run) for r in read_records(path).records[:1])
    return any(shard and list(shard.networks) == list(networks) for shard in shards)


def files_of(run: Path) -> list[Path]:
    """The files of a run, or of a kind of machine in it, that hold records."""
    return [path for path in sorted(run.rglob("*.jsonl")) if path.stat().st_size > 0]


def count_tasks(folder: Path) -> int | None:
    """In how many parts an earlier run dealt its networks to a kind; None where there was none."""
    names = (SHARD_NAME.search(path.name) for path in files_of(folder))
    return next((int(found[1]) for found in names if found), None)
