"""From how a process ended to the record of its cell."""

import signal
from collections.abc import Iterable
from datetime import datetime
from itertools import chain

import msgspec

from bench.measuring.forkserver import START_DEADLINE_S, Ending
from bench.results.codec import RecordError, decode_result
from bench.results.environment import Environment, MachineState
from bench.results.record import Job, Record, Status

NOT_ENDED = Ending(None, 0, timed_out=False, stderr_tail="")


def to_record(
    job: Job,
    environment: Environment,
    ending: Ending | None,
    started_at: datetime,
    elapsed_s: float,
) -> Record:
    """The record of a cell; without an ending it is one that was interrupted."""
    result = None
    if ending is None:
        status, reason = Status.INTERRUPTED, "The run was ended while this was measured."
    else:
        status, reason = classify(ending, job.deadline_s)
    outcome = (ending or NOT_ENDED).outcome or {}
    if status == Status.OK:
        try:
            result = decode_result(job.probe, outcome.get("result"))
        except RecordError as error:
            status = Status.ERROR
            reason = f"The measuring process gave no complete result: {error}."
    state = outcome.get("state")
    return Record(
        job=job,
        status=status,
        reason=reason,
        result=result,
        environment=environment,
        started_at=started_at.isoformat(timespec="seconds"),
        elapsed_s=elapsed_s,
        state=None if state is None else msgspec.convert(state, MachineState),
        stderr_tail="" if status == Status.OK else (ending or NOT_ENDED).stderr_tail,
    )


def preload_for(jobs: Iterable[Job]) -> tuple[str, ...]:
    """The modules that a server of these jobs imports before it forks."""
    wanted = (job.spec.preload for job in jobs if job.workload.phase == "update")
    return tuple(dict.fromkeys(chain.from_iterable(wanted)))


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
