"""Jobs to records, each job in a fresh process, whatever happens in it.

The parent holds no torch and sleeps while a child measures.
"""

from collections.abc import Generator, Hashable, Iterable
from itertools import groupby
from pathlib import Path

import msgspec

from bench.errors import UsageError
from bench.measuring.apart import how_many_at_once, run_apart
from bench.measuring.conductor import Player, measure_round
from bench.measuring.endings import last_line
from bench.measuring.forkserver import START_DEADLINE_S, ForkServer
from bench.registry import Entry
from bench.results.environment import Environment
from bench.results.record import Job, Record


def run_jobs(jobs: Iterable[Job], environment: Environment) -> Generator[Record, None, None]:
    """Measure cells, each in a process of its own; never raises for what a network does.

    ``environment`` is what a process of these jobs said of itself (``fetch_environment``). Those
    that take turns are measured together, and the first of them is what the others are compared
    with; the others run apart (``apart``). Interrupted, it yields the records of the jobs that were
    interrupted, and then goes on raising.
    """
    for (takes_turns, _), group in groupby(jobs, key=_server_of):
        if takes_turns:
            yield from measure_round(
                [
                    Player(job, environment, is_reference=place == 0)
                    for place, job in enumerate(group)
                ]
            )
        else:
            row = list(group)
            yield from run_apart(row, environment, how_many_at_once(row, environment))


def _server_of(job: Job) -> tuple[bool, Hashable]:
    """Whether a job takes turns; jobs that differ in any of the rest have other servers."""
    is_untouched, work = job.spec.untouched_memory, job.workload
    malloc = work.keeps_pages, work.gives_pages_back
    phase = work.phase if job.spec.takes_turns else ""
    return job.spec.takes_turns, (job.round, work.threads, is_untouched, malloc, phase)


def prepare_measuring(entries: Iterable[Entry], threads: int) -> Environment:
    """See that the user's own networks can be built; then the environment of the processes.

    Raises:
        UsageError: a module or function is not there, needs arguments or makes no network, or no
            measuring process can start.
    """
    problems, environment = look_at([one for one in entries if not one.is_registered], threads)
    if environment is None:
        raise UsageError(" ".join(dict.fromkeys(problems)))
    return environment


def fetch_environment(threads: int, root: Path | None = None) -> Environment:
    """The environment of a measuring process, as one describes it.

    Raises:
        UsageError: such a process can't even start (torch missing or broken).
    """
    with ForkServer(threads, root=root) as server:
        return _describe_environment(server)


def look_at(
    entries: Iterable[Entry], threads: int, root: Path | None = None
) -> tuple[list[str], Environment | None]:
    """Why networks can't be built as asked; the environment, where all of them can.

    Raises:
        UsageError: no measuring process can start.
    """
    with ForkServer(threads, root=root) as server:
        environment = _describe_environment(server)  # before a network can end the server
        problems = [problem for one in entries if (problem := _find_problem(server, one))]
        return problems, None if problems else environment


def _find_problem(server: ForkServer, entry: Entry) -> str:
    """A process that ends without a word has no answer."""
    ending = server.run({"factory": entry.factory}, START_DEADLINE_S)
    problem: str = (ending.outcome or {}).get("problem", "")
    return problem


def _describe_environment(server: ForkServer) -> Environment:
    ending = server.run({}, START_DEADLINE_S)
    if ending.outcome is None:
        raise UsageError(
            f"A measuring process could not start: {last_line(ending.stderr_tail)}. "
            "To install what it needs: pip install separation-bench"
        )
    return msgspec.convert(ending.outcome["environment"], Environment)
