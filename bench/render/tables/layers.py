"""Where a network's operations go: trees as Markdown and JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.registry import Entry
from bench.render.tables.markdown import markdown_table
from bench.results.measurements import ModuleRow
from bench.units import format_si

Rows = Sequence[ModuleRow]
HEADS = ["Module", "Type", "Parameters", "MACs", "Share", "FLOPs", "Output"]
ITSELF = "(itself)"


@dataclass(frozen=True)
class Line:
    """One line of a tree: a module with everything inside it, or what it does itself."""

    row: ModuleRow
    is_itself: bool = False

    @property
    def macs(self) -> int:
        """Of the module's own, or of everything inside it too."""
        return self.row.own_macs if self.is_itself else self.row.macs

    @property
    def flops(self) -> int:
        """Likewise."""
        return self.row.own_flops if self.is_itself else self.row.flops

    @property
    def n_params(self) -> int | None:
        """Likewise; None where the records don't say it."""
        return self.row.own_n_params if self.is_itself else self.row.n_params


def render_layers(entries: Sequence[Entry], modules: Mapping[str, Rows], depth: int) -> str:
    """A tree for each network, to a depth; sums of a module include what is inside it."""
    sections = [
        "# Where the operations of a forward go",
        "Sums of a module include everything inside it; the share is of the network's MACs. "
        f"{ITSELF} is what a module does beside the modules inside it. "
        "Element-wise work has FLOPs and no MACs. The whole trees are in `layers.json`.",
    ]
    for entry in entries:
        sections += [f"## {entry.display_name}", _tree(modules[entry.name], depth)]
    return "\n\n".join(sections) + "\n"


def select_lines(rows: Rows, depth: int) -> Iterator[Line]:
    """The modules down to a depth. Where those inside a module are shown and don't add up to it,
    what it does itself is a line of its own.
    """
    outer = {_outer(row) for row in rows if row.path}
    for row in rows:
        if _level(row) > depth:
            continue
        yield Line(row)
        itself = Line(row, is_itself=True)
        is_something = itself.macs or itself.flops or itself.n_params
        if is_something and row.path in outer and _level(row) < depth:
            yield itself


def _level(row: ModuleRow) -> int:
    """0 for the network, 1 for the modules in it."""
    return row.path.count(".") + 1 if row.path else 0


def _outer(row: ModuleRow) -> str:
    return row.path.rpartition(".")[0]


def _tree(rows: Rows, depth: int) -> str:
    total = rows[0].macs or 1
    return markdown_table(HEADS, [_cells(line, total) for line in select_lines(rows, depth)])


def _cells(line: Line, total: int) -> list[str]:
    row = line.row
    return [
        _name(line),
        row.type,
        "" if line.n_params is None else f"{line.n_params:,}",
        format_si(line.macs, "").strip(),
        f"{line.macs / total:.1%}",
        format_si(line.flops, "").strip(),
        "" if line.is_itself else format_si(row.output_bytes, "B"),
    ]


def _name(line: Line) -> str:
    path = f"`{line.row.path}`" if line.row.path else "(all)"
    level = _level(line.row) + 1 if line.is_itself else _level(line.row)
    return "&emsp;" * max(0, level - 1) + (ITSELF if line.is_itself else path)


def render_layers_json(modules: Mapping[str, Rows]) -> str:
    """Every module of every network, by its name; what records don't say is left out."""
    trees = {name: [_known(row) for row in rows] for name, rows in modules.items()}
    return json.dumps(trees, indent=1) + "\n"


def _known(row: ModuleRow) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if value is not None}
