"""Record files: append-only JSON Lines, each record on disk before the next is measured."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bench.errors import UsageError
from bench.files import append_line
from bench.results.codec import (
    EnvironmentLine,
    RecordError,
    decode_line,
    encode_environment,
    encode_record,
)
from bench.results.environment import Environment
from bench.results.record import Record

NEEDED_BYTES = 64_000_000
"""Space for the records, tables and figures of a thorough run."""
TIME = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "Z"
"""How the time stands in the name of a run's file, as a pattern."""


class BadLine(NamedTuple):
    """A line that could not be read."""

    number: int  # from 1
    problem: str


class FileContents(NamedTuple):
    """What a record file holds: all that could be read, and what could not."""

    records: tuple[Record, ...]
    bad_lines: tuple[BadLine, ...]


class RecordFile:
    """A file that records are appended to; an environment is written before its first record."""

    def __init__(self, path: Path, records: Iterable[Record] = ()) -> None:
        self.path = path
        self._described = {r.environment.identity for r in records if r.environment}

    @classmethod
    def create(cls, path: Path) -> "RecordFile":
        """Make an empty file and its folder, so that an unwritable place is found first.

        Raises:
            UsageError: the folder can't be made or written to, or the file already exists.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)
            free_bytes = shutil.disk_usage(path.parent).free
        except OSError as error:
            raise UsageError(
                f"Records can't be written to {path}: {error.strerror or error}. "
                "Choose a folder that you can write to with --output DIR."
            ) from error
        if free_bytes < NEEDED_BYTES:
            path.unlink()
            raise UsageError(
                f"Only {free_bytes / 1e6:.0f} MB are free where {path} would be, and a run needs "
                f"up to {NEEDED_BYTES / 1e6:.0f} MB. Make room, or choose another folder: "
                "--output DIR."
            )
        return cls(path)

    def append(self, record: Record) -> None:
        """Write one record and wait until it is on the disk.

        Raises:
            UsageError: the disk is full or gone.
        """
        environment = record.environment
        if environment is not None and environment.identity not in self._described:
            self._append(encode_environment(environment))
            self._described.add(environment.identity)
        self._append(encode_record(record))

    def _append(self, line: str) -> None:
        try:
            append_line(self.path, line)
        except OSError as error:
            raise UsageError(
                f"A record could not be written to {self.path}: {error.strerror or error}. "
                "What was measured before is in that file."
            ) from error


def read_records(path: Path) -> FileContents:
    """All complete records of a file; torn or foreign lines are named, not fatal.

    Raises:
        UsageError: there is no such file, or it can't be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"No records can be read from {path}: {error.strerror}.") from error
    environments: dict[str, Environment] = {}
    records: list[Record] = []
    bad_lines: list[BadLine] = []
    for number, line in enumerate(lines, start=1):
        try:
            found = decode_line(line, environments)
        except RecordError as error:
            bad_lines.append(BadLine(number, str(error)))
            continue
        if isinstance(found, EnvironmentLine):
            environments[found.id] = found.environment
        else:
            records.append(found)
    return FileContents(tuple(records), tuple(bad_lines))


def list_runs(folder: Path, place: str = "*") -> list[Path]:
    """The files of runs that left a record, the newest first, by the time in their names.

    ``place`` is what a run's name has before the time: ``cpu`` or a GPU's name, and where the run
    is a shard that shard's.
    """
    files = [file for file in folder.glob(f"{place}-{TIME}.jsonl") if file.stat().st_size > 0]
    return sorted(files, key=lambda file: file.stem.rpartition("-")[2], reverse=True)


def newest_records(folder: Path, place: str = "*") -> Path:
    """The record file of the latest run in a folder that has records.

    Raises:
        UsageError: the folder holds none.
    """
    files = list_runs(folder, place)
    if not files:
        raise UsageError(
            f"There are no records in {folder}. Measure first: python -m bench.run --models all"
        )
    return files[0]
