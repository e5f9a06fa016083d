"""Stored records as a table for notebooks."""

import glob
import warnings
from collections.abc import Iterator
from pathlib import Path

from bench.errors import UsageError
from bench.results.frame import Frame, list_values, make_tidy
from bench.results.store import read_records


def load(*sources: str | Path) -> Frame:
    """A pandas DataFrame with one row for each value of record files; columns are ``TYPES``.

    A source is a file or a pattern such as ``reports/records/*.jsonl``; ``**`` is any depth. A
    value that was not measured has a status and a reason. ``low`` and ``high`` are a time's
    interval, or its range where it has no value. Lines that are no records are left out with a
    warning.

    Raises:
        UsageError: a source leads to no file, or one can't be read.
    """
    paths = [path for source in sources for path in _files(source)]
    if not paths:
        raise UsageError("load() needs a record file or a pattern: reports/records/*.jsonl, say.")
    return make_tidy([row for path in dict.fromkeys(paths) for row in _rows(path)])


def _files(source: str | Path) -> list[Path]:
    if Path(source).is_file():
        return [Path(source)]
    found = sorted(glob.glob(str(source), recursive=True))
    if not found:
        raise UsageError(f"No record file matches {str(source)!r}.")
    return [Path(path) for path in found]


def _rows(path: Path) -> Iterator[dict[str, object]]:
    contents = read_records(path)
    for line in contents.bad_lines:
        warnings.warn(f"{path}, line {line.number}, is left out: {line.problem}", stacklevel=2)
    return list_values(contents.records, str(path))
