"""Profiles for tests: made up of a few rows with known times."""

from collections.abc import Iterable, Sequence
from typing import Any

from bench.results.profile import (
    MachineRates,
    MemoryTimeline,
    Place,
    Profile,
    ProfiledModule,
    ProfileRow,
)

NO_MEMORY = MemoryTimeline(0, (), (), (), ())


def make_row(
    where: str, operator: str, times_s: Sequence[float], part: str = "forward", **counts: Any
) -> ProfileRow:
    """A row of a module, by its path."""
    return ProfileRow(Place(part, where, operator, ""), tuple(times_s), **counts)


def make_profile(
    rows: Iterable[ProfileRow], rest_s: float = 0.0, memory: MemoryTimeline = NO_MEMORY
) -> Profile:
    """Steps that take ``rest_s`` beyond their rows, and without the profiler half of all that."""
    rows = tuple(rows)
    steps = zip(*(row.times_s for row in rows), strict=True)
    times_s = tuple(sum(step) + rest_s for step in steps)
    return Profile(
        rows=rows,
        modules=tuple(ProfiledModule(path, "Module", 0) for path in _paths(rows)),
        memory=memory,
        saved=(),
        plain_times_s=tuple(time_s / 2 for time_s in times_s),
        profiled_times_s=times_s,
        plain_contention=None,
        profiled_contention=None,
        rates=MachineRates(1e9, 1e9),
        peak_allocated_bytes=memory.peak_bytes,
        defined_macs=sum(row.macs for row in rows),
        defined_flops=sum(row.flops for row in rows),
    )


def _paths(rows: Iterable[ProfileRow]) -> dict[str, None]:
    """The modules of the rows, and those that they are in; the network first."""
    paths = {"": None}
    for row in rows:
        names = row.place.module.split(".")
        paths |= dict.fromkeys(".".join(names[: n + 1]) for n in range(len(names)))
    return paths
