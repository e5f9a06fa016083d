"""The one table of columns that every renderer uses."""

from dataclasses import dataclass

from bench.results.metrics import METRICS
from bench.results.published import Published
from bench.results.summary import ModelSummary, Value
from bench.results.workload import PHASES, Phase
from bench.units import format_si, format_significant

LETTERS: dict[Phase, str] = {"inference": "I", "update": "B"}
UNITS = {metric.name: metric.unit for metric in METRICS}
SMALLEST_SHARE = 1e-3
"""Of a column's unit: smaller values would be a row of zeros."""


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
        return self.title + (f" {LETTERS[self.phase]}" if self.phase else "")

    def format(self, value: Value) -> str:
        """The value in the printed unit, or its status; never blank.

        A value too small for that unit to show has a unit of its own.
        """
        if value.value is None:
            return value.status.value
        mark = "" if value.is_sound else "†"
        if 0 < value.value < SMALLEST_SHARE * self.scale:
            return format_si(value.value, self.base_unit) + mark
        return format_significant(value.value / self.scale) + mark

    def format_alone(self, value: Value) -> str:
        """The value with the unit that fits it, where no heading gives one; or its status."""
        if value.value is None:
            return value.status.value
        return format_si(value.value, self.base_unit) + ("" if value.is_sound else "†")

    @property
    def base_unit(self) -> str:
        """The SI unit of the stored value; empty for counts."""
        return UNITS[self.metric]

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
    memory = [memory_column(phase, update_device) for phase in PHASES]
    return [PARAMS, *MACS, *memory, *LATENCY]


def memory_column(phase: Phase, update_device: str) -> Column:
    """The memory of one phase, as the paper's profilers saw it."""
    if phase == "update" and update_device == "cuda":
        return CUDA_MEMORY
    return MEMORY[PHASES.index(phase)]


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


def titles() -> dict[str, str]:
    """What tables call each metric."""
    columns = [*DETAIL_COLUMNS, *memory_columns("inference"), *memory_columns("update")]
    growth = {
        f"growth_rss_bytes_{phase}": f"Growth of the process {letter}"
        for phase, letter in LETTERS.items()
    }
    named = {column.metric: column.name for column in columns}
    for phase, letter in LETTERS.items():
        for column in memory_columns(phase):
            named[column.metric] = f"{column.title} {letter}"
    return growth | named


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
