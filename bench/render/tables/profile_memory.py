"""Where the memory of one network's step goes, as Markdown: its peak, and what autograd keeps."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from bench.render.tables.markdown import markdown_table
from bench.results.alive import HELD, AliveBlocks, find_alive, peaks_by_group
from bench.results.module_tree import Tree, join_paths
from bench.results.profile import MemoryTimeline, Place, Profile, SavedTensor
from bench.units import format_si, format_significant

MOST_LINES = 15
PARTS = {"loss": "the loss", "optimiser": "the optimiser"}
"""What a sentence calls them."""
GROUPS_NOTE = (
    "What forward makes belongs to the part of the network that makes it. Weight gradients are "
    "what backward makes and leaves behind; all else that it makes is temporary."
)
ALIVE_NOTE = (
    "Blocks of a network that repeat share a line, with their number. Freed by: the operator "
    "during or right after which memory is given back. Workspace is made by the operator at the "
    "peak. In backward, module and line are those of the forward operator."
)
SAVED_NOTE = (
    "A tensor that is kept for several operators is counted once. Weights, the optimiser's state "
    "and the example are not counted: they are there anyway."
)

Item = TypeVar("Item")


@dataclass(frozen=True)
class MemoryLine:
    """One line of a table whose bytes and numbers add up."""

    cells: tuple[str, ...]
    n_bytes: int
    n: int


def render_memory_profile(profile: Profile) -> Iterator[str]:
    """Markdown blocks; what autograd keeps only where it keeps something."""
    memory = profile.memory
    yield "### Memory at the peak"
    yield describe_peak(profile)
    yield _groups_table(profile)
    yield GROUPS_NOTE
    yield "What is alive at the peak:"
    heads = ("Made by", "Operator", "Line", "Part", "Freed by", "Bytes", "Share", "Blocks")
    yield _table(heads, _alive_lines(profile), memory.peak_bytes, _held_line(memory))
    yield ALIVE_NOTE
    if profile.saved:
        yield from _render_saved(profile)


def describe_peak(profile: Profile) -> str:
    """One sentence on the peak, and one on whether the allocator agrees."""
    memory = profile.memory
    peak, change = memory.peak_bytes, memory.peak_change
    size = f"{peak:,} bytes ({format_si(peak, 'B')})"
    if change is None:
        return f"The step allocates nothing: {size} are held before it and all the time."
    operator = memory.moments[change]
    place = profile.rows[memory.rows[operator]].place
    return (
        f"Peak: {size} are alive at operator {operator + 1:,} of {len(memory.rows):,}, "
        f"{_describe(place)}; {memory.before_bytes / peak:.1%} of it was held before the step. "
        f"The allocator's own peak, of another run of the step, is {_compare(profile)}."
    )


def _describe(place: Place) -> str:
    part = PARTS.get(place.part, place.part)
    module = f" of {_module_cell([place])}" if _module_cell([place]) else ""
    line = f" ({place.line})" if place.line else ""
    return f"`{place.operator}` in {part}{module}{line}"


def _compare(profile: Profile) -> str:
    """How the allocator's peak stands to the timeline's."""
    peak = profile.memory.peak_bytes
    more = profile.peak_allocated_bytes - peak
    if not more:
        return "equal to the byte"
    share = format_significant(100 * abs(more) / peak, 2)
    return f"{abs(more):,} bytes ({share}%) {'higher' if more > 0 else 'lower'}"


def _groups_table(profile: Profile) -> str:
    """What each part of the network holds: at the peak, and at the fullest moment of its own."""
    memory = profile.memory
    rows = [
        (
            one.group,
            format_si(one.bytes_at_peak, "B"),
            f"{one.bytes_at_peak / memory.peak_bytes:.1%}",
            format_si(one.most_bytes, "B"),
        )
        for one in peaks_by_group(memory, profile.rows)
    ]
    return markdown_table(["Group", "At the peak", "Share", "At its own peak"], rows)


def _alive_lines(profile: Profile) -> list[MemoryLine]:
    tree = Tree(profile.modules)

    def key(blocks: AliveBlocks) -> Hashable:
        freed_by = blocks.freed_by and replace(_on_line(blocks.freed_by, tree), line="")
        return _on_line(blocks.made_by, tree), freed_by, blocks.is_workspace

    return [
        MemoryLine(
            (
                *_place_cells([one.made_by for one in alike]),
                alike[0].made_by.part,
                _freed_cell(alike),
            ),
            sum(one.n_bytes for one in alike),
            sum(one.n_blocks for one in alike),
        )
        for alike in _group(find_alive(profile.memory, profile.rows), key)
    ]


def _freed_cell(alike: Sequence[AliveBlocks]) -> str:
    places = [one.freed_by for one in alike if one.freed_by is not None]
    if not places:
        return "outlives the step"
    if alike[0].is_workspace:
        return "workspace, gone with the operator"
    module = _module_cell(places, with_number=False)
    where = f" of {module}" if module else ""
    return f"`{places[0].operator}`{where}, {places[0].part}"


def _held_line(memory: MemoryTimeline) -> MemoryLine | None:
    """What was there before the step, of which no blocks are known."""
    return (
        MemoryLine((HELD, "", "", "", ""), memory.before_bytes, 0) if memory.before_bytes else None
    )


def _render_saved(profile: Profile) -> Iterator[str]:
    saved = profile.saved
    total = sum(tensor.n_bytes for tensor in saved)
    yield "### What autograd keeps"
    yield (
        f"From forward to backward autograd keeps {total:,} bytes ({format_si(total, 'B')}) in "
        f"{len(saved):,} tensors, for the gradients of these operators:"
    )
    yield _table(("Kept for", "Bytes", "Share", "Tensors"), _keeper_lines(profile), total)
    yield "The tensors:"
    heads = ("Made by", "Operator", "Line", "Kept for", "Bytes", "Share", "Tensors")
    yield _table(heads, _saved_lines(profile), total)
    yield SAVED_NOTE


def _keeper_lines(profile: Profile) -> list[MemoryLine]:
    """A line for each set of operators that need the same tensors again."""

    def keepers(tensor: SavedTensor) -> tuple[str, ...]:
        return tuple(sorted({profile.rows[row].place.operator for row in tensor.kept_for}))

    return [
        MemoryLine(
            (_join([f"`{name}`" for name in keepers(alike[0])]) or "unknown",),
            sum(tensor.n_bytes for tensor in alike),
            len(alike),
        )
        for alike in _group(profile.saved, keepers)
    ]


def _join(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _saved_lines(profile: Profile) -> list[MemoryLine]:
    places = [row.place for row in profile.rows]
    tree = Tree(profile.modules)

    def keeper(place: Place) -> tuple[str, str]:
        return place.operator, tree.line_of(place.module)

    def key(tensor: SavedTensor) -> Hashable:
        maker = None if tensor.made_by is None else _on_line(places[tensor.made_by], tree)
        return maker, frozenset(keeper(places[row]) for row in tensor.kept_for)

    return [
        MemoryLine(
            (
                *_place_cells([places[one.made_by] for one in alike if one.made_by is not None]),
                _keepers_cell(
                    _group((places[row] for one in alike for row in one.kept_for), keeper)
                ),
            ),
            sum(tensor.n_bytes for tensor in alike),
            len(alike),
        )
        for alike in _group(profile.saved, key)
    ]


def _keepers_cell(keepers: Iterable[Sequence[Place]]) -> str:
    """Operators with their modules; those of one line of the tree are one."""
    cells = []
    for alike in keepers:
        module = _module_cell(alike, with_number=False)
        cells.append(f"`{alike[0].operator}`" + (f" of {module}" if module else ""))
    return ", ".join(cells)


def _place_cells(places: Sequence[Place]) -> tuple[str, str, str]:
    """Module, operator and line of places on one line of the tree."""
    if not places:
        return "before the step", "", ""
    module = _module_cell(places) or PARTS.get(places[0].part, places[0].part)
    return module, f"`{places[0].operator}`", places[0].line


def _module_cell(places: Sequence[Place], with_number: bool = True) -> str:
    """The modules of places on one line of the tree; empty outside of the network."""
    modules = dict.fromkeys(place.module for place in places)
    if "" in modules:
        return "the network itself" if places[0].part == "forward" else ""
    number = f" ({len(modules)})" if with_number and len(modules) > 1 else ""
    return f"`{join_paths(modules)}`{number}"


def _on_line(place: Place, tree: Tree) -> Place:
    """The same for all modules of one line."""
    return replace(place, module=tree.line_of(place.module))


def _group(items: Iterable[Item], key: Callable[[Item], Hashable]) -> list[list[Item]]:
    """Items with the same key together, in the order of the first."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _table(
    heads: Sequence[str], lines: Sequence[MemoryLine], total: int, last: MemoryLine | None = None
) -> str:
    """The largest lines, and all others as one before the ``last``, so that they add up."""
    by_size = sorted(lines, key=lambda line: -line.n_bytes)
    shown, rest = by_size[:MOST_LINES], by_size[MOST_LINES:]
    n_text = len(heads) - 3
    if rest:
        name = f"{len(rest)} more line{'s' if len(rest) > 1 else ''}"
        cells = (name, *[""] * (n_text - 1))
        n_bytes, n = sum(line.n_bytes for line in rest), sum(line.n for line in rest)
        shown.append(MemoryLine(cells, n_bytes, n))
    shown += [last] if last else []
    return markdown_table(heads, [_cells(line, total) for line in shown], n_text)


def _cells(line: MemoryLine, total: int) -> list[str]:
    number = f"{line.n:,}" if line.n else ""
    return [*line.cells, format_si(line.n_bytes, "B"), f"{line.n_bytes / (total or 1):.1%}", number]
