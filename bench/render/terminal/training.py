"""What a training says while it runs.

On a terminal that is a bar; elsewhere lines, one in ten seconds at least as long as steps are made
or mixtures or recordings go by. Lines of metrics are written everywhere.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from bench.results.training import TrainingLine

SILENCE_S = 10.0  # at most, between two lines


class Pace(Protocol):
    """What the progress shows of a training's position."""

    step: int
    epoch: int
    share: float
    wall_s: float
    best_db: float | None


class TrainingProgress(Protocol):
    """What is told of a training."""

    def say(self, text: str) -> None:
        """Something that happens once."""

    def decoding(self, n_done: int, n_files: int) -> None:
        """So many recordings of a split are decoded."""

    def step(self, position: Pace, audio_s: float) -> None:
        """A step was made; ``audio_s`` of mixtures so far."""

    def validating(self, n_done: int, n_mixtures: int) -> None:
        """So many mixtures of a validation are separated."""

    def line(self, line: TrainingLine) -> None:
        """A line of metrics was written."""


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


def describe_step(position: Pace, audio_s: float) -> str:
    """Where a training stands between two lines of metrics."""
    best = "" if position.best_db is None else f", SI-SDRi {position.best_db:.2f} dB"
    speed = audio_s / max(position.wall_s, 1e-9)
    left = time_left(position.share, position.wall_s)
    return f"step {position.step}{best}, {speed:.3g} s of audio per second, {left}"


def time_left(share: float, spent_s: float) -> str:
    """As long as the share that is left took so far."""
    if share <= 0:
        return "time left unknown"
    return f"{timedelta(seconds=round(spent_s * (1 - share) / share))} left"


class Pass:
    """A part of the work that is counted from its beginning to its end, again and again."""

    def __init__(self, what: str, of: str, clock: Callable[[], float]) -> None:
        self.what, self.of = what, of
        self._clock = clock
        self._began_s: float | None = None

    def describe(self, n_done: int, n_all: int) -> str:
        """How far it is, and the time left by its own pace."""
        if self._began_s is None:
            self._began_s = self._clock()
        left = time_left(n_done / n_all, self._clock() - self._began_s)
        if n_done == n_all:
            self._began_s = None
        return f"{self.what} {n_done} of {n_all} {self.of}, {left}"


class TrainingLines:
    """Lines, where the output is no terminal."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console, self._clock = console, clock
        self._said_s = clock()
        self._decoding = Pass("decoding", "recordings", clock)
        self._validating = Pass("validation:", "mixtures", clock)
        self._left = ""

    def say(self, text: str) -> None:
        """A line, or several."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        self._said_s = self._clock()

    def decoding(self, n_done: int, n_files: int) -> None:
        """A line when it is time for one."""
        self._say_in_time(self._decoding.describe(n_done, n_files))

    def step(self, position: Pace, audio_s: float) -> None:
        """A line when it is time for one."""
        self._left = f", {time_left(position.share, position.wall_s)}"
        self._say_in_time(describe_step(position, audio_s))

    def validating(self, n_done: int, n_mixtures: int) -> None:
        """A line when it is time for one."""
        self._say_in_time(self._validating.describe(n_done, n_mixtures))

    def line(self, line: TrainingLine) -> None:
        """Always a line."""
        self.say(describe_line(line) + self._left)

    def _say_in_time(self, text: str) -> None:
        if self._clock() - self._said_s >= SILENCE_S:
            self.say(text)


class TrainingBar:
    """A bar for the training, and one for what it waits for; lines of metrics stay above them."""

    def __init__(self, bar: Progress, clock: Callable[[], float]) -> None:
        self._bar = bar
        self._training: TaskID | None = None
        self._part: TaskID | None = None
        self._decoding = Pass("decoding", "recordings", clock)
        self._validating = Pass("validation:", "mixtures", clock)
        self._left = ""

    def say(self, text: str) -> None:
        """A line above the bars, or several."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def decoding(self, n_done: int, n_files: int) -> None:
        """Move a bar of its own."""
        self._move_part(self._decoding.describe(n_done, n_files), n_done / n_files)

    def step(self, position: Pace, audio_s: float) -> None:
        """Move the training's bar."""
        if self._training is None:
            self._training = self._bar.add_task("", total=1.0)
        self._left = f", {time_left(position.share, position.wall_s)}"
        text = describe_step(position, audio_s)
        self._bar.update(self._training, completed=position.share, description=text)

    def validating(self, n_done: int, n_mixtures: int) -> None:
        """Move a bar of its own."""
        self._move_part(self._validating.describe(n_done, n_mixtures), n_done / n_mixtures)

    def line(self, line: TrainingLine) -> None:
        """Write the line above the bars."""
        self.say(describe_line(line) + self._left)

    def _move_part(self, text: str, share: float) -> None:
        if self._part is None:
            self._part = self._bar.add_task("", total=1.0)
        self._bar.update(self._part, completed=share, description=text)
        if share == 1:
            self._bar.remove_task(self._part)
            self._part = None


@contextmanager
def show_training(
    console: Console, clock: Callable[[], float] = time.monotonic
) -> Iterator[TrainingProgress]:
    """An observer for a training's loop, and for the decoding before it."""
    if not console.is_terminal:
        yield TrainingLines(console, clock)
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        yield TrainingBar(bar, clock)
