"""The figure of what streams cost: whether they keep up, and how far behind they are."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.registry import Entry
from bench.render.figures.paper import ONE_COLUMN, paper_style
from bench.render.figures.saving import save_figure
from bench.render.tables.streaming import summarize_costs
from bench.results.record import Record

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
"""So that lines are told apart in grey too."""


@paper_style()
def write_streaming_figure(
    entries: Sequence[Entry], records: Sequence[Record], stem: Path
) -> list[Path]:
    """The real-time factor against the latency, a line for each network.

    Nothing is written where nothing was measured.
    """
    by_name = {
        entry.display_name: summarize_costs([r for r in records if r.job.model == entry.name])
        for entry in entries
    }
    if not any(by_name.values()):
        return []
    canvas = Canvas(figsize=(ONE_COLUMN, 3.1), layout="constrained")
    axis = canvas.subplots()
    for place, (name, costs) in enumerate(by_name.items()):
        if not costs:
            continue  # the table says why
        axis.plot(
            [1000 * cost.latency_s for cost in costs],
            [cost.real_time_factor for cost in costs],
            f"{MARKERS[place % len(MARKERS)]}-",
            color=COLOURS[place % len(COLOURS)],
            markersize=3.5,
            label=name,
        )
    axis.axhline(1.0, color="#aa0000", linestyle="--", linewidth=1.0, label="keeps up below")
    axis.set_xscale("log")
    axis.set_yscale("log")
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ticks.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ticks.set_minor_formatter(NullFormatter())
    axis.grid(visible=True, which="both", color="#e4e4e4", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.set_xlabel("algorithmic latency (ms at 8 kHz)")
    axis.set_ylabel("real-time factor")
    canvas.legend(loc="outside lower center", ncols=2, frameon=False)
    return save_figure(canvas, stem)
