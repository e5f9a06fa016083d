"""All artefacts of a run, written from its summary."""

from pathlib import Path

from bench.errors import UsageError
from bench.results.summary import Summary


def write_reports(summary: Summary, folder: Path) -> list[Path]:
    """Write ``table1.md``, ``table1.csv`` and the Pareto figure; returns their paths.

    Where Table 2's own networks were measured, ``table2.md`` too; where nothing else was,
    ``table2.md`` alone, so that a Table 1 that is there already stays.

    Raises:
        UsageError: the folder can't be written to.
    """
    # Here, so that commands start without waiting for matplotlib.
    from bench.render.csv import render_csv
    from bench.render.markdown import render_table1
    from bench.render.pareto import write_pareto_figure
    from bench.render.table2 import has_table2, is_only_table2, render_table2

    texts: dict[str, str] = {}
    if not is_only_table2(summary):
        texts |= {"table1.md": render_table1(summary), "table1.csv": render_csv(summary)}
    if has_table2(summary):
        texts["table2.md"] = render_table2(summary)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        figures = write_pareto_figure(summary, folder / "pareto") if "table1.md" in texts else []
    except OSError as error:
        raise UsageError(f"Reports can't be written to {folder}: {error.strerror}.") from error
    return [*(folder / name for name in texts), *figures]
