"""What a user sees while cells are measured, on a terminal and without one, and at the end."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from bench.render.terminal.progress import show_progress
from bench.results.record import Record, Status
from tests.bench.example_records import fail, make_job, make_record

GOOD = make_record(make_job("dprnn", "memory", "update"))
BAD = fail(make_record(make_job("demucs")), Status.OOM, "No room.")


def shown(records: Sequence[Record], is_terminal: bool, width: int = 100) -> str:
    console = Console(
        file=io.StringIO(), force_terminal=is_terminal, width=width, color_system=None
    )
    with show_progress(console) as progress:
        progress.expect(len(records))
        for record in records:
            progress.advance(record)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_each_cell_is_a_plain_line() -> None:
    assert shown([GOOD, BAD], is_terminal=False).splitlines() == [
        "[1/2] dprnn memory update (1.2 s)",
        "[2/2] demucs latency inference (1.2 s): oom: No room.",
    ]


def test_long_lines_are_not_broken() -> None:
    reason = "A very long reason. " * 20
    text = shown([fail(GOOD, Status.ERROR, reason)], is_terminal=False, width=40)
    assert len(text.splitlines()) == 1
    assert reason.strip() in text


def test_on_a_terminal_a_bar_counts_and_failures_stay() -> None:
    text = shown([GOOD, BAD], is_terminal=True)
    assert "2/2" in text
    assert "left" in text
    assert "demucs latency inference (1.2 s): oom: No room." in text
    assert "dprnn memory update" not in text


BRACKETS = (
    "Not installed. To install it: pip install 'separation-bench[asteroid]'",
    "OSError: cannot open [/tmp/weights]",
    "ValueError: [red] is no colour",
)


@pytest.mark.parametrize("reason", BRACKETS)
def test_brackets_are_shown_as_they_are_in_plain_lines(reason: str) -> None:
    assert reason in shown([fail(GOOD, Status.ERROR, reason)], is_terminal=False)


@pytest.mark.parametrize("reason", BRACKETS)
def test_brackets_are_shown_as_they_are_on_a_terminal(reason: str) -> None:
    text = shown([fail(GOOD, Status.ERROR, reason)], is_terminal=True, width=200)
    assert reason in text
