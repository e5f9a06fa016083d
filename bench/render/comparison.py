"""The reports of several runs: comparison.md and comparison.csv."""

from collections.abc import Sequence
from pathlib import Path

from bench.render.run_columns import SideBySide
from bench.render.tables.side_by_side import render_side_by_side
from bench.render.tables.side_by_side_csv import render_side_by_side_csv
from bench.render.writing import write_texts
from bench.results.summary import RunSummary


def write_comparison(runs: Sequence[RunSummary], folder: Path) -> list[Path]:
    """Write both files, of two runs or more; returns their paths.

    Raises:
        UsageError: the folder can't be written to, or the runs have nothing of Table 1.
    """
    table = SideBySide.of(runs)
    texts = {
        "comparison.md": render_side_by_side(table),
        "comparison.csv": render_side_by_side_csv(table),
    }
    return write_texts(folder, texts)
