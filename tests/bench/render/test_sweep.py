"""All artefacts of a sweep are written from records alone."""

import re
from pathlib import Path

import pytest

from bench.render.sweep import print_sweep, write_sweep
from bench.results.record import Record, Status
from bench.results.store import RecordFile, read_records
from tests.bench.made_up_sweep import ENTRIES, Grid, is_of, make_sweep, without_result

GRID = Grid(lengths=(4000, 8000, 16000, 32000), batches=(1, 2), threads=(1, 2))


def test_the_report_shows_every_figure_that_was_written(tmp_path: Path) -> None:
    paths = write_sweep(ENTRIES, make_sweep(GRID), tmp_path / "out")
    assert [path.name for path in paths[:2]] == ["sweep.md", "sweep.csv"]
    assert all(path.stat().st_size > 0 for path in paths)
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", paths[0].read_text(encoding="utf-8"))
    assert shown == [path.name for path in paths[2:] if path.suffix == ".png"]
    assert len(shown) == 4


def test_stored_records_say_the_same(tmp_path: Path) -> None:
    records = make_sweep(Grid(lengths=GRID.lengths))
    file = RecordFile.create(tmp_path / "records.jsonl")
    for record in records:
        file.append(record)
    stored = read_records(file.path).records
    reports = [
        write_sweep(ENTRIES, found, tmp_path / str(index))[0].read_text(encoding="utf-8")
        for index, found in enumerate((records, stored))
    ]
    assert reports[0] == reports[1]


def test_without_records_there_is_a_report_alone(tmp_path: Path) -> None:
    (path,) = write_sweep(ENTRIES, [], tmp_path)
    assert "no network was measured" in path.read_text(encoding="utf-8")


def test_the_terminal_has_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    records: list[Record] = [
        without_result(record, Status.SKIPPED, "Too large.")
        if is_of(record, "attentive", "memory", 32000, batch=2, threads=2)
        else record
        for record in make_sweep(Grid(batches=(1, 2), threads=(1, 2), noise=1e-5))
    ]
    print_sweep(ENTRIES, records)
    printed = capsys.readouterr().out
    assert re.search(r"Convolutional +batch 1, 1 thread +1\.000 \(", printed)
    assert re.search(r"Attentive +batch 1, 1 thread +2\.000 \(", printed)
    assert "batch 2" not in printed
    assert "Best threads, Convolutional, batch 1: 2 at 0.5 s, 1 s, 2 s, 4 s, 8 s" in printed
    assert "batch 1, 1 thread: Attentive is faster below 5.02 s, Convolutional above" in printed
    assert "Forecasts of memory within 10 %: 55 of 55 (100.0 %)." in printed
    assert "1 of 56 cells are not complete; sweep.md says why." in printed
