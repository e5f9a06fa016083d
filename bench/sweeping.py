"""What a sweep measures next, and what it leaves out: within a time, and within the memory.

Each cell goes through its stages: what needs no data (operations, and the walk that its memory is
told from), then memory, then time. Cells of different networks that cost about the same go through
them together, so that one server serves several; the smaller cells of a network are always
measured before the memory of a larger one is told.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bench.forecasting import SHARE_OF_AVAILABLE, foretell, why_too_large
from bench.grid import N_ROUNDS, GridCell
from bench.measuring.isolate import run_jobs
from bench.results.environment import Environment
from bench.results.forecast import MemoryForecast
from bench.results.record import Job, Record, Status, broken_networks
from bench.results.workload import Workload
from bench.sweep_costs import JobCosts
from bench.units import format_duration

STAGES = (("operations", "forecast"), ("memory",), ("latency",))
ABOUT_THE_SAME = 2.0
"""Times the cost of the cheapest cell, up to which others join it."""
SLACK = 0.05
"""Of the time to spend, by which a process may go beyond it before it is ended."""
LEAST_DEADLINE_S = {"memory": 5.0, "latency": 5.0}
LEAST_OTHERS_S = 60.0
"""The same of what makes no calls, and takes seconds."""

Key = tuple[str, str, Workload, str, int]
"""What ``Job.cell`` is."""
RunJobs = Callable[[Sequence[Job], Environment], Generator[Record, None, None]]


def plan_sweep(cells: Sequence[GridCell], records: Sequence[Record], left_s: float) -> list[Job]:
    """The jobs to run next, given the records of the sweep so far; none when it is complete.

    Jobs of cells that are too costly for ``left_s`` are among them when no other cell is left: to
    be refused, one by one (``why_not``).
    """
    found = {record.job.cell: record for record in records}
    if first := [job for job in _first_looks(cells, records) if job.cell not in found]:
        return first
    broken = broken_networks(records)
    cells = [cell for cell in cells if cell.model not in broken]
    stages = {cell: jobs for cell in cells if (jobs := missing(cell, found))}
    costs = JobCosts(records)
    begun = [cell for cell in stages if cell.job("forecast").cell in found]
    wave = begun or choose_wave(list(stages), costs, left_s)
    if wave:
        first_stage = min(_stage_of(stages[cell][0]) for cell in wave)
        jobs = [job for cell in wave for job in stages[cell]]
        return [job for job in jobs if _stage_of(job) == first_stage]
    if stages:
        return [cell.job("latency") for cell in sorted(stages, key=costs.of_cell)]
    return _one_more_round(cells, found, costs, left_s)


def _first_looks(cells: Sequence[GridCell], records: Sequence[Record]) -> list[Job]:
    """Each network's contract; then the count of its smallest cell, which costs are told from."""
    contracts: dict[str, Job] = {}
    counts: dict[tuple[str, str], Job] = {}
    for cell in sorted(cells, key=lambda cell: cell.size):
        contracts.setdefault(cell.model, cell.contract())
        counts.setdefault((cell.model, cell.work.phase), cell.job("operations"))
    done = {record.job.cell for record in records}
    if any(job.cell not in done for job in contracts.values()):
        return list(contracts.values())
    broken = broken_networks(records)
    return [job for job in counts.values() if job.model not in broken]


def missing(cell: GridCell, found: Mapping[Key, Record]) -> list[Job]:
    """The jobs of the next stage of a cell that have no record; none where it is settled.

    It is where its time has a record, or its memory one that did not end well.
    """
    if cell.job("latency").cell in found:
        return []
    for stage in STAGES:
        jobs = [cell.job(probe) for probe in stage]
        if without := [job for job in jobs if job.cell not in found]:
            return without
        if stage == ("memory",) and found[jobs[0].cell].status != Status.OK:
            return []
    return []


def choose_wave(cells: Sequence[GridCell], costs: JobCosts, left_s: float) -> list[GridCell]:
    """The cheapest cell that fits into the time, and others of about the same cost.

    Of a network in one phase and dtype only the smallest can be among them: the memory of a larger
    one is told from it.
    """
    costs_s = {cell: costs.of_cell(cell) for cell in cells}
    smallest: dict[tuple[str, str, str], GridCell] = {}
    for cell in sorted(cells, key=lambda cell: (cell.size, costs_s[cell])):
        smallest.setdefault(cell.line, cell)
    wave: list[GridCell] = []
    for cell in sorted(smallest.values(), key=costs_s.__getitem__):
        if costs_s[cell] > left_s or costs_s[cell] > ABOUT_THE_SAME * costs_s[(wave or [cell])[0]]:
            break
        wave.append(cell)
        left_s -= costs_s[cell]
    return wave


def _one_more_round(
    cells: Sequence[GridCell], found: Mapping[Key, Record], costs: JobCosts, left_s: float
) -> list[Job]:
    """Another process for the cheapest of the cells that have the fewest, if it fits."""
    for index in range(1, N_ROUNDS):
        jobs = [
            cell.job("latency", index)
            for cell in cells
            if cell.job("latency", index).cell not in found
            and _is_ok(found.get(cell.job("latency").cell))
        ]
        jobs = sorted((job for job in jobs if costs.of_job(job) <= left_s), key=costs.of_job)
        if jobs:
            return jobs[:1]
    return []


