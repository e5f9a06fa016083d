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

from bench.measure.endings import preload_for, to_record
from bench.measure.forkserver import Child, Ending, ForkServer, wait_for_any
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
    jobs: Sequence[Job], environment: Environment, n_at_once: int
) -> Generator[Record, None, None]:
    """One record of each job, in the order in which they end.

    Interrupted, it yields the records of those that were running, and then goes on raising.
    """
    waiting, again = deque(jobs), list[Job]()
    interruption: BaseException | None = None
    with ExitStack() as stack:
        lanes = [_Lane(stack, jobs, environment) for _ in range(min(n_at_once, len(jobs)))]
        while not interruption and (waiting or any(lane.is_busy for lane in lanes)):
            ended: list[Record] = []
            try:
                _start(lanes, waiting)
                ended += _wait(lanes)
            except BaseException as error:
                interruption = error
                ended += [lane.finish(None) for lane in lanes if lane.is_busy]
            for record in ended:
                if n_at_once > 1 and record.status in MAYBE_ANOTHERS_FAULT:
                    again.append(record.job)
                else:
                    yield record
    if interruption:
        raise interruption
    if again:
        yield from run_apart(again, environment, 1)


@dataclass
class _Running:
    job: Job
    started_at: datetime
    start: float
    deadline: float  # its server's start left out
    child: Child

    @property
    def left_s(self) -> float:
        """Until its deadline."""
        return self.deadline - time.monotonic()


class _Lane:
    """One process at a time, forked by one server until a network ends that."""

    def __init__(self, stack: ExitStack, jobs: Sequence[Job], environment: Environment) -> None:
        self._stack = stack
        self._threads, self._preload = jobs[0].workload.threads, preload_for(jobs)
        self._environment = environment
        self._server: ForkServer | None = None
        self.running: _Running | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a job was begun that has no record yet."""
        return self.running is not None

    def begin(self, job: Job) -> None:
        """Have a process forked for a job, by a new server where there is none."""
        started_at, start = datetime.now(UTC), time.monotonic()
        if self._server is None or not self._server.is_running:
            self._server = self._stack.enter_context(ForkServer(self._threads, self._preload))
        child = self._server.start(asdict(job))
        self.running = _Running(job, started_at, start, time.monotonic() + job.deadline_s, child)

    def conclude(self) -> Record:
        """The record of a job whose process has spoken or ended, or whose time is up."""
        assert self.running is not None
        child = self.running.child
        return self.finish(child.conclude(child.receive(self.running.left_s)))

    def finish(self, ending: Ending | None) -> Record:
        """The record of the running job, whose process is no more; None: it was interrupted."""
        assert self.running is not None
        running, self.running = self.running, None
        with running.child:
            elapsed_s = time.monotonic() - running.start
        return to_record(running.job, self._environment, ending, running.started_at, elapsed_s)


def _start(lanes: Sequence[_Lane], waiting: deque[Job]) -> None:
    for lane in lanes:
        if waiting and not lane.is_busy:
            lane.begin(waiting.popleft())


def _wait(lanes: Sequence[_Lane]) -> list[Record]:
    """Sleep until a process has ended or is to be ended; the records of those."""
    busy = [(lane, lane.running) for lane in lanes if lane.running is not None]
    patience_s = min(running.left_s for _, running in busy)
    ready = wait_for_any([running.child for _, running in busy], patience_s)
    return [
        lane.conclude() for lane, running in busy if running.child in ready or running.left_s <= 0
    ]
