"""Costs over commits: a table for each machine and workload."""

from collections.abc import Mapping, Sequence

from bench.render.estimates import format_span
from bench.render.tables.markdown import markdown_table
from bench.results.series import Point, Series
from bench.units import format_si

Steps = Mapping[str, float]
"""Commits at which the metric changed for good, and the share by which it did."""


def render_history(found: Sequence[tuple[Series, Steps]]) -> str:
    """A heading and a table for each series."""
    return "\n\n".join(_render_series(series, steps) for series, steps in found) + "\n"


def describe(series: Series) -> str:
    """Network, metric, machine and workload in a line."""
    work = series.workload
    pages = ", pages kept" if work.keeps_pages else ""
    return (
        f"{series.model} {series.metric.name} on {series.machine}: {work.n_samples} samples, "
        f"batch {work.batch}, {work.precision}, threads {work.threads}{pages}"
    )


def _render_series(series: Series, steps: Steps) -> str:
    unit = series.metric.unit
    rows = [
        [
            point.commit,
            point.started_at,
            _value_or_reason(point, unit),
            _interval(point, unit),
            str(point.n_processes),
            f"{steps[point.commit]:+.1%}" if point.commit in steps else "",
        ]
        for point in series.points
    ]
    heads = ["Commit", "Measured", "Value", "Interval", "Processes", "Step"]
    return f"### {describe(series)}\n\n{markdown_table(heads, rows, n_text=2)}"


def _value_or_reason(point: Point, unit: str) -> str:
    if point.span is not None:
        return format_span(point.span, unit)
    return point.reason if point.value is None else _value(point.value, unit)


def _interval(point: Point, unit: str) -> str:
    if point.interval is None:
        return ""
    low, high = (_value(bound, unit) for bound in (point.interval.low, point.interval.high))
    return f"{low} to {high} ({point.interval.level:.0%})"


def _value(value: float, unit: str) -> str:
    return format_si(value, unit, 4)
