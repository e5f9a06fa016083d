"""Jobs to records, each job in a fresh process, whatever happens in it.

The parent holds no torch and sleeps while a child measures.
"""

import signal
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.measure.forkserver import START_DEADLINE_S, Ending, ForkServer
from bench.results.record import Job, Record, Status

LAZY_IMPORT = "torch._dynamo"
"""What torch would import in every child, for a second, at its first optimiser step."""


def run_jobs(jobs: Iterable[Job]) -> Generator[Record, None, None]:
    """Measure cells one after another; never raises for what a network does.

    Jobs in a row that can share a server process do; when a network ends it, another takes over.
    Interrupted, it yields the record of the job that was interrupted, and then goes on raising.
    """
    for (_, threads, _), group in groupby(jobs, key=_server_of):
        waiting = deque(group)
        preload = preload_for(waiting)
        while waiting:
            with ForkServer(threads, preload) as server:
                while waiting and server.is_running:
                    yield from _run_job(server, waiting.popleft())


def _server_of(job: Job) -> tuple[int, int, bool]:
    """Round, threads and whether it is for memory; jobs that differ in one have other servers."""
    return job.round, job.workload.threads, job.probe == "memory"


def preload_for(jobs: Iterable[Job]) -> tuple[str, ...]:
    """The modules that a server of these jobs imports before it forks.

    Memory is measured without, because a network itself may not need them; and inference never
    imports them.
    """
    is_needed = any(job.probe != "memory" and job.workload.phase == "update" for job in jobs)
    return (LAZY_IMPORT,) if is_needed else ()


def run_alone(job: Job, root: Path | None = None) -> Record:
    """Measure one cell in a process whose server forks no other, with the sources below ``root``.

    Such processes share nothing, the layout of their address space included.
    """
    with ForkServer(job.workload.threads, preload_for([job]), root) as server:
        (record,) = _run_job(server, job)
    return record


def _run_job(server: ForkServer, job: Job) -> Iterator[Record]:
    """One record, always; then what interrupted the measurement, if anything did."""
    started_at, start = datetime.now(UTC), time.monotonic()
    interruption: BaseException | None = None
    try:
        ending = server.run(asdict(job), job.deadline_s)
        status, reason = classify(ending, job.deadline_s)
    except BaseException as error:
        interruption = error
        ending = Ending(None, 0, timed_out=False, stderr_tail="")
        status, reason = Status.INTERRUPTED, "The run was ended while this was measured."
    outcome = ending.outcome or {}
    yield Record(
        job=job,
        status=status,
        reason=reason,
        measurement=outcome.get("measurement", {}),
        environment=outcome.get("environment", {}),
        started_at=started_at.isoformat(timespec="seconds"),
        elapsed_s=time.monotonic() - start,
        stderr_tail="" if status == Status.OK else ending.stderr_tail,
    )
    if interruption:
        raise interruption


def fetch_environment(threads: int) -> dict[str, Any]:
    """The environment as a measuring process sees it.

    Raises:
        UsageError: such a process can't even start (torch missing or broken).
    """
    with ForkServer(threads) as server:
        ending = server.run({}, START_DEADLINE_S)
    if ending.outcome is None:
        raise UsageError(
            f"A measuring process could not start: {last_line(ending.stderr_tail)}. "
            "To install what it needs: pip install separation-bench"
        )
    environment: dict[str, Any] = ending.outcome["environment"]
    return environment


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
