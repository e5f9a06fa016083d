"""A training is never silent for more than ten seconds while it makes progress."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from rich.console import Console

from bench.render.terminal.training import TrainingProgress, show_training, time_left
from tests.bench.example_trainings import make_line


@dataclass
class ShownPosition:
    step: int = 7
    epoch: int = 0
    share: float = 0.25
    wall_s: float = 60.0
    best_db: float | None = None


class SetClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def shown(
    is_terminal: bool, clock: SetClock
) -> Iterator[tuple[TrainingProgress, Callable[[], list[str]]]]:
    """The progress, and the lines that are new since the last look."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=is_terminal, width=120, color_system=None)

    def look() -> list[str]:
        lines = output.getvalue().splitlines()
        output.seek(0)
        output.truncate()
        return lines

    with show_training(console, clock) as progress:
        yield progress, look


@pytest.mark.parametrize("kind", ["step", "validating", "decoding"])
def test_a_line_comes_after_ten_seconds_and_not_before(kind: str) -> None:
    clock = SetClock()
    happen: dict[str, Callable[[TrainingProgress], None]] = {
        "step": lambda progress: progress.step(ShownPosition(), 30.0),
        "validating": lambda progress: progress.validating(2, 8),
        "decoding": lambda progress: progress.decoding(2, 8),
    }
    with shown(False, clock) as (progress, look):
        for _ in range(3):
            clock.now_s += 9.9
            happen[kind](progress)
            assert look() == []
            clock.now_s += 0.1
            happen[kind](progress)
            assert len(look()) == 1


def test_a_line_of_metrics_is_a_sign_of_life_too() -> None:
    clock = SetClock()
    with shown(False, clock) as (progress, look):
        clock.now_s += 9
        progress.line(make_line(step=50))
        clock.now_s += 9
        progress.step(ShownPosition(), 30.0)
        (line,) = look()
        assert "step 50" in line
        clock.now_s += 1
        progress.step(ShownPosition(), 30.0)
        assert len(look()) == 1


def test_every_line_has_the_time_left() -> None:
    """Of the training by its share; of a validation or decoding by its own pace so far."""
    clock = SetClock()
    with shown(False, clock) as (progress, look):
        clock.now_s += 10
        progress.step(ShownPosition(), 30.0)
        (line,) = look()
        assert line == "step 7, 0.5 s of audio per second, 0:03:00 left"
        progress.validating(0, 8)
        clock.now_s += 10
        progress.validating(2, 8)
        assert look() == ["validation: 2 of 8 mixtures, 0:00:30 left"]
        progress.validating(8, 8)
        progress.line(replace(make_line(step=50), si_sdri_db=1.5))
        (line,) = look()
        assert "SI-SDRi 1.50 dB" in line
        assert line.endswith(", 0:03:00 left")


def test_a_second_validation_has_its_own_pace() -> None:
    clock = SetClock()
    with shown(False, clock) as (progress, look):
        progress.validating(4, 8)
        clock.now_s += 4
        progress.validating(8, 8)
        clock.now_s += 1000
        look()
        progress.validating(0, 8)
        assert look() == ["validation: 0 of 8 mixtures, time left unknown"]
        clock.now_s += 10
        progress.validating(4, 8)
        assert look() == ["validation: 4 of 8 mixtures, 0:00:10 left"]


def test_what_is_said_once_is_said_at_once_as_it_is() -> None:
    with shown(False, SetClock()) as (progress, look):
        progress.say(f"[red]{'long ' * 60}[/red] 12")
        assert look() == [f"[red]{'long ' * 60}[/red] 12"]


def test_on_a_terminal_bars_move_and_lines_stay() -> None:
    clock = SetClock()
    with shown(True, clock) as (progress, look):
        progress.decoding(1, 4)
        progress.decoding(4, 4)
        progress.step(ShownPosition(share=0.37, best_db=2.0), 30.0)
        progress.validating(2, 8)
        progress.validating(8, 8)
        progress.line(make_line(step=50))
        progress.say("a word")
    text = "\n".join(look())
    assert "step 50: loss" in text
    last_frame = text.rpartition("a word")[2]
    assert "37%" in last_frame
    assert "step 7, SI-SDRi 2.00 dB" in last_frame
    assert "mixtures" not in last_frame  # its bar is gone
    assert "recordings" not in last_frame


def test_time_left_is_by_the_share() -> None:
    assert time_left(0.25, 60.0) == "0:03:00 left"
    assert time_left(1.0, 60.0) == "0:00:00 left"
    assert time_left(0.0, 60.0) == "time left unknown"
