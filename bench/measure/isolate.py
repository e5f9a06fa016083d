"""Jobs to records, each job in a fresh process, whatever happens in it.

The parent holds no torch and sleeps while a child measures.
"""

import signal
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain, groupby
from pathlib import Path

import msgspec

from bench.errors import UsageError
from bench.measure.forkserver import START_DEADLINE_S, Ending, ForkServer
from bench.registry import Entry
from bench.results.codec import RecordError, decode_result
from bench.results.environment import Environment, MachineState
from bench.results.measurements import Result
from bench.results.record import Job, Record, Status


def run_jobs(jobs: Iterable[Job], environment: Environment) -> Generator[Record, None, None]:
    """Measure cells one after another; never raises for what a network does.

    ``environment`` is what a process of these jobs said of itself (``fetch_environment``). Jobs in
    a row that can share a server process do; when a network ends it, another takes over.
    Interrupted, it yields the record of the job that was interrupted, and then goes on raising.
    """
    for (_, threads, _), group in groupby(jobs, key=_server_of):
        waiting = deque(group)
        preload = preload_for(waiting)
        while waiting:
            with ForkServer(threads, preload) as server:
                while waiting and server.is_running:
                    yield from _run_job(server, waiting.popleft(), environment)


def _server_of(job: Job) -> tuple[int, int, bool]:
    """Round, threads and whether its memory is untouched; jobs that differ have other servers."""
    return job.round, job.workload.threads, job.spec.untouched_memory


def preload_for(jobs: Iterable[Job]) -> tuple[str, ...]:
    """The modules that a server of these jobs imports before it forks."""
    wanted = (job.spec.preload for job in jobs if job.workload.phase == "update")
    return tuple(dict.fromkeys(chain.from_iterable(wanted)))


def run_alone(job: Job, environment: Environment, root: Path | None = None) -> Record:
    """Measure one cell in a process whose server forks no other, with the sources below ``root``.

    Such processes share nothing, the layout of their address space included.
    """
    with ForkServer(job.workload.threads, preload_for([job]), root) as server:
        (record,) = _run_job(server, job, environment)
    return record


def _run_job(server: ForkServer, job: Job, environment: Environment) -> Iterator[Record]:
    """One record, always; then what interrupted the measurement, if anything did."""
    started_at, start = datetime.now(UTC), time.monotonic()
    interruption: BaseException | None = None
    result: Result | None = None
    try:
        ending = server.run(asdict(job), job.deadline_s)
        status, reason = classify(ending, job.deadline_s)
        if status == Status.OK:
            result = decode_result(job.probe, (ending.outcome or {}).get("result"))
    except RecordError as error:
        status, reason = Status.ERROR, f"The measuring process gave no complete result: {error}."
    except BaseException as error:
        interruption = error
        ending = Ending(None, 0, timed_out=False, stderr_tail="")
        status, reason = Status.INTERRUPTED, "The run was ended while this was measured."
    state = (ending.outcome or {}).get("state")
    yield Record(
        job=job,
        status=status,
        reason=reason,
        result=result,
        environment=environment,
        started_at=started_at.isoformat(timespec="seconds"),
        elapsed_s=time.monotonic() - start,
        state=None if state is None else msgspec.convert(state, MachineState),
        stderr_tail="" if status == Status.OK else ending.stderr_tail,
    )
    if interruption:
        raise interruption


def fetch_environment(threads: int, root: Path | None = None) -> Environment:
    """The environment of a measuring process, as one describes it.

    Raises:
        UsageError: such a process can't even start (torch missing or broken).
    """
    with ForkServer(threads, root=root) as server:
        ending = server.run({}, START_DEADLINE_S)
    if ending.outcome is None:
        raise UsageError(
            f"A measuring process could not start: {last_line(ending.stderr_tail)}. "
            "To install what it needs: pip install separation-bench"
        )
    return msgspec.convert(ending.outcome["environment"], Environment)


def prepare_measuring(entries: Iterable[Entry], threads: int) -> Environment:
    """See that the user's own networks can be built; then the environment of the processes.

    Raises:
        UsageError: a module or function is not there, needs arguments or makes no network, or no
            measuring process can start.
    """
    own = [entry for entry in entries if not entry.is_registered]
    problems = [problem for entry in own if (problem := _problem_of(entry, threads))]
    if problems:
        raise UsageError(" ".join(dict.fromkeys(problems)))
    return fetch_environment(threads)


def _problem_of(entry: Entry, threads: int) -> str:
    """Why a network can't be built as asked; a process that ends without a word has no answer."""
    with ForkServer(threads) as server:
        ending = server.run({"factory": entry.factory}, START_DEADLINE_S)
    problem: str = (ending.outcome or {}).get("problem", "")
    return problem


def classify(ending: Ending, deadline_s: float) -> tuple[Status, str]:
    """The status of a worker's end and the sentence that explains it."""
    if not ending.has_started:
        reason = f"The measuring process did not start within {START_DEADLINE_S:g} s."
        return Status.TIMEOUT, reason
    if ending.timed_out:
        return Status.TIMEOUT, f"Not finished after {deadline_s:g} s, so the process was ended."
    if ending.outcome is not None:
        return Status(ending.outcome["status"]), ending.outcome["reason"]
    if ending.returncode == -signal.SIGKILL:
        reason = "The process was killed from outside; most often the kernel, out of memory."
        return Status.KILLED, reason
    if ending.returncode in (-signal.SIGSEGV, -signal.SIGBUS):
        return Status.SEGFAULT, "The process crashed with an invalid memory access."
    if ending.returncode < 0:
        return Status.KILLED, f"The process was ended by {_signal_name(-ending.returncode)}."
    printed = last_line(ending.stderr_tail)
    return (
        Status.ERROR,
        f"The process exited with code {ending.returncode} and no result: {printed}",
    )


def _signal_name(number: int) -> str:
    try:
        return f"the signal {signal.Signals(number).name}"
    except ValueError:  # the real-time signals between the first and the last have no name
        return f"signal {number}"


def last_line(text: str) -> str:
    """The last line a process printed; of a traceback, the error itself."""
    return (text.strip().splitlines() or ["it printed nothing"])[-1]
