"""index.html of a folder of reports."""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.render.page.bundle import NOT_INSTALLED, is_installed
from bench.render.page.page import NAME, write_page
from bench.render.page.sections import find_sections
from bench.results.quality import read_own
from bench.results.summary import RunSummary


def write_folder_page(runs: Sequence[RunSummary], folder: Path) -> list[Path]:
    """The page of some runs and of what else the folder's records say; returns its path.

    Where the package that draws is missing, a line says so, and nothing is written.

    Raises:
        UsageError: the folder can't be written to, or its evaluations can't be read.
    """
    if not is_installed():
        sys.stderr.write(f"{folder / NAME} is not written: {NOT_INSTALLED}\n")
        return []
    return write_page(runs, read_own(folder), find_sections(folder), folder)
