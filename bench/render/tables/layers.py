"""Where a network's operations go: trees as Markdown and JSON, parts as a figure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.registry import Entry
from bench.render.tables.markdown import markdown_table
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
Rows = Sequence[Mapping[str, Any]]


def render_layers(entries: Sequence[Entry], modules: Mapping[str, Rows], depth: int) -> str:
    """A tree for each network, to a depth; sums of a module include what is inside it."""
    sections = [
        "# Where the operations of a forward go",
        "Sums of a module include everything inside it; the share is of the network's MACs. "
        "Element-wise work has FLOPs and no MACs. The whole trees are in `layers.json`.",
    ]
    for entry in entries:
        sections += [f"## {entry.display_name}", _tree(modules[entry.name], depth)]
    return "\n\n".join(sections) + "\n"


def _tree(rows: Rows, depth: int) -> str:
    total = rows[0]["macs"] or 1
    heads = ["Module", "Type", "Parameters", "MACs", "Share", "FLOPs", "Output"]
    shown = [row for row in rows if row["path"] == "" or row["path"].count(".") < depth]
    return markdown_table(
        heads,
        [
            [
                _indented(row["path"]),
                row["type"],
                f"{row['n_params']:,}",
                format_si(row["macs"], "").strip(),
                f"{row['macs'] / total:.1%}",
                format_si(row["flops"], "").strip(),
                format_si(row["output_bytes"], "B"),
            ]
            for row in shown
        ],
    )


def _indented(path: str) -> str:
    if not path:
        return "(all)"
    return "&emsp;" * path.count(".") + f"`{path}`"


def render_layers_json(modules: Mapping[str, Rows]) -> str:
    """Every module of every network, by the network's name."""
    return json.dumps(modules, indent=1) + "\n"


def sum_parts(rows: Rows) -> dict[str, int]:
    """MACs of each part of a network; they sum to the network's."""
    return {part: sum(r["own_macs"] for r in rows if r["part"] == part) for part in PARTS}


def write_layers_figure(
    entries: Sequence[Entry], modules: Mapping[str, Rows], stem: Path
) -> list[Path]:
    """A stacked bar for each network, as SVG and PNG; returns the paths."""
    from matplotlib.figure import Figure

    from bench.render.figures.saving import save_figure

    canvas = Figure(figsize=(9, 0.9 + 0.55 * len(entries)), layout="constrained")
    axis = canvas.subplots()
    for place, entry in enumerate(entries):
        parts = sum_parts(modules[entry.name])
        total, left = sum(parts.values()) or 1, 0.0
        for part, macs in parts.items():
            share = 100 * macs / total
            label = part if place == 0 else None
            axis.barh(place, share, left=left, color=PARTS[part], label=label, height=0.7)
            if share >= 6:
                axis.text(
                    left + share / 2, place, f"{share:.0f}", ha="center", va="center", fontsize=9
                )
            left += share
        axis.text(101, place, f"{format_si(total, 'MAC')}", va="center", fontsize=9)
    axis.set_yticks(range(len(entries)), [entry.display_name for entry in entries])
    axis.invert_yaxis()
    axis.set_xlim(0, 100)
    axis.set_xlabel("share of the multiply-adds of a forward (%)")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    canvas.legend(loc="outside upper center", ncols=len(PARTS), frameon=False, fontsize=9)
    return save_figure(canvas, stem)
