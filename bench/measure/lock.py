"""One run at a time on one machine: two would measure each other."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bench.errors import UsageError


def lock_path() -> Path:
    """The same file for all runs of all users on this machine."""
    return Path(tempfile.gettempdir()) / "separation-bench.lock"


@contextmanager
def measuring_alone() -> Iterator[None]:
    """Hold the machine's lock; the kernel frees it with the process, however that ends.

    Raises:
        UsageError: another run holds it, or it can't be written.
    """
    path = lock_path()
    owner = path.with_suffix(".pid")
    try:
        with FileLock(path, timeout=0, mode=0o666):
            owner.write_text(str(os.getpid()))
            yield
    except Timeout as error:
        raise UsageError(
            f"Another run is measuring on this machine{_process(owner)}, and two would slow each "
            "other down. Wait for its end, or end it."
        ) from error


def measuring_process() -> str | None:
    """In words, the run that measures on this machine now; None when there is none."""
    try:
        with measuring_alone():
            return None
    except UsageError:
        return f"another run{_process(lock_path().with_suffix('.pid'))}"


def _process(owner: Path) -> str:
    try:
        return f" (process {int(owner.read_text())})"
    except (OSError, ValueError):
        return ""
