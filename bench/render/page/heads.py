"""The columns of the page: every metric of a run, ratios, and separation quality."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.render.columns import GPU_COLUMNS, Column, table1_columns
from bench.render.page import methods
from bench.render.phases import title_of
from bench.results.metrics import GPU_METRICS, METRICS, Metric
from bench.results.summary import RunSummary
from bench.results.workload import GPU_PHASES, Phase

FIELDS = {
    "n_params": ("parameters", "M", 1e6),
    "macs": ("MACs", "G", 1e9),
    "flops": ("FLOPs", "G", 1e9),
    "latency_s": ("time", "s", 1.0),
    "peak_rss_bytes": ("memory of the process", "GB", 1e9),
    "peak_allocated_bytes": ("memory of the allocator", "GB", 1e9),
    "weight_bytes": ("weights", "MB", 1e6),
    "gradient_bytes": ("gradients", "MB", 1e6),
    "optimiser_bytes": ("Adam's state", "MB", 1e6),
    "activation_bytes": ("activations and workspace", "MB", 1e6),
    "minimum_bytes": ("theoretical minimum", "MB", 1e6),
    "growth_rss_bytes": ("growth of the process", "MB", 1e6),
    "memory_profiler_bytes": ("memory-profiler's peak", "MB", 1e6),
    "n_launches": ("launches", "", 1.0),
    "busy_share": ("busy share", "", 1.0),
}
"""By the field of a metric, in the order of columns: title, unit, SI units in one of it."""
GPU_TIME = ("time", "ms", 1e-3)
"""Of inference on a GPU."""


@dataclass(frozen=True)
class Head:
    """One column of values, whose name begins with the phase that it is about."""

    key: str
    group: str  # the phase, or empty
    title: str
    unit: str
    scale: float  # SI units in one printed unit
    method: str  # how values are obtained, in a sentence
    is_gain: bool = False  # more of it is better
    is_shown: bool = True  # without being chosen

    @property
    def name(self) -> str:
        """The phase and the title."""
        text = f"{self.group}: {self.title}" if self.group else self.title
        return text[0].upper() + text[1:]

    @property
    def text(self) -> str:
        """The name, with the unit if it has one."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def metric_heads(summaries: Sequence[RunSummary]) -> Iterator[Head]:
    """Of what the runs measured, those of Table 1 shown; phase after phase."""
    found = {metric.name: metric for summary in summaries for metric in summary.metrics}
    shown = {column.metric for s in summaries for column in table1_columns(s.update_device)}
    shown |= {column.metric for column in GPU_COLUMNS}
    for metric in sorted(found.values(), key=_place):
        title, unit, scale = _show(metric)
        group = "" if metric.name == metric.field else title_of(metric.phase)
        method = methods.METHODS[metric.field]
        is_shown = metric.name in shown
        yield Head(metric.name, group, title, unit, scale, method, is_shown=is_shown)


def _place(metric: Metric) -> tuple[int, int]:
    """What depends on no phase first."""
    phase = 0 if metric.name == metric.field else 1 + GPU_PHASES.index(metric.phase)
    return phase, tuple(FIELDS).index(metric.field)


def _show(metric: Metric) -> tuple[str, str, float]:
    is_gpu_time = metric.name == f"latency_s_{GPU_PHASES[-1]}"
    return GPU_TIME if is_gpu_time else FIELDS[metric.field]


COLUMNS = {
    metric.name: Column(metric.name, *_show(metric), phase=None)
    for metric in (*METRICS, *GPU_METRICS)
}
"""Every metric as tables format it."""


def ratio_head(phase: Phase, summaries: Iterable[RunSummary]) -> Head:
    """Of the times of one phase to those of the base network, named where there is one."""
    bases = {summary.base_name for summary in summaries if summary.base}
    to = bases.pop() if len(bases) == 1 else "the run's base network"
    title = f"time, ratio to {to}"
    return Head(f"ratio_{phase}", title_of(phase), title, "", 1.0, methods.RATIO)


FLOOR_HEAD = Head(
    "times_the_floor",
    title_of("inference"),
    "time, times the floor",
    "",
    1.0,
    methods.TIMES_THE_FLOOR,
)


def quality_head(key: str, title: str, method: str) -> Head:
    """A column of decibels."""
    return Head(key, "", f"SI-SDRi {title}", "dB", 1.0, method, is_gain=True)
