"""When processes have begun and ended, without guessing how long that takes."""

import os
import select
from collections.abc import Iterable
from pathlib import Path
from time import monotonic


class Announcements:
    """A FIFO through which networks of tests.fault_models say that they run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def wait(self, patience_s: float = 60.0) -> list[int]:
        """The processes of the first line that comes."""
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            ready, _, _ = select.select([reader], [], [], patience_s)
            assert ready, "no network began to run"
            return [int(process) for process in os.read(reader, 1000).split()]
        finally:
            os.close(reader)


def parent_of(process: int) -> int:
    return int(_state(process)[1])


def is_alive(process: int) -> bool:
    """Whether a process still runs; one that nobody has waited for has ended all the same."""
    try:
        return _state(process)[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def remaining(processes: Iterable[int], patience_s: float = 30.0) -> list[int]:
    """Those that still run after waiting for all of them to end."""
    processes, end = list(processes), monotonic() + patience_s
    while (alive := [process for process in processes if is_alive(process)]) and monotonic() < end:
        os.sched_yield()
    return alive


def _state(process: int) -> list[str]:
    """What proc(5) has after the name: state, parent and so on."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
