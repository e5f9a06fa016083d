"""All artefacts of a run, written from its summary."""

from pathlib import Path

from bench.errors import UsageError
from bench.results.summary import Summary


def write_reports(summary: Summary, folder: Path) -> list[Path]:
    """Write ``table1.md``, ``table1.csv`` and the Pareto figure; returns their paths.

    Raises:
        UsageError: the folder can't be written to.
    """
    # Here, so that commands start without waiting for matplotlib.
    from bench.render.csv import render_csv
    from bench.render.markdown import render_table1
    from bench.render.pareto import write_pareto_figure

    texts = {"table1.md": render_table1(summary), "table1.csv": render_csv(summary)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        figures = write_pareto_figure(summary, folder / "pareto")
    except OSError as error:
        raise UsageError(f"Reports can't be written to {folder}: {error.strerror}.") from error
    return [*(folder / name for name in texts), *figures]
