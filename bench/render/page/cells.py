"""One value of the page: raw in SI units, as it is read, and why it is missing or in doubt."""

from dataclasses import dataclass, replace

from bench.render.columns import NO_RATIO, ratio_to_published, table1_columns
from bench.render.doubts import describe_doubts, explain
from bench.render.estimates import format_ratio, plus_minus
from bench.render.page.heads import COLUMNS, Head
from bench.results.statistics import Estimate
from bench.results.summary import NOT_MEASURED, ModelSummary, RunSummary
from bench.results.timing import Doubt, DoubtKind, estimate_doubts
from bench.results.workload import Phase
from bench.units import format_significant

NO_PAIR = "No round has undisturbed calls of both networks."
NO_FLOOR = "This run measured no floor of this network's time."


@dataclass(frozen=True)
class Cell:
    """One value in SI units, and as people read it.

    One that can't be trusted has no ``value``, and a range from ``low`` to ``high``; of others
    these are the ends of its interval, where there is one. ``reason`` says why a value is missing
    or in doubt. ``ratio`` is measured over ``published``.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""
    published: float | None = None
    ratio: float | None = None
    beside: str = ""  # the paper's value and the ratio, as people read them

    @property
    def is_missing(self) -> bool:
        """Neither a value nor a range; the text is a status."""
        return self.value is None and self.low is None


def metric_cell(head: Head, model: ModelSummary, summary: RunSummary) -> Cell:
    """What a run says of one metric of a network."""
    value = model.values.get(head.key, NOT_MEASURED)
    interval = value.interval
    low, high = value.span or ((interval.low, interval.high) if interval else (None, None))
    spread = "" if value.value is None else plus_minus(interval, value.value)
    text = COLUMNS[head.key].format(value) + spread
    cell = Cell(text, value.value, low, high, explain(value))
    return _beside_published(cell, head, model, summary)


def _beside_published(cell: Cell, head: Head, model: ModelSummary, summary: RunSummary) -> Cell:
    """The same with the paper's value, where it has one."""
    compared = {column.metric: column for column in table1_columns(summary.update_device)}
    column = compared.get(head.key)
    published = column.published_value(model.published) if column else None
    if column is None or published is None:
        return cell
    ratio = ratio_to_published(column, model)
    words = [f"{published / head.scale:.2f}"]
    words += [f"× {format_significant(ratio)}"] if ratio is not None else []
    return replace(cell, published=published, ratio=ratio, beside=", ".join(words))


def ratio_cell(phase: Phase, model: ModelSummary, summary: RunSummary) -> Cell:
    """The time over the base network's."""
    timing = model.timings.get(phase)
    if summary.base is None:
        return Cell(NOT_MEASURED.word, reason=NOT_MEASURED.reason)
    if timing is None:
        value = model.values.get(f"latency_s_{phase}", NOT_MEASURED)
        return Cell(value.word, reason=value.reason)
    if model.entry.name == summary.base:
        return Cell("1", 1.0)
    return estimate_cell(timing.ratio) if timing.ratio else Cell(NO_RATIO, reason=NO_PAIR)


def floor_cell(model: ModelSummary, summary: RunSummary) -> Cell:
    """The time over what its products and bytes take by themselves."""
    roofline = summary.roofline
    point = roofline and roofline.point_of(model.entry.name, summary.workload.runtime)
    found = point and point.times_the_floor
    return estimate_cell(found) if found else Cell(NO_RATIO, reason=NO_FLOOR)


def estimate_cell(estimate: Estimate) -> Cell:
    """A number without a unit, marked where it is doubtful; or its range."""
    kinds = estimate_doubts(estimate)
    text, reason = format_ratio(estimate), describe_doubts([_doubt(k, estimate) for k in kinds])
    low, high = estimate.span
    if not estimate.is_trusted:
        return Cell(text, None, low, high, reason)
    number, plus, spread = text.partition(" ± ")
    return Cell(f"{number}{'†' if kinds else ''}{plus}{spread}", estimate.value, low, high, reason)


def _doubt(kind: DoubtKind, estimate: Estimate) -> Doubt:
    """With its numbers: all that there was decided."""
    if kind == DoubtKind.WIDE_INTERVAL:
        return Doubt(kind, share=estimate.half_width)
    n = estimate.n_processes if kind == DoubtKind.FEW_PROCESSES else estimate.n_samples
    return Doubt(kind, n, n)
