"""What takes long to make and is the same in every process of a run: made by the first of them.

What it took, and why it failed where it did, stands beside it.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.results.record import CellError, Status

FOLDER_VARIABLE = "SEPARATION_BENCH_FORMS"
"""Names the environment variable with the folder that the processes of one run share."""


class Made(NamedTuple):
    """What is known of it."""

    path: Path
    earlier_s: float  # that making it took another process; 0 where this one has made it
    notes: Mapping[str, Any]


def make_once(path: Path, make: Callable[[Path], Mapping[str, Any]]) -> Made:
    """Make it unless another process of the run has; ``make`` returns what is to be known of it.

    Raises:
        CellError: it can't be made, now or when it was tried before.
    """
    ledger = path.with_name(f"{path.name}.json")
    if ledger.exists():
        entry = json.loads(ledger.read_text())
        if entry["reason"]:
            raise CellError(Status(entry["status"]), entry["reason"])
        return Made(path, entry["took_s"], entry["notes"])
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    try:
        notes = dict(make(path))
    except CellError as error:
        _write(ledger, status=error.status, reason=str(error))
        raise
    _write(ledger, reason="", took_s=time.perf_counter() - start, notes=notes)
    return Made(path, 0.0, notes)


def _write(ledger: Path, **entry: object) -> None:
    ledger.write_text(json.dumps(entry))
