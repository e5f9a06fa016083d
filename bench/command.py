"""What the commands share: endings as exit codes, and measuring with progress."""

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bench.errors import (
    EXIT_FAIL,
    EXIT_INCONCLUSIVE,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_TERMINATED,
    EXIT_USAGE,
    UsageError,
)
from bench.machine.lock import measuring_alone
from bench.measuring.isolate import run_jobs
from bench.results.environment import Environment
from bench.results.record import Job, Record, Status
from bench.results.shard import Shard
from bench.results.store import RecordFile, read_records
from bench.results.summary import RunSummary, summarize
from bench.results.verdict import Check, Verdict, overall

if TYPE_CHECKING:
    from bench.render.terminal.progress import Progress

Plan = Callable[[Sequence[Record]], Sequence[Job]]
"""From the records of a run so far to the jobs to run next; none ends the run."""
Run = Callable[[Sequence[Job], Sequence[Record]], Generator[Record, None, None]]
"""From jobs and the records of a run so far to one record of each job."""
SCRIPT = "separation-bench"
"""The command that installation makes (``separation_bench.py``)."""


def name_program(command: str) -> str:
    """What the user typed to start a command: it can be started in two ways."""
    is_script = Path(sys.argv[0]).stem.replace("_", "-") == SCRIPT
    return f"{SCRIPT} {command}" if is_script else f"python -m bench.{command}"


class Terminated(BaseException):
    """SIGTERM arrived."""


def run_command(work: Callable[[], int], kept: str = "Finished records are on disk.") -> int:
    """Do the work and turn every ending into an exit code and a sentence.

    ``kept`` says what an interrupted command leaves behind.
    """
    signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        return work()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print(f"Interrupted. {kept}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Terminated:
        print(f"Terminated. {kept}", file=sys.stderr)
        return EXIT_TERMINATED


def _raise_terminated(*_: object) -> NoReturn:
    raise Terminated


def measure(
    plan: Plan,
    path: Path,
    environment: Environment,
    resumed: Sequence[Record] | None = None,
    progress: "AbstractContextManager[Progress] | None" = None,
) -> None:
    """Run what the plan asks for until it asks for nothing, as ``measure_with`` does.

    Raises:
        UsageError: another run is measuring on this machine, the file can't be made, or the disk
            is full.
    """
    measure_with(running_in(environment), plan, path, resumed, progress)


def running_in(environment: Environment, shard: Shard | None = None) -> Run:
    """Measure jobs in processes of this environment; each record says of which shard it is."""

    def run(jobs: Sequence[Job], _: Sequence[Record]) -> Generator[Record, None, None]:
        with closing(run_jobs(jobs, environment)) as records:
            for record in records:
                yield replace(record, shard=shard)

    return run


def measure_with(
    run: Run,
    plan: Plan,
    path: Path,
    resumed: Sequence[Record] | None = None,
    progress: "AbstractContextManager[Progress] | None" = None,
    is_alone: bool = True,
) -> None:
    """Run what the plan asks for until it asks for nothing.

    Each record is on disk as soon as it is there. ``resumed`` are the records that an
    earlier run left in the file; without them the file is made, but not before this run may
    measure: one that is refused leaves nothing behind. ``progress`` is told of each record, the
    terminal without it. A run that is not ``is_alone`` may have others beside it on this machine:
    it reads no clock.

    Raises:
        UsageError: another run is measuring on this machine, the file can't be made, or the disk
            is full.
    """
    from bench.render.terminal.progress import show_progress  # after --help has had its answer

    measured = list(resumed or ())
    lock = measuring_alone() if is_alone else nullcontext()
    with lock, progress or show_progress() as told:
        file = RecordFile.create(path) if resumed is None else RecordFile(path, measured)
        while jobs := plan(measured):
            told.expect(len(jobs))
            with closing(run(jobs, measured)) as running:
                for record in running:
                    file.append(record)
                    measured.append(record)
                    told.advance(record)


def read_and_warn(path: Path) -> tuple[Record, ...]:
    """The complete records of a file; the lines that are none are named on standard error.

    Raises:
        UsageError: there is no such file, or it can't be read.
    """
    contents = read_records(path)
    for line in contents.bad_lines:
        print(f"{path}, line {line.number}, is left out: {line.problem}", file=sys.stderr)
    return contents.records


def summarize_readable(paths: Sequence[Path]) -> Iterator[RunSummary]:
    """The summaries of the runs that can be summed up; others have nothing to compare with."""
    for path in paths:
        with suppress(UsageError):
            yield summarize(read_records(path).records)


def name_failures(records: Sequence[Record]) -> list[Record]:
    """The records of cells that were not measured; each reason is printed once."""
    failed = [record for record in records if record.status != Status.OK]
    for model, status, reason in dict.fromkeys((r.job.model, r.status, r.reason) for r in failed):
        print(f"{model}: {status.value}: {reason}", file=sys.stderr)
    return failed


VERDICT_EXITS = {
    Verdict.PASS: EXIT_OK,
    Verdict.FAIL: EXIT_FAIL,
    Verdict.INCONCLUSIVE: EXIT_INCONCLUSIVE,
}


def announce(checks: Sequence[Check], title: str, form: str) -> int:
    """Print a gate's verdicts in a form, and to GitHub where it runs this; the exit code."""
    from bench.render.verdicts.forms import RENDERERS
    from bench.render.verdicts.github import append_step_summary, render_annotations

    print(RENDERERS[form](checks, title))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print(render_annotations(checks, title), end="", file=sys.stderr)
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        append_step_summary(checks, title, Path(path))
    return VERDICT_EXITS[overall(checks)]
