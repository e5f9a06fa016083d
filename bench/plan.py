"""From networks and settings to jobs: a pure function."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.errors import UsageError
from bench.registry import Entry
from bench.results.record import Job, Phase, ProbeName, Workload

PHASES: tuple[Phase, ...] = ("inference", "update")
STREAMING_ROUNDS = 3
DTYPES = ("float32", "float64", "bfloat16", "float16")


@dataclass(frozen=True)
class Effort:
    """How much time a run may take."""

    n_rounds: int  # fresh processes for each latency
    budget_s: float  # of repeating in one process
    deadline_s: float  # of one process


EFFORTS = {
    "quick": Effort(n_rounds=1, budget_s=1.0, deadline_s=300),
    "standard": Effort(n_rounds=3, budget_s=1.5, deadline_s=600),
    "thorough": Effort(n_rounds=10, budget_s=5.0, deadline_s=1800),
}


@dataclass(frozen=True)
class Settings:
    """What to measure every network with.

    Raises:
        UsageError: a size below 1, a negative seed, or an unknown dtype.
    """

    update_device: str  # "cpu" or "cuda"; inference is on the CPU, as in the paper
    n_samples: int
    batch: int
    dtype: str
    threads: int
    seed: int
    effort: Effort

    def __post_init__(self) -> None:
        sizes = {"--samples": self.n_samples, "--batch": self.batch, "--threads": self.threads}
        for option, value in sizes.items():
            if value < 1:
                raise UsageError(f"{option} must be at least 1, not {value}.")
        if self.seed < 0:
            raise UsageError(f"--seed must be at least 0, not {self.seed}.")
        if self.dtype not in DTYPES:
            raise UsageError(f"--dtype must be one of {', '.join(DTYPES)}, not {self.dtype!r}.")

    def on(self, update_device: str) -> "Settings":
        """The same with the update step elsewhere."""
        return replace(self, update_device=update_device)

    def workload(self, phase: Phase) -> Workload:
        """The workload of one phase."""
        return Workload(
            phase=phase,
            device="cpu" if phase == "inference" else self.update_device,
            n_samples=self.n_samples,
            batch=self.batch,
            dtype=self.dtype,
            threads=self.threads,
            seed=self.seed,
        )


def plan_jobs(entries: Sequence[Entry], settings: Settings) -> list[Job]:
    """All jobs of a run, in the order to run them.

    What is exact comes first. Latency comes in rounds, each over all networks once, so that a
    slow drift of the machine hits all of them alike.
    """
    return [*_exact_jobs(entries, settings), *_latency_jobs(entries, settings)]


def plan_operation_jobs(entries: Sequence[Entry], settings: Settings) -> list[Job]:
    """The jobs of a closer look at the operations of a forward; no clock is involved."""
    probes: tuple[ProbeName, ...] = ("layers", "scaling", "counters")
    return [_job(entry, "inference", probe, settings) for probe in probes for entry in entries]


def plan_streaming_jobs(
    entries: Sequence[Entry], settings: Settings, chunk_sizes: Sequence[int]
) -> list[Job]:
    """Streams in chunks of each size, in rounds over all of them, each in a fresh process."""
    return [
        _job(entry, "inference", "streaming", replace(settings, n_samples=size), round_index)
        for round_index in range(STREAMING_ROUNDS)
        for entry in entries
        for size in chunk_sizes
    ]


def _exact_jobs(entries: Sequence[Entry], settings: Settings) -> Iterator[Job]:
    for entry in entries:
        yield _job(entry, "inference", "parameters", settings)
        for phase in PHASES:
            yield _job(entry, phase, "operations", settings)
    for entry in entries:
        for phase in PHASES:
            yield _job(entry, phase, "memory", settings)


def _latency_jobs(entries: Sequence[Entry], settings: Settings) -> Iterator[Job]:
    for round_index in range(settings.effort.n_rounds):
        for entry in entries:
            for phase in PHASES:
                yield _job(entry, phase, "latency", settings, round_index)


def _job(
    entry: Entry, phase: Phase, probe: ProbeName, settings: Settings, round_index: int = 0
) -> Job:
    return Job(
        model=entry.name,
        factory=entry.factory,
        workload=settings.workload(phase),
        probe=probe,
        round=round_index,
        budget_s=settings.effort.budget_s,
        deadline_s=settings.effort.deadline_s,
    )
