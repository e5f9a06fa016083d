"""One run at a time on one machine: two would measure each other."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from bench.errors import UsageError

IS_MEASURING = "Another run is measuring on this machine"
"""How the refusal of a second run begins."""


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
    lock = FileLock(path, timeout=0, mode=0o666)
    try:
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"{IS_MEASURING}{_process(path)}, and two would slow each other down. "
            "Wait for its end, or end it."
        ) from error
    except OSError as error:
        raise UsageError(
            f"The lock that keeps two runs apart can't be taken: {path}: "
            f"{error.strerror or error}. Remove that file, or let its owner do so."
        ) from error
    try:
        _write_process(path)
        yield
    finally:
        lock.release()


def measuring_process() -> str | None:
    """In words, the run that measures on this machine now; None when there is none."""
    path = lock_path()
    try:
        with FileLock(path, timeout=0, mode=0o666):
            return None
    except Timeout:
        return f"another run{_process(path)}"
    except OSError:  # nobody can tell; a run that can't take the lock says so itself
        return None


def _write_process(path: Path) -> None:
    """Name this process to the runs that it keeps away; without its name they are kept away too."""
    with suppress(OSError), path.open("r+") as file:
        file.truncate()
        file.write(str(os.getpid()))


def _process(path: Path) -> str:
    try:
        return f" (process {int(path.read_text())})"
    except (OSError, ValueError):
        return ""
