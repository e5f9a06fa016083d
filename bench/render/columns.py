"""The one table of columns that every renderer uses."""

from dataclasses import dataclass

from bench.results.published import Published
from bench.results.summary import ModelSummary, Value
from bench.results.workload import Phase
from bench.units import format_significant


@dataclass(frozen=True)
class Column:
    """A metric as tables show it."""

    metric: str  # name of one of METRICS
    title: str
    unit: str
    scale: float  # SI units in one printed unit
    phase: Phase | None  # None: the same for both
    published: str | None = None  # field of Published that it is compared with

    @property
    def heading(self) -> str:
        """Title, phase as the paper letters it, and unit."""
        return f"{self.name} ({self.unit})"

    @property
    def name(self) -> str:
        """Title, and phase as the paper letters it."""
        return self.title + {"inference": " I", "update": " B", None: ""}[self.phase]

    def format(self, value: Value) -> str:
        """The value in the printed unit, or its status; never blank."""
        if value.value is None:
            return value.status.value
        mark = "" if value.is_sound else "†"
        return format_significant(value.value / self.scale) + mark

    def published_value(self, published: Published | None) -> float | None:
        """The paper's value in SI units, where the paper has one."""
        if published is None or self.published is None:
            return None
        value: float = getattr(published, self.published)
        return value


def _pair(
    metric: str, title: str, unit: str, scale: float, published: str | None = None
) -> list[Column]:
    return [
        Column(f"{metric}_{phase}", title, unit, scale, phase, published and f"{published}_{phase}")
        for phase in ("inference", "update")
    ]


PARAMS = Column("n_params", "Params", "M", 1e6, None, "n_params")
MACS = _pair("macs", "MACs", "G", 1e9, "operations")
MEMORY = _pair("peak_rss_bytes", "Memory", "GB", 1e9, "memory_bytes")
CUDA_MEMORY = Column(
    "peak_allocated_bytes_update", "Memory", "GB", 1e9, "update", "memory_bytes_update"
)
LATENCY = _pair("latency_s", "Time", "s", 1.0, "latency_s")


def table1_columns(update_device: str) -> list[Column]:
    """The paper's columns in its order.

    Memory is what the paper's profilers saw: of the process on the CPU, of torch's allocator on
    a GPU.
    """
    memory_update = CUDA_MEMORY if update_device == "cuda" else MEMORY[1]
    return [PARAMS, *MACS, MEMORY[0], memory_update, *LATENCY]


def memory_columns(phase: Phase) -> list[Column]:
    """Where the memory of a step of one phase goes; the headings are the same for both."""
    titles = {
        "peak_rss_bytes": "Peak of the process",
        "memory_profiler_bytes": "memory-profiler's",
        "peak_allocated_bytes": "Peak of the allocator",
        "weight_bytes": "Weights",
        "gradient_bytes": "Gradients",
        "optimiser_bytes": "Adam's state",
        "activation_bytes": "Activations and workspace",
        "minimum_bytes": "Theoretical minimum",
    }
    return [Column(f"{name}_{phase}", title, "MB", 1e6, None) for name, title in titles.items()]


DETAIL_COLUMNS = [
    Column("n_params", "Parameters", "M", 1e6, None),
    Column("weight_bytes", "Weights", "MB", 1e6, None),
    *_pair("macs", "MACs", "G", 1e9),
    *_pair("flops", "FLOPs", "G", 1e9),
    *_pair("peak_rss_bytes", "Peak of the process", "MB", 1e6),
    *_pair("peak_allocated_bytes", "Peak of the allocator", "MB", 1e6),
    *_pair("latency_s", "Median time", "ms", 1e-3),
]
"""Everything measured."""


def ratio_to_published(column: Column, model: ModelSummary) -> float | None:
    """Measured over published, where both are there."""
    value = model.values[column.metric].value
    published = column.published_value(model.published)
    return None if value is None or not published else value / published
