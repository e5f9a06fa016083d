"""Where a network's operations go: trees as Markdown and JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from bench.registry import Entry
from bench.render.tables.markdown import markdown_table
from bench.results.measurements import ModuleRow
from bench.units import format_si

Rows = Sequence[ModuleRow]


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
    total = rows[0].macs or 1
    heads = ["Module", "Type", "Parameters", "MACs", "Share", "FLOPs", "Output"]
    shown = [row for row in rows if row.path == "" or row.path.count(".") < depth]
    return markdown_table(
        heads,
        [
            [
                _indented(row.path),
                row.type,
                f"{row.n_params:,}",
                format_si(row.macs, "").strip(),
                f"{row.macs / total:.1%}",
                format_si(row.flops, "").strip(),
                format_si(row.output_bytes, "B"),
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
    trees = {name: [asdict(row) for row in rows] for name, rows in modules.items()}
    return json.dumps(trees, indent=1) + "\n"
