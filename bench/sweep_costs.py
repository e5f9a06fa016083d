"""How long the jobs of a sweep will take, told from those that were measured.

Before a network was timed, from its multiply-adds, which are counted exactly; afterwards from the
time of the nearest cell that was, scaled. Guesses are on the long side: who trusts them
keeps within a budget.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

from bench.grid import GridCell
from bench.results.measurements import LatencyTimes, OperationCount
from bench.results.record import Job, Record, Status, results_of
from bench.results.statistics import LONG_CALL_S
from bench.results.workload import Phase, Workload

PROBES_OF_A_CELL = ("operations", "forecast", "memory", "latency")
GUESSED_OVERHEAD_S = {"cpu": 4.0, "cuda": 10.0}
"""Of a process beside its calls: its server starts, the network is built."""
GUESSED_RATE = {"cpu": 4e9, "cuda": 4e11}
"""Multiply-adds each second of a network, before any was timed."""
GUESSED_MACS = 100_000
"""For each sample, of a network that could not be counted."""
CALLS_OF_MEMORY = 3.5
"""Steps of its process: the first is slower, two follow."""
WARMUP_S = 0.5
"""Of calls that are not counted, at least (``bench.measuring.repetition``)."""
OTHER_DTYPE, OTHER_THREADS = 8.0, 1.0
"""How far cells are apart in these, in doublings of the length."""


class JobCosts:
    """What the records of a sweep say of the time that its jobs take."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._done = {record.job.cell for record in records}
        self._macs: dict[tuple[str, Phase], dict[tuple[int, int], int]] = defaultdict(dict)
        self._calls: dict[tuple[str, Phase], list[tuple[Workload, float]]] = defaultdict(list)
        self._overheads: dict[tuple[str, Phase, str], float] = {}
        for record, count in results_of(OperationCount, records):
            work = record.job.workload
            self._macs[_kind(record.job)][work.n_samples, work.batch] = count.macs
        for record, times in results_of(LatencyTimes, records):
            self._calls[_kind(record.job)].append((record.job.workload, times.latency_s))
        for record in records:
            if record.status == Status.OK:
                beside_s = record.elapsed_s - self._calls_s(record.job)
                self._overheads[*_kind(record.job), record.job.probe] = max(0.0, beside_s)

    def of_cell(self, cell: GridCell) -> float:
        """Seconds that the jobs of a cell take that have no record yet."""
        jobs = [cell.job(probe) for probe in PROBES_OF_A_CELL]
        return sum(self.of_job(job) for job in jobs if job.cell not in self._done)

    def of_job(self, job: Job) -> float:
        """Seconds of one job, the start of its server included."""
        guess_s = GUESSED_OVERHEAD_S[job.workload.device]
        overhead_s = self._overheads.get((*_kind(job), job.probe), guess_s)
        return overhead_s + self._calls_s(job)

    def of_call(self, job: Job) -> float:
        """Seconds of one step, as the nearest cell of the network took them, scaled."""
        work = job.workload
        if known := self._calls.get(_kind(job)):
            near, time_s = min(known, key=lambda item: _distance(item[0], work))
            share = self._macs_of(job.model, work) / self._macs_of(job.model, near)
            return time_s * share * max(1.0, near.threads / work.threads)
        return self._macs_of(job.model, work) * self._slowest_s(work)

    def _calls_s(self, job: Job) -> float:
        """Seconds of the steps that the process of a job makes."""
        if job.probe not in ("memory", "latency"):
            return 0.0
        call_s = self.of_call(job)
        if job.probe == "memory":
            return CALLS_OF_MEMORY * call_s
        n_least = 1 if call_s > LONG_CALL_S else 2
        warmup_s = max(WARMUP_S, n_least * call_s)
        return 1.2 * call_s + warmup_s + max(job.budget_s, 1.5 * n_least * call_s)

    def _macs_of(self, model: str, work: Workload) -> float:
        """As counted, or by length and batch from the nearest that was; never 0."""
        counted = self._macs.get((model, work.phase), {})
        size = work.n_samples * work.batch
        if not any(counted.values()):
            return float(GUESSED_MACS * size)
        if exact := counted.get((work.n_samples, work.batch)):
            return exact
        near = min(counted, key=lambda shape: abs(math.log(shape[0] * shape[1] / size)))
        return counted[near] * size / (near[0] * near[1])

    def _slowest_s(self, work: Workload) -> float:
        """Seconds for each multiply-add: of the slowest network in this phase, or a guess."""
        rates = [
            time_s / self._macs_of(model, timed)
            for (model, phase), calls in self._calls.items()
            if phase == work.phase
            for timed, time_s in calls[-1:]
        ]
        return max(rates, default=1 / GUESSED_RATE[work.device])


def _kind(job: Job) -> tuple[str, Phase]:
    return job.model, job.workload.phase


def _distance(one: Workload, other: Workload) -> float:
    """How unlike two sizes are, in doublings."""
    return (
        abs(math.log2(one.n_samples / other.n_samples))
        + abs(math.log2(one.batch / other.batch))
        + OTHER_DTYPE * (one.dtype != other.dtype)
        + OTHER_THREADS * (one.threads != other.threads)
    )
