"""A sweep for tests: records of made-up networks whose costs grow in a known way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count, product
from random import Random
from typing import Any

from bench.registry import Entry
from bench.results.environment import Environment
from bench.results.forecast import MemoryForecast
from bench.results.measurements import LatencyTimes, MemoryPeaks, OperationCount, Tally
from bench.results.record import Job, Record, Status
from bench.results.workload import Phase
from tests.bench.example_records import ENVIRONMENT, GPU, environment, make_job, make_record
from tests.bench.example_results import GPU_READING, undisturbed

LENGTHS = tuple(4000 * 2**step for step in range(7))
"""Half a second to 32 s."""
ON_GPU = environment(machine={"gpu": GPU})
FREE_BYTES = 6_000_000_000
"""That forecasts saw."""


@dataclass(frozen=True)
class Costs:
    """What one mixture of a network costs: fixed parts, and parts that grow with seconds of audio.

    ``time_s`` and ``n_bytes`` are those of the first second beyond the fixed part.
    """

    fixed_s: float
    time_s: float
    time_exponent: float
    fixed_bytes: float
    n_bytes: float
    memory_exponent: float
    macs: int = 1_000_000  # of a frame of 1000 samples
    fixed_macs: int = 12_345

    def latency_s(self, n_samples: int, batch: int, threads: int) -> float:
        """Two threads take 0.6 of the time that one does; 4 take as long as 2."""
        grown_s: float = self.time_s * (n_samples / 8000) ** self.time_exponent
        return self.fixed_s + batch * grown_s * {1: 1.0}.get(threads, 0.6)

    def process_bytes(self, n_samples: int, batch: int) -> int:
        """Activations grow with the batch, the rest does not."""
        grown: float = self.n_bytes * (n_samples / 8000) ** self.memory_exponent
        return round(self.fixed_bytes + batch * grown)


CONVOLUTIONAL = Entry("conv", "Convolutional", "tests.fault_models:healthy")
ATTENTIVE = Entry("attentive", "Attentive", "tests.fault_models:healthy")
ENTRIES = (CONVOLUTIONAL, ATTENTIVE)
NETWORKS: Mapping[str, Costs] = {
    "conv": Costs(0.004, 0.100, 1.0, 250e6, 40e6, 1.0),
    "attentive": Costs(0.002, 0.020, 2.0, 260e6, 5e6, 2.0),
}
"""Their times cross at about 5 s."""


@dataclass(frozen=True)
class Grid:
    """Which cells are made up, and how noisy their times are."""

    models: Sequence[str] = ("conv", "attentive")
    lengths: Sequence[int] = LENGTHS
    batches: Sequence[int] = (1,)
    threads: Sequence[int] = (1,)
    phase: Phase = "inference"
    device: str = "cpu"
    noise: float = 0.01  # of processes; calls have half of it
    n_rounds: int = 3
    forecast_error: float = 0.02
    seed: int = 0


class Clock:
    """When each record began: one after another, none while another lived."""

    def __init__(self) -> None:
        self._seconds = count(step=10)

    def next(self) -> str:
        """Ten seconds after the one before."""
        start = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=next(self._seconds))
        return start.isoformat()


def make_sweep(grid: Grid = Grid()) -> list[Record]:
    """All cells went well; of each a count, a forecast, a memory, and rounds of times."""
    clock, noise = Clock(), Random(grid.seed)
    cells = product(grid.models, grid.lengths, grid.batches, grid.threads)
    return [record for cell in cells for record in _records_of(grid, cell, noise, clock)]


def _records_of(
    grid: Grid, cell: tuple[str, int, int, int], noise: Random, clock: Clock
) -> Iterable[Record]:
    model, n_samples, batch, threads = cell
    costs = NETWORKS[model]
    work: dict[str, Any] = {
        "n_samples": n_samples,
        "batch": batch,
        "threads": threads,
        "device": grid.device,
    }

    def job(probe: str, round_index: int = 0) -> Job:
        return make_job(model, probe, grid.phase, round_index=round_index, **work)

    n_bytes = costs.process_bytes(n_samples, batch)
    results = [
        (job("operations"), _count(costs, n_samples, batch)),
        (job("forecast"), make_forecast(round(n_bytes * (1 + grid.forecast_error)))),
        (job("memory"), make_peaks(n_bytes, grid.device)),
    ]
    for index in range(grid.n_rounds):
        time_s = costs.latency_s(n_samples, batch, threads) * (1 + noise.gauss(0, grid.noise))
        calls_s = [time_s * (1 + noise.gauss(0, grid.noise / 2)) for _ in range(5)]
        results.append((job("latency", index), make_times(calls_s, grid.device, batch)))
    where = ON_GPU if grid.device == "cuda" else ENVIRONMENT
    for each, result in results:
        yield replace(make_record(each, result, where), started_at=clock.next())


def _count(costs: Costs, n_samples: int, batch: int) -> OperationCount:
    macs = batch * (costs.fixed_macs + costs.macs * n_samples // 1000)
    return OperationCount(macs, 2 * macs, {"mm": Tally("matmul", 1, macs, 2 * macs)}, "meta")


def make_forecast(process_bytes: int, n_smaller: int = 3) -> MemoryForecast:
    """The allocator's peak is 200 MB below the process's."""
    allocated = process_bytes - 200_000_000
    return MemoryForecast(allocated // 2, allocated, process_bytes, FREE_BYTES, n_smaller)


def make_peaks(process_bytes: int, device: str = "cpu") -> MemoryPeaks:
    """The allocator's peak is 200 MB below the process's."""
    field = "peak_rss_bytes" if device == "cpu" else "process_bytes"
    peaks: dict[str, Any] = {field: process_bytes}
    allocated = process_bytes - 200_000_000
    return MemoryPeaks(allocated, 4_000_000, 0, 0, allocated - 4_000_000, **peaks)


def make_times(times_s: Sequence[float], device: str = "cpu", batch: int = 1) -> LatencyTimes:
    """On a GPU a mixture takes 2 J."""
    times = LatencyTimes(tuple(times_s), contention=undisturbed(len(times_s)))
    if device == "cpu":
        return times
    energy_j = 2.0 * batch * len(times_s)
    return replace(
        times,
        gpu_before=replace(GPU_READING, total_energy_j=1000.0),
        gpu_during=replace(GPU_READING, total_energy_j=1000.0 + energy_j),
    )


def without_result(record: Record, status: Status, reason: str) -> Record:
    """The same cell, not measured."""
    return replace(record, status=status, reason=reason, result=None)


def is_of(record: Record, model: str, probe: str, n_samples: int, **work: Any) -> bool:
    """Whether it is of this probe, network and length, and of these settings."""
    found = record.job.workload
    settings = {"n_samples": n_samples, **work}
    is_here = all(getattr(found, name) == value for name, value in settings.items())
    return (record.job.model, record.job.probe) == (model, probe) and is_here


def described(records: Iterable[Record], where: Environment) -> list[Record]:
    """The same from another place."""
    return [replace(record, environment=where) for record in records]
