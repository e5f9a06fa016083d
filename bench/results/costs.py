"""From the rows of a profile to what a module, a part or an operator costs."""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from bench.results.profile import Place, Profile
from bench.results.statistics import LEVEL, MIN_PROCESSES, WIDEST
from bench.results.timing import NOISY_WIDTH

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Cost:
    """What some rows cost together in one step.

    ``time_s`` is the mean over the profiled steps that count, so that parts add up to the whole;
    ``half_width`` is half of its interval over it (Student's t over steps of one process).
    """

    time_s: float
    half_width: float  # infinite of too few steps
    share: float  # of the whole profiled step
    calls: int
    macs: int
    flops: int
    bytes_moved: int
    floor_s: float  # operations over rate or bytes over bandwidth, whichever is more, row by row
    n_allocations: int
    allocated_bytes: int
    held_bytes: int  # of these, what is still there when the operator has ended

    @property
    def intensity(self) -> float | None:
        """FLOPs for each byte moved."""
        return self.flops / self.bytes_moved if self.bytes_moved else None

    @property
    def flops_per_s(self) -> float | None:
        """Reached with the profiler at work."""
        return self.flops / self.time_s if self.time_s > 0 else None

    @property
    def bytes_per_s(self) -> float | None:
        """Likewise."""
        return self.bytes_moved / self.time_s if self.time_s > 0 else None

    @property
    def is_trusted(self) -> bool:
        """Whether its time may stand as a number."""
        return self.half_width < WIDEST

    @property
    def is_noisy(self) -> bool:
        """Whether its time is marked where it stands as a number."""
        return self.half_width >= NOISY_WIDTH


class Costs:
    """Adds up the rows of one profile."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._steps = profile.undisturbed

    @cached_property
    def whole_s(self) -> float:
        """A profiled step, on average."""
        times_s = self.profile.profiled_times_s
        return sum(times_s[step] for step in self._steps) / len(self._steps)

    @cached_property
    def overhead(self) -> float:
        """By how much the profiler makes a step longer: the mean of pairs, less one."""
        pairs = zip(self.profile.profiled_times_s, self.profile.plain_times_s, strict=True)
        ratios = [profiled / plain for profiled, plain in pairs]
        return sum(ratios[step] for step in self._steps) / len(self._steps) - 1

    @property
    def unattributed(self) -> float:
        """The share of the profiled step that no row has."""
        return 1 - sum(row.share for row in self.by(lambda place: place.part).values())

    @cached_property
    def _allocations(self) -> Mapping[int, tuple[int, int, int]]:
        """By row: how many allocations, their bytes, and those still there after their operator."""
        memory = self.profile.memory
        found: dict[int, tuple[int, int, int]] = {}
        for block in memory.blocks:
            row = memory.rows[block.born]
            n, n_bytes, held = found.get(row, (0, 0, 0))
            kept = 0 if block.died == block.born else block.n_bytes
            found[row] = (n + 1, n_bytes + block.n_bytes, held + kept)
        return found

    def by(self, key: Callable[[Place], Key | None]) -> dict[Key, Cost]:
        """The costs of rows with the same key, in the order of the step; None is left out."""
        groups: dict[Key, list[int]] = {}
        for number, row in enumerate(self.profile.rows):
            found = key(row.place)
            if found is not None:
                groups.setdefault(found, []).append(number)
        return {name: self.of(numbers) for name, numbers in groups.items()}

    def of(self, numbers: Iterable[int]) -> Cost:
        """What some rows cost together."""
        numbers = list(numbers)
        rows = [self.profile.rows[number] for number in numbers]
        times_s = [sum(row.times_s[step] for row in rows) for step in self._steps]
        mean_s = sum(times_s) / len(times_s)
        allocations = [self._allocations.get(number, (0, 0, 0)) for number in numbers]
        return Cost(
            time_s=mean_s,
            half_width=relative_half_width(times_s, mean_s),
            share=mean_s / self.whole_s,
            calls=sum(row.calls for row in rows),
            macs=sum(row.macs for row in rows),
            flops=sum(row.flops for row in rows),
            bytes_moved=sum(row.bytes_read + row.bytes_written for row in rows),
            floor_s=sum(self._floor_s(number) for number in numbers),
            n_allocations=sum(n for n, _, _ in allocations),
            allocated_bytes=sum(n_bytes for _, n_bytes, _ in allocations),
            held_bytes=sum(held for _, _, held in allocations),
        )

    def _floor_s(self, number: int) -> float:
        """What a row would take at the rates that this process reached; a view takes nothing."""
        row, rates = self.profile.rows[number], self.profile.rates
        moved = row.bytes_read + row.bytes_written
        return max(row.flops / rates.product_flops_per_s, moved / rates.copy_bytes_per_s)


def relative_half_width(values: Sequence[float], mean: float) -> float:
    """Half the interval of the mean over it; of nothing measured there is nothing to doubt."""
    n = len(values)
    if not any(values):
        return 0.0
    if n < MIN_PROCESSES or mean <= 0:
        return math.inf
    from scipy.special import stdtrit  # here: commands that compute nothing start without it

    variance = sum((value - mean) ** 2 for value in values) / (n - 1)
    quantile = float(stdtrit(n - 1, (1 + LEVEL) / 2))
    return quantile * math.sqrt(variance / n) / mean


SECTIONS = ("encoder", "bottleneck", "blocks", "masks", "decoder")
"""The parts of a separation network, in the order of the signal."""


MASK_HEAD = ("first_out", "net_out", "net_gate")
"""Modules of asteroid's DPRNN."""


def section_of(module: str) -> str:
    """The part of a network that a module belongs to; the first name of its path in others.

    Mask networks call what lies between encoder and decoder their separator or masker.
    """
    names = module.split(".")
    if names[0] in ("encoder", "decoder"):
        return names[0]
    if any(name in MASK_HEAD or ("mask" in name and name != "masker") for name in names):
        return "masks"
    if "bottleneck" in names:
        return "bottleneck"
    if any(name in ("blocks", "separator", "masker", "TCN") for name in names):
        return "blocks"
    return names[0]
