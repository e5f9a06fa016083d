"""The metrics of a table: one value each, from one field of one probe's result."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.results.probes import PROBES, ProbeSpec
from bench.results.workload import Phase


@dataclass(frozen=True)
class Metric:
    """Where a value comes from."""

    name: str
    probe: str
    phase: Phase
    field: str

    @property
    def spec(self) -> ProbeSpec:
        """The row of its probe."""
        return PROBES[self.probe]

    @property
    def unit(self) -> str:
        """The SI unit, which its field's name ends with; empty for a count."""
        return {"s": "s", "bytes": "B"}.get(self.field.rpartition("_")[2], "")


def _metrics_of(spec: ProbeSpec) -> list[Metric]:
    """Each field in each phase; the phase is part of the name where there are several."""
    return [
        Metric(field if len(spec.phases) == 1 else f"{field}_{phase}", spec.name, phase, field)
        for field in spec.metrics
        for phase in spec.phases
    ]


def _gpu_metrics_of(spec: ProbeSpec) -> list[Metric]:
    """The same for the phases of a run with a GPU alone."""
    return [
        Metric(f"{field}_{phase}", spec.name, phase, field)
        for field in spec.metrics
        for phase in spec.gpu_phases
    ]


METRICS = tuple(metric for spec in PROBES.values() for metric in _metrics_of(spec))
"""Of every run."""
GPU_METRICS = tuple(metric for spec in PROBES.values() for metric in _gpu_metrics_of(spec))
"""Of a run with a GPU besides."""


def metrics_of(phases: Sequence[Phase]) -> tuple[Metric, ...]:
    """Those of a run that has these phases."""
    return (*METRICS, *GPU_METRICS) if "gpu_inference" in phases else METRICS
