"""The values that flow: a Job says what to measure, a Record what came of it.

Everything stored is raw: SI base units, no rounding.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bench.results.environment import Environment, MachineState
from bench.results.measurements import Result
from bench.results.probes import PROBES, ProbeSpec
from bench.results.shard import Shard
from bench.results.workload import Workload

Found = TypeVar("Found", bound=Result)


class Status(StrEnum):
    """How the measurement of one cell ended. Anything but ``OK`` comes with a reason."""

    OK = "ok"
    OOM = "oom"  # the allocator refused, on the CPU or the GPU
    KILLED = "killed"  # a signal from outside: most often the kernel, out of memory
    SEGFAULT = "segfault"
    TIMEOUT = "timeout"  # the deadline passed and the process group was killed
    NON_FINITE = "non_finite"  # NaN or Inf among the estimates or in the loss
    BAD_SHAPE = "bad_shape"  # estimates are not [batch, n_src, time]
    MISSING_DEPENDENCY = "missing_dependency"
    UNSUPPORTED = "unsupported"  # this machine can't measure it, or this runtime not run it
    MISMATCH = "mismatch"  # it computes something else than the network, or on more threads
    SKIPPED = "skipped"  # known beforehand to be impossible
    ERROR = "error"  # any other exception
    INTERRUPTED = "interrupted"


OWN_FAULTS = frozenset(
    (Status.ERROR, Status.BAD_SHAPE, Status.NON_FINITE, Status.MISSING_DEPENDENCY)
)
"""Of a network itself: it fails in every cell alike."""


class CellError(Exception):
    """A cell can't be measured: its status and a sentence that says why."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Job:
    """One cell to measure, in one fresh process."""

    model: str
    factory: str  # "package.module:function", called without arguments
    workload: Workload
    probe: str  # a name of PROBES
    round: int  # what takes time is measured in several rounds over all models, from 0
    budget_s: float  # time to spend on repeating
    deadline_s: float  # after which the process group is killed
    n_src: int | None = None  # that the network must return; None: as many as it likes

    @property
    def cell(self) -> tuple[str, str, Workload, str, int]:
        """What is measured, whatever time it may take."""
        return self.model, self.factory, self.workload, self.probe, self.round

    @property
    def spec(self) -> ProbeSpec:
        """The row of its probe."""
        return PROBES[self.probe]


@dataclass(frozen=True)
class Record:
    """What came of one job, and where it was made."""

    job: Job
    status: Status
    reason: str  # a sentence unless the status is ok
    result: Result | None  # of the probe's own type when the status is ok, else None
    environment: Environment | None  # None where no process lived to describe it
    started_at: str  # ISO 8601, UTC
    elapsed_s: float  # of the whole process, start-up included
    state: MachineState | None = None  # of the machine, as the process saw it
    stderr_tail: str = ""  # the end of what the process printed, when it did not end well
    shard: Shard | None = None  # of the plan that was dealt to several machines; None: of no such


def broken_networks(records: Iterable[Record]) -> dict[str, Record]:
    """The networks that failed at their contract by a fault of their own, with that record."""
    newest = {r.job.model: r for r in records if r.job.spec.comes_first}
    return {name: record for name, record in newest.items() if record.status in OWN_FAULTS}


def results_of(kind: type[Found], records: Iterable[Record]) -> Iterator[tuple[Record, Found]]:
    """The records that hold a result of one kind, with it."""
    for record in records:
        if isinstance(record.result, kind):
            yield record, record.result
