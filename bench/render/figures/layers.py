"""The figure of where a network's operations go: the parts of each network as a bar."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure as Canvas

from bench.registry import Entry
from bench.render.figures.paper import SMALL, TWO_COLUMNS, paper_style
from bench.render.figures.saving import save_figure
from bench.results.measurements import ModuleRow
from bench.units import format_si

PARTS = {
    "encoder": "#0072b2",
    "point-wise": "#56b4e9",
    "depth-wise": "#e69f00",
    "recurrent": "#d55e00",
    "masks": "#009e73",
    "decoder": "#cc79a7",
    "other": "#999999",
}
Rows = Sequence[ModuleRow]


def sum_parts(rows: Rows) -> dict[str, int]:
    """MACs of each part of a network; they sum to the network's."""
    return {part: sum(r.own_macs for r in rows if r.part == part) for part in PARTS}


@paper_style()
def write_layers_figure(
    entries: Sequence[Entry], modules: Mapping[str, Rows], stem: Path
) -> list[Path]:
    """A stacked bar for each network, as SVG, PNG and PDF; returns the paths."""
    canvas = Canvas(figsize=(TWO_COLUMNS, 0.8 + 0.4 * len(entries)), layout="constrained")
    axis = canvas.subplots()
    for place, entry in enumerate(entries):
        parts = sum_parts(modules[entry.name])
        total, left = sum(parts.values()) or 1, 0.0
        for part, macs in parts.items():
            share = 100 * macs / total
            label = part if place == 0 else None
            axis.barh(place, share, left=left, color=PARTS[part], label=label, height=0.7)
            if share >= 6:
                middle = left + share / 2
                axis.text(middle, place, f"{share:.0f}", ha="center", va="center", fontsize=SMALL)
            left += share
        axis.text(101, place, f"{format_si(total, 'MAC')}", va="center", fontsize=SMALL)
    axis.set_yticks(range(len(entries)), [entry.display_name for entry in entries])
    axis.invert_yaxis()
    axis.set_xlim(0, 100)
    axis.set_xlabel("share of the multiply-adds of a forward (%)")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    canvas.legend(loc="outside upper center", ncols=len(PARTS), frameon=False)
    return save_figure(canvas, stem)
