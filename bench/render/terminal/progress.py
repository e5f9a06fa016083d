"""Progress of a run: a bar with a time estimate on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import rich.progress
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bench.results.record import Record, Status


def describe(record: Record) -> str:
    """One finished cell in a line."""
    job = record.job
    ending = "" if record.status == Status.OK else f": {record.status.value}: {record.reason}"
    work = job.workload
    form = f", {work.runtime} {work.dtype}" if work.is_compared else ""
    return f"{job.model} {job.probe} {work.phase}{form} ({record.elapsed_s:.1f} s){ending}"


class Progress(Protocol):
    """What a run tells of itself."""

    def expect(self, n_jobs: int) -> None:
        """So many jobs more are planned."""

    def advance(self, record: Record) -> None:
        """One of them has its record."""


class Silence:
    """Says nothing, where nobody asked."""

    def expect(self, n_jobs: int) -> None:
        """So many jobs more are planned."""

    def advance(self, record: Record) -> None:
        """One of them has its record."""


class PlainLines:
    """A line for every finished job, where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._n_done = self._n_planned = 0

    def expect(self, n_jobs: int) -> None:
        """So many jobs more are planned."""
        self._n_planned += n_jobs

    def advance(self, record: Record) -> None:
        """Print it, and how many are done."""
        self._n_done += 1
        line = f"[{self._n_done}/{self._n_planned}] {describe(record)}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class ProgressBar:
    """A bar with the time left, and a line for every failure."""

    def __init__(self, bar: rich.progress.Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=0)
        self._n_planned = 0

    def expect(self, n_jobs: int) -> None:
        """So many jobs more are planned."""
        self._n_planned += n_jobs
        self._bar.update(self._task, total=self._n_planned)

    def advance(self, record: Record) -> None:
        """Move the bar; a failure stays above it."""
        if record.status != Status.OK:
            self._bar.console.print(describe(record), style="red", markup=False, highlight=False)
        description = escape(f"{record.job.model} {record.job.probe}")
        self._bar.update(self._task, advance=1, description=description)


@contextmanager
def show_progress(console: Console | None = None) -> Iterator[Progress]:
    """Yields what to tell of planned jobs and of finished records."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield PlainLines(console)
        return
    with rich.progress.Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        yield ProgressBar(bar)
