"""The figure of the memory that is alive while a step runs: who holds how much at each operator."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from math import ceil
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter

from bench.render.figures.paper import SMALL, TWO_COLUMNS, paper_style
from bench.render.figures.saving import save_figure
from bench.results.alive import (
    GRADIENTS,
    HELD,
    ITSELF,
    OTHER,
    TEMPORARY,
    Stacks,
    finer_group_of,
    stack_up,
)
from bench.results.profile import Place, Profile
from bench.units import find_prefix, format_si

BLOCK_COLOURS = ("#e69f00", "#ffdf9e", "#a86b00", "#cdbb45", "#5c3b00", "#e0d3a8", "#7f7a1a")
COLOURS = {
    HELD: "#8c8c8c",
    GRADIENTS: "#444444",
    "encoder": "#0072b2",
    "bottleneck": "#56b4e9",
    "masks": "#009e73",
    "decoder": "#cc79a7",
    ITSELF: "#f0e442",
    "loss": "#882255",
    TEMPORARY: "#d55e00",
    "optimiser": "#332288",
    OTHER: "#d9d9d9",
}
MORE_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442", "#882255")
"""Of the parts of a network that names its parts otherwise."""
MOST_COLUMNS = 400
"""More can't be seen; each makes the SVG longer."""
LEAST_CHANGE = 0.002
"""Of the peak: about a pixel. Adam alone runs a thousand operators that change less."""


@paper_style()
def write_memory_figure(profile: Profile, title: str, stem: Path) -> list[Path]:
    """A stack of what is alive over the operators of a step, its peak marked; returns the paths."""
    stacks = stack_up(profile.memory, profile.rows, finer_group_of).merge_small()
    stacks = leave_out_unseen(stacks, profile)
    peak = profile.memory.peak_bytes
    canvas = Canvas(figsize=(TWO_COLUMNS, 3.4), layout="constrained")
    axis = canvas.subplots()
    axis.set_xlim(0.5, len(stacks.operators) + 0.5)
    axis.set_ylim(0, 1.15 * peak or 1)
    _draw_areas(axis, stacks)
    _separate_parts(axis, [_place_of(profile, operator).part for operator in stacks.operators])
    _mark_peak(axis, profile, stacks)
    factor, unit = find_prefix(peak, "B")
    axis.set_xlabel("number of the operator (without those at which nothing is seen to change)")
    axis.set_ylabel(f"memory alive ({unit})")
    ticks = range(0, len(stacks.operators), max(1, len(stacks.operators) // 10))
    axis.set_xticks(
        [tick + 1 for tick in ticks], [f"{stacks.operators[tick] + 1:,}" for tick in ticks]
    )
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:g}"))
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    handles, labels = axis.get_legend_handles_labels()
    canvas.legend(handles[::-1], labels[::-1], loc="outside right center", frameon=False)
    canvas.suptitle(title)
    return save_figure(canvas, stem)


def leave_out_unseen(stacks: Stacks, profile: Profile) -> Stacks:
    """Without operators at which no group differs visibly from the one shown before.

    The first of each part of the step, and that of the peak, always remain.
    """
    least = LEAST_CHANGE * profile.memory.peak_bytes
    peak = _find_peak(profile)
    shown: list[int] = []
    parts: set[str] = set()
    for column, (operator, sizes) in enumerate(zip(stacks.operators, stacks.alive, strict=True)):
        part = _place_of(profile, operator).part
        before = stacks.alive[shown[-1]] if shown else ()
        is_seen = any(abs(new - old) >= least for new, old in zip(sizes, before, strict=False))
        if part not in parts or operator == peak or is_seen:
            shown.append(column)
        parts.add(part)
    return Stacks(
        stacks.groups,
        tuple(stacks.operators[column] for column in shown),
        tuple(stacks.alive[column] for column in shown),
    )


def _find_peak(profile: Profile) -> int:
    """The operator at which most is alive."""
    change = profile.memory.peak_change
    return 0 if change is None else profile.memory.moments[change]


def _place_of(profile: Profile, operator: int) -> Place:
    return profile.rows[profile.memory.rows[operator]].place


def _draw_areas(axis: Axes, stacks: Stacks) -> None:
    columns = list(thin_out(stacks.alive))
    edges = [first + 0.5 for first, _ in columns] + [len(stacks.alive) + 0.5]
    heights = [sizes for _, sizes in columns]
    axis.stackplot(
        edges,
        list(zip(*heights, heights[-1], strict=True)),
        labels=stacks.groups,
        colors=list(_colours(stacks.groups)),
        step="post",
        linewidth=0,
    )


def thin_out(
    alive: Sequence[tuple[int, ...]], most: int = MOST_COLUMNS
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """At most so many columns of as many neighbours each: the first's number, the fullest."""
    width = ceil(len(alive) / most)
    for first in range(0, len(alive), width):
        yield first, max(alive[first : first + width], key=sum)


def _colours(groups: Sequence[str]) -> Iterator[str]:
    """Always the same of a group that all networks have; what is in the blocks looks alike."""
    of_blocks, more = cycle(BLOCK_COLOURS), cycle(MORE_COLOURS)
    for group in groups:
        if group.startswith("blocks"):
            yield next(of_blocks)
        else:
            yield COLOURS.get(group) or next(more)


def _separate_parts(axis: Axes, parts: Sequence[str]) -> None:
    """A light line where a part of a training step ends, the names above."""
    names = list(dict.fromkeys(parts))
    if len(names) < 2:
        return
    starts = [parts.index(name) for name in names]
    for start in starts[1:]:
        axis.axvline(start + 0.5, color="#bbbbbb", linewidth=0.8)
    ends = [*starts[1:], len(parts)]
    middles = [(start + end) / 2 / len(parts) for start, end in zip(starts, ends, strict=True)]
    for name, place in zip(names, spread(middles, [_width(name) for name in names]), strict=True):
        axis.text(
            place,
            1.01,
            name,
            transform=axis.transAxes,
            ha="center",
            va="bottom",
            fontsize=SMALL,
            color="#555555",
        )


def _width(name: str) -> float:
    """About how much of the axis it takes, with the space after it."""
    return 0.012 * (len(name) + 1)


def spread(middles: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Places close to ascending middles at which things of such widths don't overlap, up to 1."""
    places: list[float] = []
    free = 0.0
    for middle, width in zip(middles, widths, strict=True):
        places.append(max(middle, free + width / 2))
        free = places[-1] + width / 2
    free = 1.0
    for number in reversed(range(len(places))):
        places[number] = min(places[number], free - widths[number] / 2)
        free = places[number] - widths[number] / 2
    return places


def _mark_peak(axis: Axes, profile: Profile, stacks: Stacks) -> None:
    """A line as high as the peak, a mark at its operator, and how much it is."""
    peak, operator = profile.memory.peak_bytes, _find_peak(profile)
    column = stacks.operators.index(operator) + 1
    axis.axhline(peak, color="#aa0000", linestyle="--", linewidth=0.9)
    axis.plot([column], [peak], "v", color="#aa0000", markersize=6, clip_on=False)
    share = column / len(stacks.operators)
    axis.annotate(
        f"peak {format_si(peak, 'B')}, operator {operator + 1:,}",
        (column, peak),
        (0, 5),
        textcoords="offset points",
        ha="left" if share < 0.2 else "right" if share > 0.8 else "center",
        va="bottom",
        fontsize=SMALL,
        color="#aa0000",
        bbox={"facecolor": "white", "linewidth": 0, "pad": 1},  # over the lines between parts
    )
