"""The newest records of each kind below a folder of reports, and its files that can't be read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Generic, TypeVar

from bench.errors import UsageError
from bench.render.page.section import Section
from bench.results.record import Record
from bench.results.store import FileContents, read_records

Found = TypeVar("Found")
RUNS = ""
"""The kind of records of ``bench.run``, which lie in no folder of their own."""
MOST_LINES = 3
"""Of one file that are named."""


@dataclass(frozen=True)
class Newest(Generic[Found]):
    """What the newest file that has something of a kind says.

    ``problems`` are sentences on newer files and on lines that were left out.
    """

    found: Found | None
    file: str  # below the folder of reports; empty where nothing was found
    problems: tuple[str, ...] = ()

    def only_problems(self, key: str, title: str) -> list[Section]:
        """In the place of a section of which nothing can be read; none where nothing is."""
        text = " ".join(self.problems)
        return [Section(key, title, text, None, None)] if text else []


class ReportFolder:
    """A folder of reports, each of whose record files is read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, FileContents] = {}

    def newest(
        self, kinds: Sequence[str], summarise: Callable[[Sequence[Record]], Found | None]
    ) -> Newest[Found]:
        """Of the files of these kinds, by the time in their names.

        ``summarise`` returns None for records of something else, and raises UsageError for those
        that can't be summed up.
        """
        return self._first(([path] for path in self._list(kinds)), lambda one: summarise(one[0]))

    def newest_together(
        self, kind: str, summarise: Callable[[Sequence[Sequence[Record]]], Found | None]
    ) -> Newest[Found]:
        """The same of a command that writes several files at a time, each of something else.

        The newest of each are taken together, newest first; where they can't be, those of one time.
        """
        files = self._list([kind])
        newest = sorted(
            {_subject(file): file for file in reversed(files)}.values(), key=files.index
        )
        of_one_time = (list(paths) for _, paths in groupby(files, key=_stamp))
        groups = [newest] if newest else []
        return self._first([*groups, *(one for one in of_one_time if one != newest)], summarise)

    def _list(self, kinds: Iterable[str]) -> list[Path]:
        """The newest first; empty files are of runs that left no record."""
        folders = [self.folder / "records" / kind for kind in kinds]
        files = [file for folder in folders for file in folder.glob("*.jsonl") if _has_text(file)]
        return sorted(files, key=lambda file: (_stamp(file), file.name), reverse=True)

    def _first(
        self,
        groups: Iterable[Sequence[Path]],
        summarise: Callable[[Sequence[Sequence[Record]]], Found | None],
    ) -> Newest[Found]:
        own: list[str] = []  # in the folder of the kind
        every: list[str] = []
        for paths in groups:
            is_among_runs = paths[0].parent == self.folder / "records"
            try:
                contents = [self._contents(path) for path in paths]
            except UsageError as error:
                every.append(str(error))
                own += [] if is_among_runs else every[-1:]
                continue
            lines = [line for path in paths for line in self._left_out(path)]
            try:
                found = summarise([one.records for one in contents])
            except UsageError as error:
                found, lines = None, [f"{self._name(paths)} is left out: {error}"]
            if found is not None:
                return Newest(found, self._name(paths), (*every, *lines))
            if not is_among_runs:  # a run may be of anything: that is no fault of its file
                own += lines
                every += lines
        return Newest(None, "", tuple(own))

    def _contents(self, path: Path) -> FileContents:
        if path not in self._read:
            self._read[path] = read_records(path)
        return self._read[path]

    def _left_out(self, path: Path) -> Iterator[str]:
        """A sentence for each of the first lines that are no records, and one for the others."""
        bad = self._contents(path).bad_lines
        for line in bad[:MOST_LINES]:
            yield f"{self._name([path])}, line {line.number}, is left out: {line.problem}."
        if len(bad) > MOST_LINES:
            yield f"{len(bad) - MOST_LINES} more lines of it are left out."

    def _name(self, paths: Iterable[Path]) -> str:
        return ", ".join(path.relative_to(self.folder).as_posix() for path in paths)


def _subject(path: Path) -> str:
    """What stands before the time."""
    return path.stem.rpartition("-")[0]


def _stamp(path: Path) -> str:
    """The time in a name such as cpu-20260102T030405Z.jsonl."""
    return path.stem.rpartition("-")[2]


def _has_text(path: Path) -> bool:
    """Whether it is worth a look; one that can't be looked at is, so that it is named."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return True
