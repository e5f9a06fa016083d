"""From networks and settings to jobs: a pure function."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.errors import UsageError
from bench.registry import Entry
from bench.results.probes import PROBES, ProbeSpec
from bench.results.record import Job, Record, Status, broken_networks
from bench.results.statistics import MIN_PROCESSES
from bench.results.workload import Phase, Workload, phases_of
from bench.runtimes import RUNTIMES

MAX_SEED = 2**63 - 1  # torch's
STREAMING_ROUNDS = 3
STREAMED_SAMPLES = 32_000
ENERGY_ROUNDS = MIN_PROCESSES
ENERGY_WINDOW_S = 5.0
"""Of each rest and of the work between two: long against the steps of any counter."""
DTYPES = RUNTIMES["eager"].dtypes


@dataclass(frozen=True)
class Effort:
    """How much time a run may take for its times, and what ends it earlier (``bench.rounds``)."""

    max_rounds: int  # of fresh processes of one network
    time_s: float  # wall time of all rounds together; then no further one
    precise_within: float  # half the interval of a ratio over its value: narrow enough
    budget_s: float  # of one process's calls in a round
    deadline_s: float  # of one process, and of one call


EFFORTS = {
    "quick": Effort(3, 50.0, 0.10, budget_s=0.2, deadline_s=300),
    "standard": Effort(10, 180.0, 0.03, budget_s=1.5, deadline_s=600),
    "thorough": Effort(30, 1800.0, 0.01, budget_s=3.0, deadline_s=1800),
}


@dataclass(frozen=True)
class Settings:
    """What to measure every network with.

    Raises:
        UsageError: a size below 1, a negative seed, an unknown dtype or runtime, a dtype that the
            runtime lacks, or a phase that is none.
    """

    update_device: str  # "cpu" or "cuda", where inference is measured too, beside that on the CPU
    n_samples: int
    batch: int
    dtype: str
    threads: int
    seed: int
    effort: Effort
    tf32: bool = False  # of what runs on a GPU
    only: tuple[Phase, ...] | None = None  # None: every phase that the device has
    roofline: bool = False  # ceilings are measured between the rounds of inference on the CPU
    runtime: str = "eager"
    energy: bool = False  # measured after all times

    def __post_init__(self) -> None:
        sizes = {"--samples": self.n_samples, "--batch": self.batch, "--threads": self.threads}
        for option, value in sizes.items():
            if value < 1:
                raise UsageError(f"{option} must be at least 1, not {value}.")
        if not 0 <= self.seed <= MAX_SEED:
            raise UsageError(f"--seed must lie between 0 and {MAX_SEED}, not {self.seed}.")
        if self.runtime not in RUNTIMES:
            names = ", ".join(RUNTIMES)
            raise UsageError(f"--runtime must be some of {names}, not {self.runtime!r}.")
        if self.dtype not in (dtypes := RUNTIMES[self.runtime].dtypes_on(self.update_device)):
            where = "" if self.runtime == "eager" else f" with --runtime {self.runtime}"
            allowed = ", ".join(dtypes)
            raise UsageError(f"--dtype must be one of {allowed}{where}, not {self.dtype!r}.")
        possible = phases_of(self.update_device)
        if self.only is not None and not (self.only and set(self.only) <= set(possible)):
            allowed = ", ".join(possible)
            raise UsageError(f"phases must be some of {allowed}, not {self.only!r}.")

    def on(self, update_device: str) -> "Settings":
        """The same with the training step elsewhere."""
        return replace(self, update_device=update_device)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What a run measures of each network."""
        return tuple(p for p in phases_of(self.update_device) if p in (self.only or (p,)))

    def workload(self, phase: Phase) -> Workload:
        """The workload of one phase."""
        devices = {"inference": "cpu", "update": self.update_device, "gpu_inference": "cuda"}
        device = devices[phase]
        return Workload(
            phase=phase,
            device=device,
            n_samples=self.n_samples,
            batch=self.batch,
            dtype=self.dtype,
            threads=self.threads,
            seed=self.seed,
            tf32=self.tf32 and device == "cuda",
            runtime=self.runtime,
        )


def plan_exact(
    entries: Sequence[Entry], settings: Settings, records: Sequence[Record]
) -> list[Job]:
    """The jobs to run next that need no clock, given the records of the run so far.

    Each network's contract is checked first: one that breaks it is not measured further.
    """
    if first := remaining(plan_contract_jobs(entries, settings), records):
        return first
    return remaining(_exact_jobs(sound(entries, records), settings), records)


