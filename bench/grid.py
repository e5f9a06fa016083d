"""The grid of a sweep: every network with every length, batch, number of threads and dtype."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from bench.plan import Effort, Settings
from bench.registry import Entry
from bench.results.probes import PROBES
from bench.results.record import Job
from bench.results.workload import Phase, Workload

N_ROUNDS = 3
"""Processes whose calls are timed in each cell; all but the first where there is time left."""
OF_MEMORY = ("forecast", "memory")
"""Probes whose processes give freed blocks back, so that two of them have the same peak."""
EFFORT = Effort(N_ROUNDS, time_s=0.0, precise_within=0.0, budget_s=1.0, deadline_s=3600.0)


@dataclass(frozen=True)
class GridCell:
    """One network at one size: what all of its jobs have in common."""

    model: str
    factory: str
    n_src: int | None
    work: Workload

    @classmethod
    def of(cls, job: Job) -> "GridCell":
        """The cell that a job belongs to."""
        work = replace(job.workload, keeps_pages=False, gives_pages_back=False)
        return cls(job.model, job.factory, job.n_src, work)

    @property
    def size(self) -> int:
        """Samples of all mixtures together."""
        return self.work.n_samples * self.work.batch

    @property
    def line(self) -> tuple[str, Phase, str]:
        """What the smaller cells share with this one that its memory is told from."""
        return self.model, self.work.phase, self.work.dtype

    def job(self, probe: str, round_index: int = 0) -> Job:
        """The job of one probe."""
        work = replace(
            self.work,
            keeps_pages=PROBES[probe].keeps_pages,
            gives_pages_back=probe in OF_MEMORY,
        )
        return Job(
            model=self.model,
            factory=self.factory,
            workload=work,
            probe=probe,
            round=round_index,
            budget_s=EFFORT.budget_s,
            deadline_s=EFFORT.deadline_s,
            n_src=self.n_src,
        )

    def contract(self) -> Job:
        """The look at the network before all else; always a forward on the CPU."""
        work = replace(self.work, phase="inference", device="cpu", tf32=False)
        return replace(self, work=work).job("contract")


@dataclass(frozen=True)
class Grid:
    """The sizes of a sweep; ``phases`` are such as ``device`` has."""

    samples: tuple[int, ...]
    batches: tuple[int, ...]
    threads: tuple[int, ...]
    dtypes: tuple[str, ...]
    phases: tuple[Phase, ...]
    device: str  # "cpu" or "cuda"

    def cells(self, entries: Sequence[Entry]) -> list[GridCell]:
        """All cells of these networks.

        Raises:
            UsageError: a size below 1, or an unknown dtype.
        """
        return [
            GridCell(entry.name, entry.factory, entry.n_src, settings.workload(phase))
            for settings in self._settings()
            for phase in self.phases
            for entry in entries
        ]

    def _settings(self) -> Iterator[Settings]:
        for threads, dtype, batch, n_samples in product(
            self.threads, self.dtypes, self.batches, self.samples
        ):
            yield Settings(
                update_device=self.device,
                n_samples=n_samples,
                batch=batch,
                dtype=dtype,
                threads=threads,
                seed=0,
                effort=EFFORT,
            )
