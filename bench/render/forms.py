"""The reports of a run of forms: runtimes.md, the roofline where ceilings were measured, the page.

The page shows the folder's runs, and forms in a section; without runs it shows the forms.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.render.figures.roofline import write_roofline_figure
from bench.render.page.folder import write_folder_page
from bench.render.page.forms import summarize_for_page
from bench.render.page.runs import find_runs
from bench.render.tables.roofline import render_roofline, render_roofline_csv
from bench.render.tables.runtimes import write_runtimes
from bench.render.writing import write_texts
from bench.results.record import Record
from bench.results.roofline import find_roofline
from bench.results.summary import summarize


def write_form_reports(records: Sequence[Record], folder: Path) -> list[Path]:
    """Write what the records have; returns the paths.

    Raises:
        UsageError: the folder can't be written to, or the records can't share a table.
    """
    paths = [*write_runtimes(records, folder), *_write_roofline(records, folder)]
    runs = find_runs(folder, []) or summarize_for_page(records)
    return [*paths, *write_folder_page(runs, folder)]


def _write_roofline(records: Sequence[Record], folder: Path) -> list[Path]:
    roofline = find_roofline(records)
    if roofline is None:
        return []
    eager = [record for record in records if not record.job.workload.is_compared]
    summary = replace(summarize(eager), roofline=roofline)
    texts = {
        "roofline.md": render_roofline(summary),
        "roofline.csv": render_roofline_csv(summary),
    }
    written = write_texts(folder, texts)
    return [*written, *write_roofline_figure(summary, folder / "roofline")]
