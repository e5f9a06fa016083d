"""Progress through a recording: a bar on a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def show_seconds(
    doing: str, duration_s: float, console: Console | None = None
) -> Iterator[Callable[[float], None]]:
    """Yields the function to call with the seconds that are done."""
    console = console or Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} s"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(doing, total=duration_s)
        yield lambda done_s: bar.update(task, completed=min(done_s, duration_s))
