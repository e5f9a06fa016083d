"""A machine on which sweeps take made-up time and memory: its clock moves as jobs are run."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace

from bench.grid import Grid, GridCell
from bench.registry import Entry
from bench.results.environment import Environment
from bench.results.forecast import MemoryForecast
from bench.results.measurements import (
    ContractCheck,
    LatencyTimes,
    MemoryPeaks,
    OperationCount,
    Result,
)
from bench.results.record import Job, Record, Status
from bench.sweeping import Sweep
from tests.bench.example_records import ENVIRONMENT, fail, make_record

SMALL, LARGE = (Entry(name, name, f"tests.networks:{name}", n_src=2) for name in ("small", "large"))
MACS = {SMALL.name: 20_000, LARGE.name: 200_000}
"""For each sample; of any other network as of the small one."""
START_S, REST_S = 2.0, 0.5
"""Of every server, and of a process beside its calls."""
WEIGHTS, BYTES, PROCESS = 4_000_000, 1_000, 200_000_000
"""Of every network; of its live set for each sample; of a process that holds none of it."""


def make_grid(**options: object) -> Grid:
    """Three lengths on one thread unless ``options`` say otherwise."""
    grid = Grid((1000, 2000, 4000), (1,), (1,), ("float32",), ("inference",), "cpu")
    return replace(grid, **options)  # type: ignore[arg-type]


@dataclass
class MadeUpMachine:
    """Stands in for measuring processes; ``act`` happens before each job is answered."""

    rate: float = 1e9  # multiply-adds each second
    available_bytes: int = 10**12
    speed: Callable[[Job], float] = lambda job: 1.0  # how many times faster than told
    act: Callable[[Job], object] = lambda job: None
    failures: dict[tuple[str, int], tuple[Status, str]] = field(default_factory=dict)
    now_s: float = 1000.0
    jobs: list[Job] = field(default_factory=list)
    n_servers: int = 0

    def clock(self) -> float:
        return self.now_s

    def run_jobs(
        self, jobs: Sequence[Job], environment: Environment
    ) -> Generator[Record, None, None]:
        self.n_servers += 1
        beside_s = START_S + REST_S  # of the first, which waits for its server
        for job in jobs:
            self.act(job)
            self.jobs.append(job)
            record = make_record(job, self._measure(job), environment)
            whole_s = beside_s + self._calls_s(job)
            elapsed_s, beside_s = min(whole_s, job.deadline_s), REST_S
            self.now_s += elapsed_s
            failure = self.failures.get((job.probe, job.workload.n_samples))
            if whole_s > job.deadline_s:
                failure = Status.TIMEOUT, f"Not finished after {job.deadline_s} s."
            record = fail(record, *failure) if failure else record
            yield replace(record, elapsed_s=elapsed_s)

    def call_s(self, job: Job) -> float:
        return self._macs(job) / self.rate / self.speed(job)

    def _calls_s(self, job: Job) -> float:
        calls = {"memory": 3, "latency": 4}.get(job.probe, 0) * self.call_s(job)
        return max(1.5, calls) if job.probe == "latency" else calls

    def _macs(self, job: Job) -> int:
        return MACS.get(job.model, MACS[SMALL.name]) * job.workload.n_samples * job.workload.batch

    def _measure(self, job: Job) -> Result:
        live = BYTES * job.workload.n_samples * job.workload.batch
        minimum = WEIGHTS + live
        if job.probe == "contract":
            return ContractCheck(2)
        if job.probe == "operations":
            return OperationCount(self._macs(job), 2 * self._macs(job), {}, "meta")
        if job.probe == "forecast":
            process = PROCESS + minimum
            return MemoryForecast(minimum, minimum, process, self.available_bytes, 0)
        if job.probe == "memory":
            allocated = WEIGHTS + 3 * live
            return MemoryPeaks(
                peak_allocated_bytes=allocated,
                weight_bytes=WEIGHTS,
                gradient_bytes=0,
                optimiser_bytes=0,
                activation_bytes=3 * live,
                minimum_bytes=minimum,
                minimum_live_bytes=live,
                peak_rss_bytes=PROCESS + 400_000 + allocated,
            )
        assert job.probe == "latency"
        return LatencyTimes((self.call_s(job),) * 3)


def make_sweep(
    machine: MadeUpMachine,
    grid: Grid,
    entries: Sequence[Entry] = (SMALL, LARGE),
    budget_s: float = 1e6,
) -> Sweep:
    """A sweep that begins now."""
    environments = dict.fromkeys(grid.threads, ENVIRONMENT)
    cells = grid.cells(entries)
    return Sweep(cells, environments, budget_s, machine.clock(), machine.clock, machine.run_jobs)


def run_sweep(sweep: Sweep, records: list[Record] | None = None) -> list[Record]:
    """What the command does with a sweep, without files."""
    records = [] if records is None else records
    while jobs := sweep.plan(records):
        for record in sweep.run(jobs, records):
            records.append(record)
    return records


def found(records: Sequence[Record], probe: str) -> dict[GridCell, Record]:
    """The records of one probe in its first round, by cell."""
    return {GridCell.of(r.job): r for r in records if (r.job.probe, r.job.round) == (probe, 0)}
