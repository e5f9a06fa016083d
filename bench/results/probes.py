"""The one table of probes: what each finds, and what must hold where it is run.

The instrument itself is ``bench.measuring.probes.<name>``, with a function ``measure``.
"""

from dataclasses import dataclass

from bench.results.ceilings import Ceilings
from bench.results.energy_use import EnergyUse
from bench.results.forecast import MemoryForecast
from bench.results.measurements import (
    ContractCheck,
    CounterComparison,
    LatencyTimes,
    Launches,
    MemoryPeaks,
    ModuleCounts,
    OperationCount,
    ParameterCount,
    Result,
    ScalingCounts,
    StreamTimes,
)
from bench.results.profile import Profile, StepTrace
from bench.results.workload import PHASES, Phase

SHAPE = ("phase", "n_samples", "batch", "dtype")
EVERYTHING = ("phase", "n_samples", "batch", "precision", "device", "threads", "runtime")


@dataclass(frozen=True)
class ProbeSpec:
    """One probe.

    ``phases`` are those in which every run measures it, ``gpu_phases`` those in which a run with a
    GPU does besides; a probe without any has a command of its own. ``metrics`` are the fields of
    its result that are one value of a table each.
    ``depends_on`` are what of a workload its values depend on. ``preload`` are modules
    that its server imports before it forks a process for a training step; a probe that needs
    ``untouched_memory`` shares no server with others. One that ``takes_turns`` has the processes of
    a round live side by side, and one call made at a time (``bench.measuring.conductor``). One that
    ``keeps_pages`` is measured with an allocator that gives none back (``bench.machine.pages``).
    Where one that ``comes_first`` fails for a reason of the network's own, the network's other
    cells have that reason and are not tried.
    """

    name: str
    result: type[Result]
    phases: tuple[Phase, ...] = ()
    gpu_phases: tuple[Phase, ...] = ()
    metrics: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = EVERYTHING
    takes_time: bool = False
    takes_turns: bool = False
    keeps_pages: bool = False
    preload: tuple[str, ...] = ()
    untouched_memory: bool = False
    comes_first: bool = False

    def phases_on(self, update_device: str) -> tuple[Phase, ...]:
        """Those of a run, whose training step is on ``cpu`` or ``cuda``."""
        return (*self.phases, *self.gpu_phases) if update_device == "cuda" else self.phases


OPTIMISER_IMPORT = "torch._dynamo"
"""What torch would import in every process, for a second, at its first optimiser step."""

PROBES = {
    spec.name: spec
    for spec in (
        ProbeSpec("contract", ContractCheck, phases=("inference",), comes_first=True),
        ProbeSpec(
            "parameters",
            ParameterCount,
            phases=("inference",),
            metrics=("n_params", "weight_bytes"),
            depends_on=("dtype",),
        ),
        ProbeSpec(
            "operations",
            OperationCount,
            phases=PHASES,
            metrics=("macs", "flops"),
            depends_on=SHAPE,
            preload=(OPTIMISER_IMPORT,),
        ),
        ProbeSpec(
            "memory",
            MemoryPeaks,
            phases=PHASES,
            gpu_phases=("gpu_inference",),
            metrics=(
                "peak_rss_bytes",
                "growth_rss_bytes",
                "memory_profiler_bytes",
                "peak_allocated_bytes",
                "weight_bytes",
                "gradient_bytes",
                "optimiser_bytes",
                "activation_bytes",
                "minimum_bytes",
            ),
            untouched_memory=True,
        ),
        ProbeSpec(
            "latency",
            LatencyTimes,
            phases=PHASES,
            gpu_phases=("gpu_inference",),
            metrics=("latency_s",),
            takes_time=True,
            takes_turns=True,
            keeps_pages=True,
            preload=(OPTIMISER_IMPORT,),
        ),
        ProbeSpec(
            "launches",
            Launches,
            gpu_phases=("gpu_inference", "update"),
            metrics=("n_launches", "busy_share"),
            preload=(OPTIMISER_IMPORT,),
        ),
        ProbeSpec("ceilings", Ceilings, takes_time=True, keeps_pages=True),
        ProbeSpec(
            "energy", EnergyUse, takes_time=True, keeps_pages=True, preload=(OPTIMISER_IMPORT,)
        ),
        ProbeSpec("layers", ModuleCounts),
        ProbeSpec("scaling", ScalingCounts),
        ProbeSpec("counters", CounterComparison),
        ProbeSpec("streaming", StreamTimes, takes_time=True),
        ProbeSpec(
            "profile", Profile, takes_time=True, keeps_pages=True, preload=(OPTIMISER_IMPORT,)
        ),
        ProbeSpec("forecast", MemoryForecast, preload=(OPTIMISER_IMPORT,)),
        ProbeSpec("trace", StepTrace, takes_time=True, preload=(OPTIMISER_IMPORT,)),
    )
}
