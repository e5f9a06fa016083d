"""Jobs that take no turns: a fresh process for each, and where no clock is read several at once.

The parent sleeps until one of them has ended. Counts and peaks are a process's own, whoever runs
beside it; what another may have done to one (memory full, time up) is measured again alone.
"""

import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.machine.pages import malloc_variables
from bench.measuring.endings import preload_for, to_record
from bench.measuring.forkserver import Child, Ending, ForkServer, wait_for_any
from bench.results.environment import Environment
from bench.results.record import Job, Record, Status

MOST_AT_ONCE = 2
"""However many processors there are: the memory of all of them is taken together."""
MAYBE_ANOTHERS_FAULT = frozenset({Status.OOM, Status.KILLED, Status.TIMEOUT})


def how_many_at_once(jobs: Sequence[Job], environment: Environment) -> int:
    """One where a clock is read or a GPU shared; else as many as there are processors for."""
    if any(job.spec.takes_time or job.workload.device == "cuda" for job in jobs):
        return 1
    threads = max(job.workload.threads for job in jobs)
    return max(1, min(MOST_AT_ONCE, environment.machine.n_available_cpus // threads))


def run_apart(
    jobs: Sequence[Job], environment: Environment, n_at_once: int, root: Path | None = None
) -> Generator[Record, None, None]:
    """One record of each job as it is done; ``root`` takes the place of the current folder.

    Interrupted, it yields the records of the jobs that were running, and then goes on raising.
    Closed, it ends them.
    """
    waiting = deque(map(_Task, jobs))
    n_left = len(jobs)
    interruption: BaseException | None = None
    with ExitStack() as stack:
        lanes = [_Lane(stack, jobs, environment, root) for _ in range(min(n_at_once, len(jobs)))]
        stack.callback(_end_all, lanes)
        while n_left and not interruption:
            try:
                done: list[Record] = []
                _start(lanes, waiting)
                _finish_any(lanes, waiting, done)
            except BaseException as error:
                interruption = error
                done += _end_all(lanes)
            n_left -= len(done)
            yield from done
    if interruption:
        raise interruption


def _end_all(lanes: Sequence["_Lane"]) -> list[Record]:
    """End what is running; the records of interrupted jobs."""
    return [lane.finish(None) for lane in lanes if lane.process]


@dataclass
class _Task:
    """A job, and what may or did run beside it."""

    job: Job
    must_be_alone: bool = False
    had_company: bool = False


@dataclass(frozen=True)
class _Process:
    """What runs a task."""

    task: _Task
    child: Child
    started_at: datetime
    start: float
    deadline: float  # the start of its server left out

    @property
    def left_s(self) -> float:
        """Until its deadline."""
        return self.deadline - time.monotonic()


class _Lane:
    """One process at a time, forked by one server until a network ends that."""

    def __init__(
        self, stack: ExitStack, jobs: Sequence[Job], environment: Environment, root: Path | None
    ) -> None:
        self._stack = stack
        self._threads, self._preload = jobs[0].workload.threads, preload_for(jobs)
        self._variables = malloc_variables(jobs[0].workload)
        self._environment = environment
        self._root = root
        self._server: ForkServer | None = None
        self.process: _Process | None = None

    def begin(self, task: _Task) -> None:
        """Have a process forked for a job, by a new server where there is none."""
        started_at, start = datetime.now(UTC), time.monotonic()
        if self._server is None or not self._server.is_running:
            server = ForkServer(self._threads, self._preload, self._root, self._variables)
            self._server = self._stack.enter_context(server)
        child = self._server.start(asdict(task.job))
        end = time.monotonic() + task.job.deadline_s
        self.process = _Process(task, child, started_at, start, end)

    def conclude(self) -> Record:
        """The record of a job whose process has spoken or ended, or whose time is up."""
        assert self.process is not None
        child = self.process.child
        return self.finish(child.conclude(child.receive(self.process.left_s)))

    def finish(self, ending: Ending | None) -> Record:
        """The record of the running job, whose process is no more; None: it was interrupted."""
        assert self.process is not None
        process, self.process = self.process, None
        with process.child:
            elapsed_s = time.monotonic() - process.start
        job = process.task.job
        return to_record(job, self._environment, ending, process.started_at, elapsed_s)


def _start(lanes: Sequence[_Lane], waiting: deque[_Task]) -> None:
    """Give free lanes jobs, one that must be alone only when all others are free."""
    for lane in lanes:
        running = [other.process.task for other in lanes if other.process]
        if lane.process or not waiting:
            continue
        if running and any(task.must_be_alone for task in (waiting[0], *running)):
            return
        task = waiting.popleft()
        lane.begin(task)
        for one in (task, *running):
            one.had_company |= bool(running)


def _finish_any(lanes: Sequence[_Lane], waiting: deque[_Task], done: list[Record]) -> None:
    """Sleep until a process has ended or is to be ended; the records of those are done.

    One that another may have spoilt is begun again alone.
    """
    running = [(lane, lane.process) for lane in lanes if lane.process]
    patience_s = min(process.left_s for _, process in running)
    ready = wait_for_any([process.child for _, process in running], patience_s)
    for lane, process in running:
        if process.child not in ready and process.left_s > 0:
            continue
        record, task = lane.conclude(), process.task
        if task.had_company and record.status in MAYBE_ANOTHERS_FAULT:
            waiting.appendleft(_Task(task.job, must_be_alone=True))
        else:
            done.append(record)
