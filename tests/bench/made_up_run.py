"""bench.run with measuring replaced by made-up records, for tests of the command."""

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Never

import pytest

from bench import command, run
from bench.registry import Entry
from bench.results.environment import Environment
from bench.results.record import Job, Record, Status
from bench.results.store import read_records
from tests.bench.example_records import ENVIRONMENT, fail, make_record
from tests.bench.example_results import measured

QUICK_JOBS = 12  # of one network: contract, parameters, twice operations, memory and 3 latencies
FAILED_JOBS = 8  # of one that fails everywhere; it has no second and third latency
NULL_JOBS = 3  # the harness's own cost
Call = Callable[..., int]


class Bench:
    """Stands in for the measuring processes; ``act`` happens before each job is answered."""

    def __init__(self) -> None:
        self.environment = ENVIRONMENT
        self.jobs: list[Job] = []
        self.is_closed = False
        self.act: Callable[[Job], None] = lambda job: None
        self.failures: dict[str, tuple[Status, str]] = {}

    def prepare_measuring(self, entries: Iterable[Entry], threads: int) -> Environment:
        return self.environment

    def run_jobs(
        self, jobs: Iterable[Job], environment: Environment
    ) -> Generator[Record, None, None]:
        """Kept, so that nobody but the caller closes it."""
        self.measuring = self.answer(jobs, environment)
        return self.measuring

    def answer(
        self, jobs: Iterable[Job], environment: Environment
    ) -> Generator[Record, None, None]:
        try:
            for job in jobs:
                self.act(job)
                self.jobs.append(job)
                record = make_record(job, measured(1.5, job), environment)
                failure = self.failures.get(job.model)
                yield fail(record, *failure) if failure else record
        finally:
            self.is_closed = True


@pytest.fixture(name="bench")
def bench_fixture(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench()
    monkeypatch.setattr(run, "prepare_measuring", bench.prepare_measuring)
    monkeypatch.setattr(command, "run_jobs", bench.run_jobs)
    return bench


@pytest.fixture(name="call")
def call_fixture(tmp_path: Path, bench: Bench) -> Call:
    """The command with a folder of the test's own."""
    return lambda *arguments: run.main(
        ["--output", str(tmp_path / "out"), "--effort", "quick", *arguments]
    )


@pytest.fixture(name="no_figure")
def no_figure_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what does not need it: the figure takes most of the time of a report."""
    monkeypatch.setattr("bench.render.figures.pareto.write_pareto_figure", lambda summary, stem: [])


def stored(folder: Path) -> tuple[Record, ...]:
    (path,) = (folder / "records").iterdir()
    contents = read_records(path)
    assert contents.bad_lines == ()
    return contents.records


def interrupt() -> Never:
    raise KeyboardInterrupt


def stop_after(bench: Bench, n_jobs: int) -> None:
    bench.act = lambda job: interrupt() if len(bench.jobs) == n_jobs else None