def _is_ok(record: Record | None) -> bool:
    return record is not None and record.status == Status.OK


def _stage_of(job: Job) -> int:
    return next(number for number, stage in enumerate(STAGES) if job.probe in stage)


def why_not(job: Job, records: Sequence[Record], left_s: float) -> str:
    """Why a job is not run: too little memory, or too little time; empty where it is.

    What rests on it is refused with it, so that a cell is refused once.
    """
    if job.probe not in ("memory", "latency") or job.round > 0:
        return ""
    forecast = forecast_of(job, records) if job.probe == "memory" else None
    if forecast and (reason := why_too_large(forecast)):
        return reason
    cost_s = JobCosts(records).of_cell(GridCell.of(job))
    if cost_s <= left_s:
        return ""
    left = f"{left_s:.0f} s of the time to spend are" if left_s >= 1 else "no time is"
    return f"It would take about {format_duration(cost_s)}, and {left} left."


def forecast_of(job: Job, records: Sequence[Record]) -> MemoryForecast | None:
    """What the memory of a job's cell was told to be."""
    cell = GridCell.of(job).job("forecast").cell
    found = [record.result for record in records if record.job.cell == cell]
    return next((r for r in reversed(found) if isinstance(r, MemoryForecast)), None)


@dataclass
class Sweep:
    """Cells that are measured within a time, from ``start_s`` of the clock on."""

    cells: Sequence[GridCell]
    environments: Mapping[int, Environment]  # by the number of threads
    budget_s: float
    start_s: float
    clock: Callable[[], float] = time.monotonic
    run_jobs: RunJobs = run_jobs
    _records: Sequence[Record] = field(default_factory=list)

    @property
    def left_s(self) -> float:
        """Of the time to spend; below 0 when it is over."""
        return self.start_s + self.budget_s - self.clock()

    def plan(self, records: Sequence[Record]) -> list[Job]:
        """The jobs to run next."""
        self._records = records
        return plan_sweep(self.cells, records, self.left_s)

    def run(self, jobs: Sequence[Job], records: Sequence[Record]) -> Generator[Record, None, None]:
        """One record of each job: of what is run, or that it is not and why."""
        for group in _side_by_side(jobs, records):
            reasons = [(job, why_not(job, records, self.left_s)) for job in group]
            yield from (self._refused(job, reason) for job, reason in reasons if reason)
            if running := self._within_time([job for job, reason in reasons if not reason]):
                environment = self.environments[running[0].workload.threads]
                with closing(self.run_jobs(running, environment)) as measured:
                    for record in measured:
                        yield _out_of_time(foretell(record, records))

    def progress(self) -> tuple[int, float]:
        """How many cells are settled, and the seconds that the others will take."""
        found = {record.job.cell: record for record in self._records}
        broken = broken_networks(self._records)
        open_cells = [c for c in self.cells if c.model not in broken and missing(c, found)]
        costs = JobCosts(self._records)
        expected_s = sum(map(costs.of_cell, open_cells))
        return len(self.cells) - len(open_cells), max(0.0, min(expected_s, self.left_s))

    def _within_time(self, jobs: Sequence[Job]) -> list[Job]:
        """The same, ended where they go beyond their shares of the time that is left."""
        costs = JobCosts(self._records)
        costs_s = [costs.of_job(job) for job in jobs]
        rest_s = max(0.0, self.left_s) + SLACK * self.budget_s
        shares_s = [rest_s * cost_s / sum(costs_s) for cost_s in costs_s]
        limits_s = [
            max(LEAST_DEADLINE_S.get(job.probe, LEAST_OTHERS_S), share_s)
            for job, share_s in zip(jobs, shares_s, strict=True)
        ]
        return [
            replace(job, deadline_s=min(job.deadline_s, limit_s))
            for job, limit_s in zip(jobs, limits_s, strict=True)
        ]

    def _refused(self, job: Job, reason: str) -> Record:
        return Record(
            job=job,
            status=Status.SKIPPED,
            reason=reason,
            result=None,
            environment=self.environments[job.workload.threads],
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            elapsed_s=0.0,
        )


def _out_of_time(record: Record) -> Record:
    """A process that was ended because the time to spend was over is named so."""
    job = record.job
    own_s = GridCell.of(job).job(job.probe).deadline_s
    if record.status != Status.TIMEOUT or job.deadline_s >= own_s:
        return record
    reason = f"Not finished after {job.deadline_s:.0f} s, when the time to spend was over."
    return replace(record, status=Status.SKIPPED, reason=reason)


def _side_by_side(jobs: Sequence[Job], records: Sequence[Record]) -> Iterator[list[Job]]:
    """Jobs that are run together: of one number of threads, and peaks only while they are small.

    Each time is measured alone.
    """
    group: list[Job] = []
    for job in jobs:
        if group and not (
            job.workload.threads == group[0].workload.threads
            and job.probe != "latency"
            and _is_small(job, records)
            and _is_small(group[0], records)
        ):
            yield group
            group = []
        group.append(job)
    if group:
        yield group


def _is_small(job: Job, records: Sequence[Record]) -> bool:
    """Whether another such process could be there too; known of peaks alone."""
    forecast = forecast_of(job, records) if job.probe == "memory" else None
    if job.probe != "memory" or forecast is None:
        return job.probe != "memory"
    return 2 * forecast.process_bytes <= SHARE_OF_AVAILABLE * forecast.available_bytes
