"""What is alive while a step runs, and whose it is: from a timeline of memory to values.

Blocks are put into groups by the operator that made them: those of forward by the part of the
network, those of backward by whether they outlive the step, all others by the part of the step.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from statistics import fmean

from bench.results.costs import SECTIONS, section_of
from bench.results.profile import MemoryTimeline, Place, ProfileRow

HELD = "held before the step"
GRADIENTS = "weight gradients"
ITSELF = "the network itself"
TEMPORARY = "temporary in backward"
OTHER = "other"
LOWEST = (HELD, GRADIENTS, OTHER, ITSELF, *SECTIONS)
HIGHEST = ("loss", TEMPORARY, "optimiser")
"""Of a stack, from the bottom up; between them stand the parts of networks with other names."""

MOST_GROUPS = 8
LEAST_SHARE = 0.01
"""Of the peak: who never holds so much can't be seen in a stack."""

Grouping = Callable[[Place, bool], str]
"""The group of a block that was made in a place, and may outlive the step."""


@dataclass(frozen=True)
class Stacks:
    """What is alive while an operator runs, at its fullest moment.

    Operators that neither allocate nor free have none.
    """

    groups: tuple[str, ...]  # from the bottom up
    operators: tuple[int, ...]  # numbers in ``MemoryTimeline.rows``
    alive: tuple[tuple[int, ...], ...]  # for each operator the bytes of each group

    def merge_small(self) -> "Stacks":
        """The same with at most ``MOST_GROUPS`` groups, the small ones as one.

        Large is who holds much at the peak and on average over the operators.
        """
        peak = max(self.alive, key=sum)
        columns = list(zip(*self.alive, strict=True))
        sizes_of = [at_peak + fmean(column) for at_peak, column in zip(peak, columns, strict=True)]
        by_size = sorted(range(len(columns)), key=lambda group: -sizes_of[group])
        seen = [group for group in by_size if max(columns[group]) >= LEAST_SHARE * sum(peak)]
        large = {self.groups[group] for group in seen[: MOST_GROUPS - 1]}
        names = [group if group in large else OTHER for group in self.groups]
        if names.count(OTHER) < 2:
            return self
        groups = _in_order(names)
        merged = []
        for sizes in self.alive:
            sums = dict.fromkeys(groups, 0)
            for name, n_bytes in zip(names, sizes, strict=True):
                sums[name] += n_bytes
            merged.append(tuple(sums.values()))
        return Stacks(groups, self.operators, tuple(merged))


@dataclass(frozen=True)
class GroupPeak:
    """The most that a group holds at one moment of the step, and what it holds at the peak."""

    group: str
    most_bytes: int
    bytes_at_peak: int


@dataclass(frozen=True)
class AliveBlocks:
    """Blocks that are alive at the peak, made in one place and freed in one."""

    made_by: Place
    freed_by: Place | None  # the operator that frees them; None: they outlive the step
    is_workspace: bool  # of the operator at the peak: made by it, and gone with it
    n_blocks: int
    n_bytes: int


def group_of(place: Place, outlives: bool) -> str:
    """One group for each part of the network, and those of a training step beside forward."""
    if place.part == "forward":
        return section_of(place.module) or ITSELF
    if place.part == "backward":
        return GRADIENTS if outlives else TEMPORARY
    return place.part


def finer_group_of(place: Place, outlives: bool) -> str:
    """The same, the blocks by the modules that each of them consists of.

    In most networks nearly everything is in the blocks.
    """
    group = group_of(place, outlives)
    names = place.module.split(".")
    below = dropwhile(lambda name: not name.isdecimal(), names)  # from the block's number on
    inside = next((name for name in below if not name.isdecimal()), None)
    return f"{group}: {inside}" if group == "blocks" and inside else group


def stack_up(
    memory: MemoryTimeline, rows: Sequence[ProfileRow], grouping: Grouping = group_of
) -> Stacks:
    """What each group holds at the fullest moment of each operator."""
    groups, states = _replay(memory, rows, grouping)
    fullest = find_fullest(memory)
    return Stacks(groups, tuple(fullest), tuple(states[changes] for changes in fullest.values()))


def find_fullest(memory: MemoryTimeline) -> dict[int, int]:
    """After how many changes most is alive while an operator runs that changes something.

    What its predecessor leaves is alive as it begins. If no operator does, it is the first.
    """
    levels = (memory.before_bytes, *memory.live_bytes)
    fullest = {}
    for operator in sorted({*memory.moments} or {0}):
        first, last = (find(memory.moments, operator) for find in (bisect_left, bisect_right))
        fullest[operator] = max(range(first, last + 1), key=levels.__getitem__)
    return fullest


def peaks_by_group(memory: MemoryTimeline, rows: Sequence[ProfileRow]) -> list[GroupPeak]:
    """The peak of each group, from the bottom of a stack up."""
    groups, states = _replay(memory, rows, group_of)
    change = memory.peak_change
    at_peak = states[0 if change is None else change + 1]
    columns = zip(*states, strict=True)
    return [
        GroupPeak(group, max(column), n_bytes)
        for group, column, n_bytes in zip(groups, columns, at_peak, strict=True)
    ]


def _replay(
    memory: MemoryTimeline, rows: Sequence[ProfileRow], grouping: Grouping
) -> tuple[tuple[str, ...], list[tuple[int, ...]]]:
    """The groups, and the bytes of each as the step begins and after each change."""
    of_blocks = [
        grouping(rows[memory.rows[block.born]].place, block.died is None) for block in memory.blocks
    ]
    groups = _in_order(([HELD] if memory.before_bytes else []) + of_blocks)
    numbers = [groups.index(group) for group in of_blocks]
    alive = [memory.before_bytes if group == HELD else 0 for group in groups]
    states = [tuple(alive)]
    for change in memory.changes:
        block = abs(change) - 1
        alive[numbers[block]] += memory.block_bytes[block] * (1 if change > 0 else -1)
        states.append(tuple(alive))
    return groups, states


def _in_order(groups: Iterable[str]) -> tuple[str, ...]:
    """Each once, from the bottom up."""

    def height(group: str) -> int:
        group = group.partition(":")[0]
        if group in LOWEST:
            return LOWEST.index(group)
        return len(LOWEST) + (1 + HIGHEST.index(group) if group in HIGHEST else 0)

    return tuple(sorted(dict.fromkeys(groups), key=height))


def find_alive(memory: MemoryTimeline, rows: Sequence[ProfileRow]) -> list[AliveBlocks]:
    """What the step has made by its peak and not freed, the largest first.

    With ``before_bytes`` it adds up to ``peak_bytes``.
    """
    change = memory.peak_change
    if change is None:
        return []
    places = [rows[row].place for row in memory.rows]
    sizes: dict[tuple[Place, Place | None, bool], list[int]] = {}
    for number in memory.alive_after(change):
        block = memory.blocks[number]
        freed_by = None if block.died is None else places[block.died]
        key = (places[block.born], freed_by, block.born == block.died)
        sizes.setdefault(key, []).append(block.n_bytes)
    found = [AliveBlocks(*key, len(of_key), sum(of_key)) for key, of_key in sizes.items()]
    return sorted(found, key=lambda blocks: -blocks.n_bytes)
