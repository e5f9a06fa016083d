"""All artefacts of a run, written from its summary."""

from pathlib import Path

from bench.errors import UsageError
from bench.results.quality import EVALUATIONS, pick_own, read_evaluations
from bench.results.summary import RunSummary


def write_reports(summary: RunSummary, folder: Path) -> list[Path]:
    """Write ``table1.md``, ``table1.csv`` and the Pareto figure; returns their paths.

    Where Table 2's own networks were measured, ``table2.md`` too; where nothing else was,
    ``table2.md`` alone, so that a Table 1 that is there already stays. Where the folder holds
    evaluations, Table 1 has their column and ``figure3`` is written too.

    Raises:
        UsageError: the folder can't be written to, or its evaluations can't be read.
    """
    # Here, so that commands start without waiting for matplotlib.
    from bench.render.tables.table2 import has_table2, is_only_table2, render_table2

    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [] if is_only_table2(summary) else _write_table1(summary, folder)
        if has_table2(summary):
            written.append(_write(folder / "table2.md", render_table2(summary)))
    except OSError as error:
        raise UsageError(f"Reports can't be written to {folder}: {error.strerror}.") from error
    return written


def _write_table1(summary: RunSummary, folder: Path) -> list[Path]:
    from bench.render.figures.figure3 import write_figure3
    from bench.render.figures.pareto import write_pareto_figure
    from bench.render.tables.table1 import render_table1
    from bench.render.tables.table1_csv import render_csv

    evaluations = folder / EVALUATIONS
    own = pick_own(read_evaluations(evaluations)) if evaluations.exists() else {}
    written = [
        _write(folder / "table1.md", render_table1(summary, own)),
        _write(folder / "table1.csv", render_csv(summary)),
        *write_pareto_figure(summary, folder / "pareto"),
    ]
    return [*written, *(write_figure3(summary, own, folder / "figure3") if own else ())]


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path
