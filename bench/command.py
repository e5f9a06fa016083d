"""What the commands share: endings as exit codes, and measuring with progress."""

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from bench.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_USAGE, UsageError
from bench.measure.isolate import run_jobs
from bench.results.record import Job
from bench.results.store import append_record


class Terminated(BaseException):
    """SIGTERM arrived."""


def run_command(work: Callable[[], int]) -> int:
    """Do the work and turn every ending into an exit code and a sentence."""
    signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        return work()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("Interrupted. Finished records are on disk.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Terminated:
        print("Terminated. Finished records are on disk.", file=sys.stderr)
        return EXIT_TERMINATED


def _raise_terminated(*_: object) -> NoReturn:
    raise Terminated


def measure(jobs: Sequence[Job], records: Path) -> None:
    """Run the jobs one after another; each record is on disk before the next job starts."""
    from bench.render.progress import show_progress  # after --help has had its answer

    with show_progress(len(jobs)) as advance, closing(run_jobs(jobs)) as measured:
        for record in measured:
            append_record(records, record)
            advance(record)
