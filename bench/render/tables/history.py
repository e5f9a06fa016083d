"""Figures over commits: a table and a plot for each machine and workload."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure as Canvas

from bench.render.figures.saving import save_figure
from bench.render.tables.markdown import markdown_table
from bench.results.series import Point, Series
from bench.units import format_si

UNITS = {"latency": "s", "memory": "B", "operations": "", "parameters": ""}
Steps = Mapping[str, float]
"""Commits at which a figure changed for good, and the share by which it did."""


def render_history(found: Sequence[tuple[Series, Steps]]) -> str:
    """A heading and a table for each series."""
    return "\n\n".join(_render_series(series, steps) for series, steps in found) + "\n"


def describe(series: Series) -> str:
    """Network, figure, machine and workload in a line."""
    work = series.workload
    return (
        f"{series.model} {series.quantity.name} on {series.machine}: {work.n_samples} samples, "
        f"batch {work.batch}, {work.dtype}, threads {work.threads}"
    )


def _render_series(series: Series, steps: Steps) -> str:
    unit = UNITS[series.quantity.probe]
    rows = [
        [
            point.commit,
            point.started_at,
            _value(point.value, unit) if point.value is not None else point.reason,
            _interval(point, unit),
            str(point.n_processes),
            f"{steps[point.commit]:+.1%}" if point.commit in steps else "",
        ]
        for point in series.points
    ]
    heads = ["Commit", "Measured", "Figure", "Interval", "Processes", "Step"]
    return f"### {describe(series)}\n\n{markdown_table(heads, rows, n_text=2)}"


def _interval(point: Point, unit: str) -> str:
    if point.interval is None:
        return ""
    low, high = (_value(bound, unit) for bound in (point.interval.low, point.interval.high))
    return f"{low} to {high} ({point.interval.level:.0%})"


def _value(value: float, unit: str) -> str:
    return format_si(value, unit, 4)


def write_history_figure(found: Sequence[tuple[Series, Steps]], stem: Path) -> list[Path]:
    """A panel for each series, its steps marked, as SVG and PNG; returns the paths."""
    canvas = Canvas(figsize=(9, 2.8 * len(found)), layout="constrained")
    panels = canvas.subplots(len(found), 1, squeeze=False)
    for (series, steps), axis in zip(found, panels[:, 0], strict=True):
        points = [point for point in series.points if point.value is not None]
        places = range(len(points))
        axis.plot(places, series.values, color="#1f3a93", marker="o", linewidth=1)
        for place, point in enumerate(points):
            if point.interval:
                axis.vlines(place, point.interval.low, point.interval.high, color="#1f3a93")
            if point.commit in steps:
                axis.axvline(place - 0.5, color="#d55e00", linestyle="--")
                change, where = f"{steps[point.commit]:+.1%}", ("data", "axes fraction")
                axis.annotate(change, (place - 0.4, 0.05), xycoords=where, fontsize=8)
        axis.set_xticks(places, [point.commit for point in points], rotation=30, ha="right")
        axis.set_ylim(0, 1.15 * max(series.values, default=1.0))
        unit = UNITS[series.quantity.probe]
        axis.set_ylabel(f"{series.quantity.name}{f' ({unit})' if unit else ''}", fontsize=8)
        axis.set_title(describe(series), fontsize=8)
    return save_figure(canvas, stem)
