"""Progress of a training: a bar on a terminal, and a line for each line of metrics everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from bench.results.training import TrainingLine


class Pace(Protocol):
    """What the progress shows of a training's position."""

    step: int
    epoch: int
    share: float
    wall_s: float
    best_db: float | None


def describe_line(line: TrainingLine) -> str:
    """A line of metrics in words."""
    quality = "" if line.si_sdri_db is None else f", SI-SDRi {line.si_sdri_db:.2f} dB"
    if line.phase != "separation" and line.si_sdri_db is not None:
        quality += " with ideal masks"
    speed = line.audio_s / max(line.wall_s, 1e-9)
    return (
        f"epoch {line.epoch + 1}, step {line.step}: loss {line.loss:.2f} dB{quality} "
        f"({line.macs / 1e12:.3g} T MACs, {speed:.3g} s of audio per second)"
    )


def time_left(position: Pace) -> str:
    """As long as the share that is left took so far."""
    if position.share <= 0:
        return "unknown"
    left_s = position.wall_s * (1 - position.share) / position.share
    return str(timedelta(seconds=round(left_s)))


class ShownTraining:
    """An observer of the loop that writes to a console."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self.console = console
        self.bar = bar
        self.task = None if bar is None else bar.add_task("starting", total=1.0)
        self.left = "unknown"

    def step(self, position: Pace, audio_s: float) -> None:
        """Move the bar."""
        self.left = time_left(position)
        if self.bar is None or self.task is None:
            return
        best = "" if position.best_db is None else f", SI-SDRi {position.best_db:.2f} dB"
        speed = audio_s / max(position.wall_s, 1e-9)
        text = f"step {position.step}{best}, {speed:.3g} s/s, {self.left} left"
        self.bar.update(self.task, completed=position.share, description=text)

    def line(self, line: TrainingLine) -> None:
        """Write the line, above the bar if there is one."""
        text = f"{describe_line(line)}, {self.left} left"
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def show_training(console: Console | None = None) -> Iterator[ShownTraining]:
    """An observer for a training's loop."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield ShownTraining(console, None)
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        yield ShownTraining(console, bar)