def sound(entries: Sequence[Entry], records: Sequence[Record]) -> list[Entry]:
    """The networks that did not break their contract by a fault of their own."""
    broken = broken_networks(records)
    return [entry for entry in entries if entry.name not in broken]


def plan_contract_jobs(entries: Sequence[Entry], settings: Settings) -> list[Job]:
    """One look at each network before anything else is asked of it."""
    specs = [spec for spec in PROBES.values() if spec.comes_first]
    return [job for entry in entries for job in _jobs_of(specs, entry, settings)]


def plan_after(
    contracts: Sequence[Job], jobs: Sequence[Job], records: Sequence[Record]
) -> list[Job]:
    """The contracts that were not checked yet, and then the jobs of networks that keep theirs."""
    broken = broken_networks(records)
    return remaining(contracts, records) or remaining(
        (job for job in jobs if job.model not in broken), records
    )


def remaining(jobs: Iterable[Job], records: Sequence[Record]) -> list[Job]:
    """The jobs that have no record."""
    done = {record.job.cell for record in records}
    return [job for job in jobs if job.cell not in done]


def plan_operation_jobs(entries: Sequence[Entry], settings: Settings) -> list[Job]:
    """The jobs of a closer look at the operations of a forward; no clock is involved."""
    probes = ("layers", "scaling", "counters")
    return [plan_job(entry, "inference", probe, settings) for probe in probes for entry in entries]


def plan_profile_jobs(
    entries: Sequence[Entry], settings: Settings, phases: Sequence[Phase], probe: str = "profile"
) -> list[Job]:
    """The jobs that say where time and memory go; one process for each phase of each network."""
    return [plan_job(entry, phase, probe, settings) for entry in entries for phase in phases]


def plan_streaming_jobs(
    entries: Sequence[Entry], settings: Settings, chunk_sizes: Sequence[int]
) -> list[Job]:
    """Streams in chunks of each size, in rounds over all of them, each in a fresh process."""
    return [
        _in_chunks(plan_job(entry, "inference", "streaming", settings, round_index), size)
        for round_index in range(STREAMING_ROUNDS)
        for entry in entries
        for size in chunk_sizes
    ]


def plan_energy(
    entries: Sequence[Entry], settings: Settings, records: Sequence[Record]
) -> list[Job]:
    """The jobs of the next round of energies: a fresh process of each network in each phase.

    One that failed in a phase is not tried again in it.
    """
    failed = {
        (record.job.model, record.job.workload.phase)
        for record in records
        if record.job.probe == "energy" and record.status != Status.OK
    }
    for index in range(ENERGY_ROUNDS):
        jobs = [
            replace(plan_job(entry, phase, "energy", settings, index), budget_s=ENERGY_WINDOW_S)
            for phase in settings.phases
            for entry in entries
            if (entry.name, phase) not in failed
        ]
        if left := remaining(jobs, records):
            return left
    return []


def _in_chunks(job: Job, chunk_samples: int) -> Job:
    n_samples = max(STREAMED_SAMPLES, chunk_samples)
    workload = replace(job.workload, n_samples=n_samples, chunk_samples=chunk_samples)
    return replace(job, workload=workload)


def _exact_jobs(entries: Sequence[Entry], settings: Settings) -> Iterator[Job]:
    """Every probe of a run that needs no clock; those that need their memory untouched last."""
    exact = [spec for spec in PROBES.values() if not (spec.takes_time or spec.comes_first)]
    for is_last in (False, True):
        specs = [spec for spec in exact if spec.untouched_memory == is_last]
        for entry in entries:
            yield from _jobs_of(specs, entry, settings)


def _jobs_of(specs: Iterable[ProbeSpec], entry: Entry, settings: Settings) -> Iterator[Job]:
    for spec in specs:
        for phase in spec.phases_on(settings.update_device):
            if phase in settings.phases or len(spec.phases) == 1:  # else it is of the network alone
                yield plan_job(entry, phase, spec.name, settings)


def plan_job(
    entry: Entry, phase: Phase, probe: str, settings: Settings, round_index: int = 0
) -> Job:
    """One job of one network, on audio of its own rate."""
    workload = settings.workload(phase).at(entry.sample_rate)
    return Job(
        model=entry.name,
        factory=entry.factory,
        workload=replace(workload, keeps_pages=PROBES[probe].keeps_pages),
        probe=probe,
        round=round_index,
        budget_s=settings.effort.budget_s,
        deadline_s=settings.effort.deadline_s,
        n_src=entry.n_src,
    )
