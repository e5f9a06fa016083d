"""Progress of a sweep: which cell, how many are settled, and how much time is left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.render.terminal.progress import Progress as Told
from bench.results.record import Record, Status
from bench.results.workload import Workload
from bench.units import format_duration

Standing = Callable[[], tuple[int, float]]
"""How many cells are settled, and how many seconds the others will take."""


def describe_cell(work: Workload, model: str) -> str:
    """One cell in words."""
    threads = f"{work.threads} thread{'' if work.threads == 1 else 's'}"
    return (
        f"{model} {work.phase}, {work.n_samples} samples, batch {work.batch}, {work.dtype}, "
        f"{threads}"
    )


class SweepLines:
    """A line for every job; on a terminal a bar, and a line for every failure."""

    def __init__(
        self, console: Console, n_cells: int, standing: Standing, bar: Progress | None = None
    ) -> None:
        self._console, self._n_cells, self._standing, self._bar = console, n_cells, standing, bar
        self._task = None if bar is None else bar.add_task("starting", total=n_cells)

    def expect(self, n_jobs: int) -> None:
        """The number of jobs says little: cells differ too much."""

    def advance(self, record: Record) -> None:
        """Say what was done, and what is left."""
        job = record.job
        is_ok = record.status == Status.OK
        ending = "" if is_ok else f": {record.status.value}: {record.reason}"
        line = f"{describe_cell(job.workload, job.model)}: {job.probe}"
        n_settled, left_s = self._standing()
        left = f"about {format_duration(left_s)} left"
        if self._bar is None or not is_ok:
            self._console.print(
                f"[{n_settled}/{self._n_cells}] {line} ({record.elapsed_s:.1f} s){ending}; {left}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=n_settled, description=f"{line}; {left}")


@contextmanager
def show_sweep(n_cells: int, standing: Standing, console: Console | None = None) -> Iterator[Told]:
    """Yields what to tell of finished records."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield SweepLines(console, n_cells, standing)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield SweepLines(bar.console, n_cells, standing, bar)
