"""What a sweep says while it runs."""

from io import StringIO

from rich.console import Console

from bench.render.terminal.sweep_progress import show_sweep
from bench.results.record import Status
from tests.bench.example_records import fail, make_job, make_record

RECORD = make_record(make_job(probe="memory", n_samples=16000, batch=4, threads=1))


def said(is_terminal: bool, *records: object) -> str:
    console = Console(file=StringIO(), width=300, force_terminal=is_terminal, color_system=None)
    with show_sweep(60, lambda: (12, 187.0), console) as told:
        for record in records:
            told.advance(record)  # type: ignore[arg-type]
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_line_names_the_cell_and_the_time_that_is_left() -> None:
    assert said(False, RECORD) == (
        "[12/60] dprnn inference, 16000 samples, batch 4, float32, 1 thread: memory (1.2 s); "
        "about 3 min left\n"
    )


def test_a_failure_has_its_reason_on_a_terminal_too() -> None:
    failed = fail(RECORD, Status.SKIPPED, "No [room].")
    assert "(1.2 s): skipped: No [room].; about 3 min left" in said(False, failed)
    assert "skipped: No [room]." in said(True, failed)


def test_a_terminal_has_a_bar_of_settled_cells() -> None:
    text = said(True, RECORD)
    assert "12/60" in text
    assert "16000 samples, batch 4, float32, 1 thread: memory; about 3 min left" in text
