"""Runs side by side: their names, the networks of any, the columns that are compared, and cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import UsageError
from bench.registry import Entry
from bench.render.columns import (
    GPU_COLUMNS,
    LATENCY,
    MACS,
    PARAMS,
    TIMES,
    Column,
    memory_column,
)
from bench.render.estimates import format_span, plus_minus
from bench.render.run_names import NamedRun, name_runs
from bench.render.tables.markdown import plain
from bench.results.side_by_side import list_entries, value_in
from bench.results.summary import NOT_MEASURED, RunSummary, Value
from bench.results.workload import PHASES
from bench.units import digits_apart, format_significant

NOT_THERE = "not in this run"
NO_QUOTIENT = "none"


@dataclass(frozen=True)
class SideBySide:
    """Two runs or more, in the order of their columns; a row for each of the networks."""

    runs: tuple[NamedRun, ...]
    entries: tuple[Entry, ...]
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, summaries: Sequence[RunSummary]) -> "SideBySide":
        """With what some run has of Table 1's columns, and of inference on a GPU.

        Raises:
            UsageError: no run has any of it.
        """
        found = tuple(column for column in _all_columns(summaries) if _is_in(summaries, column))
        if not found:
            raise UsageError(
                "These records hold nothing that Table 1 has a column for, so there is nothing to "
                "set side by side. Give files of bench.run."
            )
        return cls(tuple(name_runs(summaries)), tuple(list_entries(summaries)), found)

    @property
    def costs(self) -> list[Column]:
        """Times and memory: the columns that a machine decides."""
        return [column for column in self.columns if column in TIMES or column.base_unit == "B"]

    @property
    def heads(self) -> list[str]:
        """One for each run."""
        return [plain(run.name) for run in self.runs]

    @property
    def ratio_heads(self) -> list[str]:
        """One for the ratio of each further run to the first."""
        first, *others = self.heads
        return [f"{name} / {first}" for name in others]

    def title(self, column: Column) -> str:
        """Its name; of a training step also on which devices, and whose memory it is."""
        if column.phase != "update" or column.title not in ("Memory", "Time"):
            return column.name
        devices = " and ".join(dict.fromkeys(run.summary.update_device for run in self.runs))
        is_of_torch = column.metric.startswith("peak_allocated")
        return f"{column.name} on {devices}" + (", of torch's allocator" if is_of_torch else "")


def _all_columns(runs: Sequence[RunSummary]) -> list[Column]:
    """The memory of a training step is what torch's allocator held where one ran on a GPU.

    That is the one peak which all devices have.
    """
    on_cpu = all(run.update_device == "cpu" for run in runs)
    devices = {"inference": "cpu", "update": "cpu" if on_cpu else "cuda"}
    memory = (memory_column(phase, devices[phase]) for phase in PHASES)
    return [PARAMS, *MACS, *memory, *LATENCY, *GPU_COLUMNS]


def _is_in(runs: Sequence[RunSummary], column: Column) -> bool:
    """Whether a run has it, or a reason why not."""
    return any(
        is_there(value_in(run, model.entry.name, column.metric))
        for run in runs
        for model in run.models
    )


def is_there(value: Value | None) -> bool:
    """Whether the run has that network, and was asked for that metric."""
    return value is not None and value is not NOT_MEASURED


def format_cell(column: Column, value: Value | None) -> str:
    """As in Table 1, with the interval of a time; ``None``: the run has not that network."""
    if value is None or not is_there(value):
        return NOT_THERE
    interval = "" if value.value is None else plus_minus(value.interval, value.value)
    return column.format(value) + interval


def format_quotient_of(ratio: Value | None, is_of_counts: bool = False) -> str:
    """A ratio with its interval, or the range in its place; one of counts that tells them apart."""
    if ratio is None:
        return NO_QUOTIENT
    if ratio.span is not None:
        return format_span(ratio.span)
    assert ratio.value is not None  # one of the two is always there
    if ratio.value == 1 and ratio.interval is None:
        return "1"
    digits = digits_apart((1.0, ratio.value)) if is_of_counts else 3
    mark = "†" if ratio.doubts else ""
    return format_significant(ratio.value, digits) + mark + plus_minus(ratio.interval, ratio.value)
