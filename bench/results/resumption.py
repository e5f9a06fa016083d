"""Going on with a run: which of its records need not be made again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench.errors import UsageError
from bench.results.environment import Environment
from bench.results.fingerprint import fingerprint
from bench.results.record import Record, Status
from bench.results.workload import Phase, Workload

MADE_ELSEWHERE = "was made with other code or packages, or on another machine"
"""Why records can't be gone on with, as the refusal says it."""


def records_to_keep(
    path: Path,
    records: Sequence[Record],
    workload_of: Callable[[Phase], Workload],
    environment: Environment,
) -> list[Record]:
    """The records of a run's file that succeeded; the others are made again.

    ``workload_of`` gives what this run asks for in each phase.

    Raises:
        UsageError: the file was made with other settings, with other code or on another machine.
    """
    refuse_other_settings(path, records, workload_of)
    done = [record for record in records if record.status == Status.OK]
    _refuse_other_code(path, done, lambda record: environment)
    return done


def refuse_other_settings(
    path: Path, records: Sequence[Record], workload_of: Callable[[Phase], Workload]
) -> None:
    """A run holds one kind of workload.

    Raises:
        UsageError: the file was made with other settings.
    """
    for record in records:
        made = replace(record.job.workload, keeps_pages=False)  # the probe decides that
        asked = workload_of(made.phase).at(made.sample_rate)
        if made != asked:
            raise UsageError(
                f"{path} was made with other settings ({_differences(made, asked)}), and a run "
                "holds one kind of workload. Resume it with its own, or start a new run without "
                "--resume."
            )


def records_of_a_sweep(
    path: Path, records: Sequence[Record], environments: Mapping[int, Environment]
) -> list[Record]:
    """The records of a sweep's file that succeeded, at the numbers of threads that go on.

    Where a cell was left out for want of memory, how much it needs is told anew.

    Raises:
        UsageError: the file was made with other code or on another machine.
    """
    going_on = [record for record in records if record.job.workload.threads in environments]
    newest = {record.job.cell: record for record in going_on}.values()
    refused = {
        (record.job.model, record.job.workload)
        for record in newest
        if record.job.probe == "memory" and record.status == Status.SKIPPED
    }
    done = [
        record
        for record in newest
        if record.status == Status.OK
        and not (
            record.job.probe == "forecast" and (record.job.model, record.job.workload) in refused
        )
    ]
    _refuse_other_code(path, done, lambda record: environments[record.job.workload.threads])
    return done


def _refuse_other_code(
    path: Path, done: Sequence[Record], environment_of: Callable[[Record], Environment]
) -> None:
    """Records of two codes or machines are not put together.

    Raises:
        UsageError: they were made elsewhere.
    """
    for record in done:
        here = fingerprint(record.job, environment_of(record))
        if fingerprint(record.job, record.environment) != here:
            raise UsageError(
                f"{path} {MADE_ELSEWHERE}, so it can't be resumed. "
                "Start a new run without --resume."
            )


def _differences(made: Workload, asked: Workload) -> str:
    """What two workloads differ in, in words."""
    return ", ".join(
        f"{name} {value} and not {getattr(asked, name)}"
        for name, value in asdict(made).items()
        if value != getattr(asked, name)
    )
