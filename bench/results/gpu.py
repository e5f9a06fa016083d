"""What is known of a network's calls on a GPU beside their time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench.results.environment import GpuReading
from bench.results.measurements import LatencyTimes, Launches, MemoryPeaks
from bench.results.record import Record, results_of
from bench.results.statistics import Estimate, estimate
from bench.results.turns import estimate_time, times_by_round


@dataclass(frozen=True)
class GpuSummary:
    """One network in one phase. Times are in seconds; what nobody measured is None or empty."""

    host: Estimate | None  # of a call, on the host's clock, until the GPU has finished
    cold_cache: Estimate | None  # on the GPU, when nothing of the network is in its cache
    memory: MemoryPeaks | None
    launches: Launches | None
    readings: tuple[GpuReading, ...]  # the driver's, of each process after its calls
    round_energies_j: tuple[float, ...]  # of the GPU from before a process's calls until after them
    slowed_by: tuple[str, ...]  # what lowered the clock meanwhile

    def reading(self, name: str) -> float | None:
        """The median over processes of a number of ``GpuReading``."""
        known = [v for reading in self.readings if (v := getattr(reading, name)) is not None]
        return median(known) if known else None

    @property
    def round_energy_j(self) -> float | None:
        """The median over rounds. The calls of the other networks of a round are part of it."""
        return median(self.round_energies_j) if self.round_energies_j else None


def summarize_gpu(records: Sequence[Record]) -> GpuSummary | None:
    """Of the records of one network in one phase, all on a GPU; None where nothing succeeded."""
    rounds = list(times_by_round(records).values())
    memory = [peaks for _, peaks in results_of(MemoryPeaks, records)]
    launches = [found for _, found in results_of(Launches, records)]
    if not (rounds or memory or launches):
        return None
    cold_s = [times.cold_cache_times_s for times in rounds if times.cold_cache_times_s]
    on_host = [replace(times, times_s=times.host_times_s) for times in rounds if times.host_times_s]
    return GpuSummary(
        host=estimate_time(on_host) if on_host else None,
        cold_cache=estimate(cold_s) if cold_s else None,
        memory=memory[-1] if memory else None,
        launches=launches[-1] if launches else None,
        readings=tuple(times.gpu_during for times in rounds if times.gpu_during),
        round_energies_j=tuple(filter(None, map(_energy, rounds))),
        slowed_by=tuple(sorted({cause for times in rounds for cause in times.gpu_slowed_by})),
    )


def _energy(times: LatencyTimes) -> float | None:
    """What the GPU used between the two readings around a process's calls."""
    if times.gpu_before is None or times.gpu_during is None:
        return None
    before, after = times.gpu_before.total_energy_j, times.gpu_during.total_energy_j
    return None if before is None or after is None else after - before
