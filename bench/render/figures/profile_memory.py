"""The figure of the memory that is alive while a step runs: who holds how much at each operator."""

from collections.abc import Iterator, Sequence
from itertools import cycle, groupby
from math import ceil
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator

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
from bench.results.profile import Profile
from bench.units import find_prefix, format_si

BLOCK_COLOURS = ("#e69f00", "#ffd27a", "#a86b00", "#5c3b00")
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


def write_memory_figure(profile: Profile, title: str, stem: Path) -> list[Path]:
    """A stack of what is alive over the operators of a step, its peak marked, as SVG and PNG."""
    canvas = Canvas(figsize=(10, 4.6), layout="constrained")
    axis = canvas.subplots()
    n_operators, peak = len(profile.memory.rows), profile.memory.peak_bytes
    axis.set_xlim(0.5, n_operators + 0.5)
    axis.set_ylim(0, 1.15 * peak or 1)
    _draw_areas(axis, stack_up(profile.memory, profile.rows, finer_group_of).merge_small())
    _separate_parts(axis, profile)
    _mark_peak(axis, profile)
    factor, unit = find_prefix(peak, "B")
    axis.set_xlabel("operator, in the order in which they run")
    axis.set_ylabel(f"memory alive ({unit})")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:g}"))
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    handles, labels = axis.get_legend_handles_labels()
    canvas.legend(
        handles[::-1], labels[::-1], loc="outside right center", frameon=False, fontsize=9
    )
    canvas.suptitle(title, fontsize=11)
    return save_figure(canvas, stem)


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


def _separate_parts(axis: Axes, profile: Profile) -> None:
    """A light line where a part of a training step ends, the names above."""
    parts = groupby(profile.rows[row].place.part for row in profile.memory.rows)
    ends, names = [0], []
    for part, run in parts:
        ends.append(ends[-1] + len(list(run)))
        names.append(part)
    if len(names) < 2:
        return
    for name, start, end in zip(names, ends, ends[1:], strict=False):
        if start:
            axis.axvline(start + 0.5, color="#bbbbbb", linewidth=0.8)
        middle = (start + end) / 2 + 0.5
        axis.text(
            middle,
            1.01,
            name,
            transform=axis.get_xaxis_transform(),
            ha="right" if middle > 0.96 * ends[-1] else "center",
            va="bottom",
            fontsize=9,
            color="#555555",
        )


def _mark_peak(axis: Axes, profile: Profile) -> None:
    """A line as high as the peak, a mark at its operator, and how much it is."""
    memory = profile.memory
    peak, change = memory.peak_bytes, memory.peak_change
    operator = 1 if change is None else memory.moments[change] + 1
    axis.axhline(peak, color="#aa0000", linestyle="--", linewidth=0.9)
    axis.plot([operator], [peak], "v", color="#aa0000", markersize=6, clip_on=False)
    share = operator / len(memory.rows)
    axis.annotate(
        f"peak {format_si(peak, 'B')}, operator {operator:,}",
        (operator, peak),
        (0, 5),
        textcoords="offset points",
        ha="left" if share < 0.15 else "right" if share > 0.85 else "center",
        va="bottom",
        fontsize=9,
        color="#aa0000",
        bbox={"facecolor": "white", "linewidth": 0, "pad": 1},  # over the lines between parts
    )
