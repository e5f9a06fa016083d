"""The one table of columns that every renderer uses."""

from dataclasses import dataclass

from bench.render.estimates import format_ratio, format_span, plus_minus
from bench.render.tables.markdown import plain
from bench.results.metrics import GPU_METRICS, METRICS
from bench.results.published import Published
from bench.results.summary import ModelSummary, RunSummary, Value
from bench.results.workload import PHASES, Phase
from bench.units import format_si, format_significant

NO_RATIO = "not known"
"""In the place of a ratio: no round has undisturbed calls of both networks."""
LETTERS: dict[Phase, str] = {"inference": "I", "update": "B", "gpu_inference": "I on the GPU"}
"""The paper's two, and the phase that it does not have."""
UNITS = {metric.name: metric.unit for metric in (*METRICS, *GPU_METRICS)}
SMALLEST_SHARE = 1e-3
"""Of a column's unit: smaller values would be a row of zeros."""
OTHERS = {
    "growth_rss_bytes": "Growth of the process",
    "n_launches": "Launches",
    "busy_share": "Busy share",
}
"""What metrics are called that are no column of a table of all."""


@dataclass(frozen=True)
class Column:
    """A metric as tables show it."""

    metric: str  # its name
    title: str
    unit: str
    scale: float  # SI units in one printed unit
    phase: Phase | None  # None: the same for both
    published: str | None = None  # field of Published that it is compared with

    @property
    def heading(self) -> str:
        """Title, phase as the paper letters it, and unit if it has one."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def name(self) -> str:
        """Title, and phase as the paper letters it."""
        return self.title + (f" {LETTERS[self.phase]}" if self.phase else "")

    def format(self, value: Value) -> str:
        """The value in the printed unit, or a range or a status in its place; never blank.

        A value too small for that unit to show has a unit of its own.
        """
        if value.span is not None:
            low, high = value.span
            is_small = high < SMALLEST_SHARE * self.scale
            scaled = (low / self.scale, high / self.scale)
            return format_span(value.span, self.base_unit) if is_small else format_span(scaled)
        if value.value is None:
            return value.word
        mark = "" if value.is_sound else "†"
        if 0 < value.value < SMALLEST_SHARE * self.scale:
            return format_si(value.value, self.base_unit) + mark
        return format_significant(value.value / self.scale) + mark

    def format_alone(self, value: Value) -> str:
        """The value with the unit that fits it, where no heading gives one, and its interval.

        Or a range or a status in its place.
        """
        if value.span is not None:
            return format_span(value.span, self.base_unit)
        if value.value is None:
            return value.word
        mark = "" if value.is_sound else "†"
        interval = plus_minus(value.interval, value.value)
        return format_si(value.value, self.base_unit) + mark + interval

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
GPU_LATENCY = Column("latency_s_gpu_inference", "Time", "ms", 1e-3, "gpu_inference")
GPU_COLUMNS = [
    GPU_LATENCY,
    Column("peak_allocated_bytes_gpu_inference", "Memory", "MB", 1e6, "gpu_inference"),
    Column("n_launches_gpu_inference", "Launches", "", 1.0, "gpu_inference"),
]
"""Of inference on a GPU, which the paper has not. Memory is the allocator's."""
TIMES = (*LATENCY, GPU_LATENCY)


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
    named = {column.metric: column.name for column in (*DETAIL_COLUMNS, *GPU_COLUMNS)}
    for phase, letter in LETTERS.items():
        named |= {column.metric: f"{column.title} {letter}" for column in memory_columns(phase)}
        named |= {f"{metric}_{phase}": f"{title} {letter}" for metric, title in OTHERS.items()}
    return named


DETAIL_COLUMNS = [
    Column("n_params", "Parameters", "M", 1e6, None),
    Column("weight_bytes", "Weights", "MB", 1e6, None),
    *_pair("macs", "MACs", "G", 1e9),
    *_pair("flops", "FLOPs", "G", 1e9),
    *_pair("peak_rss_bytes", "Peak of the process", "MB", 1e6),
    *_pair("peak_allocated_bytes", "Peak of the allocator", "MB", 1e6),
    *_pair("latency_s", "Time", "ms", 1e-3),
]
"""Everything measured."""


def ratio_to_published(column: Column, model: ModelSummary) -> float | None:
    """Measured over published, where both are there."""
    value = model.values[column.metric].value
    published = column.published_value(model.published)
    return None if value is None or not published else value / published


def beside_time(column: Column, model: ModelSummary, summary: RunSummary) -> str:
    """Behind a time: its interval, and its ratio to the base network; empty of all else.

    As `` ± 3 %; ratio 1.41 ± 2 %``. Both times of a ratio are of one run, and of calls next to each
    other: that is the number that lasts.
    """
    if column not in TIMES:
        return ""
    value = model.values[column.metric]
    interval = "" if value.value is None else plus_minus(value.interval, value.value)
    ratio = ratio_to_base(column.phase, model, summary)
    return f"{interval}; ratio {ratio}" if ratio else interval


def ratio_to_base(phase: Phase | None, model: ModelSummary, summary: RunSummary) -> str:
    """Of the times of one phase; empty where there is none, and of the base itself."""
    timing = model.timings.get(phase) if phase else None
    if timing is None or model.entry.name == summary.base:
        return ""
    return format_ratio(timing.ratio) if timing.ratio else NO_RATIO


def head_beside_time(column: Column, summary: RunSummary) -> str:
    """What stands behind a time, for the heading of its column, as Markdown; empty of all else."""
    return f"ratio to {plain(summary.base_name)}" if column in TIMES and summary.base else ""


TIMES_THE_FLOOR = f"Times the floor {LETTERS['inference']}"
"""Time over what the network's products and bytes take by themselves (``tables.roofline``)."""


def floor_heads(summary: RunSummary) -> list[str]:
    """The heading of that column, where a run has measured floors."""
    return [TIMES_THE_FLOOR] if summary.roofline else []


def floor_cells(model: ModelSummary, summary: RunSummary) -> list[str]:
    """Its cell in one row, where a run has measured floors."""
    if summary.roofline is None:
        return []
    point = summary.roofline.point_of(model.entry.name, summary.workload.runtime)
    found = point and point.times_the_floor
    return [format_ratio(found) if found else NO_RATIO]
