"""sweep.md, sweep.csv, the figures, and the terminal's lines: what a sweep says."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.registry import Entry
from bench.render.cell_names import CellNames
from bench.render.figures.sweep import write_sweep_figures
from bench.render.tables.sweep import render_sweep
from bench.render.tables.sweep_csv import render_sweep_csv
from bench.render.terminal.sweep import print_answers
from bench.render.writing import write_texts
from bench.results.record import Record
from bench.results.sweep_answers import summarize_sweep


def write_sweep(entries: Sequence[Entry], records: Sequence[Record], folder: Path) -> list[Path]:
    """All artefacts from records alone; returns their paths, the report first.

    Raises:
        UsageError: records of several machines, versions of the code or releases of torch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep = summarize_sweep([entry.name for entry in entries], records)
    figures = write_sweep_figures(sweep, CellNames.of(entries, sweep.cells), folder)
    shown = {
        title: next(path.name for path in paths if path.suffix == ".png")
        for title, paths in figures.items()
    }
    texts = {"sweep.md": render_sweep(entries, records, sweep, shown)}
    if sweep.cells:
        texts["sweep.csv"] = render_sweep_csv(sweep)
    written = write_texts(folder, texts)
    return [*written, *(path for paths in figures.values() for path in paths)]


def print_sweep(entries: Sequence[Entry], records: Sequence[Record]) -> None:
    """The answers of each network and setting, and how many cells are missing."""
    sweep = summarize_sweep([entry.name for entry in entries], records)
    print_answers(sweep, CellNames.of(entries, sweep.cells), Console())
