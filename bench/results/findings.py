"""What the values of a run say of its networks beside each other, as far as they can be trusted."""

from collections.abc import Sequence

from bench.results.summary import ModelSummary, RunSummary
from bench.results.workload import Phase

ALIKE = 0.05
"""Peaks of processes that differ by a smaller share are in no order."""
Bounds = tuple[float, float]
Point = tuple[float, float]


def pareto_frontier(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats: none has less cost and at least as much quality.

    Points are (cost, quality); the result ascends in both.
    """
    frontier: list[Point] = []
    for cost, quality in sorted(points, key=lambda point: (point[0], -point[1])):
        if not frontier or quality > frontier[-1][1]:
            frontier.append((cost, quality))
    return frontier


def find_cheapest(summary: RunSummary, name: str) -> ModelSummary | None:
    """The network with the least of a metric for certain; None where no order is certain.

    Of times that is where the interval, or the range, of its ratio to the base ends below all
    others'. A network without a value leaves no order certain, and so does a run of one network.
    """
    (metric,) = [metric for metric in summary.metrics if metric.name == name]
    bounds = [
        _bounds_of_ratio(model, metric.phase, summary.base)
        if metric.probe == "latency"
        else _bounds(model.values[name].value, ALIKE if metric.field == "peak_rss_bytes" else 0.0)
        for model in summary.models
    ]
    known = [found for found in bounds if found is not None]
    if len(known) < max(2, len(bounds)):
        return None
    least = min(range(len(known)), key=lambda index: known[index][1])
    is_certain = all(known[least][1] < low for i, (low, _) in enumerate(known) if i != least)
    return summary.models[least] if is_certain else None


def _bounds(value: float | None, alike: float) -> Bounds | None:
    return None if value is None else (value / (1 + alike), value)


def _bounds_of_ratio(model: ModelSummary, phase: Phase, base: str | None) -> Bounds | None:
    timing = model.timings.get(phase)
    if timing is None:
        return None
    if model.entry.name == base:
        return 1.0, 1.0
    return timing.ratio.span if timing.ratio else None
