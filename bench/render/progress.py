"""Progress of a run: a bar with a time estimate on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bench.results.record import Record, Status

Advance = Callable[[Record], None]


def describe(record: Record) -> str:
    """One finished cell in a line."""
    job = record.job
    ending = "" if record.status == Status.OK else f": {record.status.value}: {record.reason}"
    return f"{job.model} {job.probe} {job.workload.phase} ({record.elapsed_s:.1f} s){ending}"


@contextmanager
def show_progress(n_jobs: int, console: Console | None = None) -> Iterator[Advance]:
    """Yields the function to call with each finished record."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield _plain_lines(n_jobs, console)
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task("starting", total=n_jobs)

        def advance(record: Record) -> None:
            if record.status != Status.OK:
                bar.console.print(describe(record), style="red", markup=False, highlight=False)
            description = escape(f"{record.job.model} {record.job.probe}")
            bar.update(task, advance=1, description=description)

        yield advance


def _plain_lines(n_jobs: int, console: Console) -> Advance:
    n_done = 0

    def advance(record: Record) -> None:
        nonlocal n_done
        n_done += 1
        line = f"[{n_done}/{n_jobs}] {describe(record)}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    return advance
