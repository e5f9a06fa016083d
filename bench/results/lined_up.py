"""Two profiles of one phase, line by line: what costs more in one than in the other.

A line is a sum of rows. Every row is in one line, and what no row has of a step is a line too, so
that the lines add up to the step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bench.errors import UsageError
from bench.results.costs import SECTIONS, Cost, Costs, relative_half_width, section_of
from bench.results.difference import NO_TIME, Difference, MeanTime
from bench.results.joined_profiles import counted_plain_s, join_profiles
from bench.results.profile import BETWEEN, Place, Profile, ProfileRow

REST = "rest"
"""In the place of a part: the time of a step that no row has."""


class Where(NamedTuple):
    """What a line is about; both are empty for the whole step."""

    part: str  # of the step, or REST
    name: str  # of a section, a module or a kind of operator; empty for what is in none


WHOLE = Where("", "")
Key = Callable[[Place], Where | None]
"""The line that a place belongs to; None: to none of those that are asked for."""


@dataclass(frozen=True)
class Profiled:
    """One side of a comparison, by what people call it."""

    label: str
    profile: Profile
    n_processes: int = 1  # from three on, intervals are over processes and not over steps

    @classmethod
    def of(cls, label: str, profiles: Sequence[Profile]) -> "Profiled":
        """What several processes say together; at least one."""
        return cls(label, join_profiles(profiles), len(profiles))


@dataclass(frozen=True)
class SideCost:
    """What one side spends on a line."""

    cost: Cost
    peak_bytes: int | None  # the most that is alive while its operators run; None: nothing changes


@dataclass(frozen=True)
class LinedUpLine:
    """What both sides spend in one place; None for the side that has no such place."""

    where: Where
    base: SideCost | None
    head: SideCost | None

    @property
    def time(self) -> Difference:
        """Of the profiled times; a side without such a place takes none."""
        return Difference(_mean_time(self.base), _mean_time(self.head))


@dataclass(frozen=True)
class LinedUp:
    """Two profiles side by side. Lines stand in the order of what ``head`` takes more."""

    labels: tuple[str, str]
    n_processes: tuple[int, int]
    lines: tuple[LinedUpLine, ...]
    total: LinedUpLine  # the profiled step
    plain: Difference  # of steps without the profiler
    most_different: LinedUpLine | None  # beyond noise, and of rows
    operators: tuple[LinedUpLine, ...]  # of that line, by kind

    def largest(self, n: int) -> list[LinedUpLine]:
        """The lines with the largest differences to either side, in the order of all lines."""
        ranked = sorted(self.lines, key=lambda line: -abs(line.time.value_s))
        return [line for line in self.lines if line in ranked[:n]]


def line_up(base: Profiled, head: Profiled, depth: int) -> LinedUp:
    """By module where both have the same modules, by section of the signal where they don't.

    Raises:
        UsageError: they have no section in common either.
    """
    paths = [{module.path for module in side.profile.modules} for side in (base, head)]
    return (
        line_up_modules(base, head, depth) if paths[0] == paths[1] else line_up_sections(base, head)
    )


def line_up_modules(base: Profiled, head: Profiled, depth: int) -> LinedUp:
    """By the first ``depth`` names of a module's path. A path of one side alone stands alone.

    A path with fewer names is what that module does itself, beside the modules inside it.
    """

    def where(place: Place) -> Where:
        return Where(place.part, ".".join(place.module.split(".")[:depth]))

    return _line_up(base, head, where)


def line_up_sections(base: Profiled, head: Profiled) -> LinedUp:
    """By section of the signal (``costs.section_of``), for networks that are built differently.

    Raises:
        UsageError: they have no section in common.
    """
    ours, theirs = find_sections(base.profile), find_sections(head.profile)
    if not set(ours) & set(theirs):
        raise UsageError(
            f"{base.label} and {head.label} have no part in common to compare. {base.label} has "
            f"{_listed(ours)}, and {head.label} has {_listed(theirs)}. Profile each alone, or "
            f"give modules of both the same names, such as {', '.join(SECTIONS)}."
        )
    return _line_up(base, head, lambda place: Where(place.part, section_of(place.module)))


def find_sections(profile: Profile) -> list[str]:
    """The sections of a network's modules, in the order of the signal; others after them."""
    found = dict.fromkeys(section_of(module.path) for module in profile.modules if module.path)
    return sorted(
        found, key=lambda name: SECTIONS.index(name) if name in SECTIONS else len(SECTIONS)
    )


def _listed(sections: list[str]) -> str:
    return ", ".join(sections) or "no modules inside it"


def _line_up(base: Profiled, head: Profiled, where_of: Callable[[Place], Where]) -> LinedUp:
    profiles = complete(base.profile), complete(head.profile)
    lines = _lines(profiles, where_of)
    (total,) = _lines(profiles, lambda place: WHOLE)
    most = _most_different(lines)

    def kind(place: Place) -> Where | None:
        is_inside = most is not None and where_of(place) == most.where
        return Where(place.part, kind_of(place.operator)) if is_inside else None

    return LinedUp(
        labels=(base.label, head.label),
        n_processes=(base.n_processes, head.n_processes),
        lines=lines,
        total=total,
        plain=Difference(_plain_time(base.profile), _plain_time(head.profile)),
        most_different=most,
        operators=_lines(profiles, kind),
    )


def complete(profile: Profile) -> Profile:
    """With a last row for the time of each step that no other has."""
    rest_s = tuple(
        time_s - profile.attributed_s(step) for step, time_s in enumerate(profile.profiled_times_s)
    )
    return replace(profile, rows=(*profile.rows, ProfileRow(Place(REST, "", BETWEEN, ""), rest_s)))


def kind_of(operator: str) -> str:
    """An operator in words, whichever way it is run: in place, natively, differentiated."""
    name = operator.removeprefix("_").removeprefix("native_").removesuffix("_backward")
    return name.strip("_").replace("_", " ")


def _lines(profiles: tuple[Profile, Profile], key: Key) -> tuple[LinedUpLine, ...]:
    base, head = (_spent(profile, key) for profile in profiles)
    both = dict.fromkeys((*base, *head))
    lines = [LinedUpLine(where, base.get(where), head.get(where)) for where in both]
    return tuple(sorted(lines, key=lambda line: -line.time.value_s))


def _spent(profile: Profile, key: Key) -> dict[Where, SideCost]:
    peaks = _peaks(profile, key)
    return {
        where: SideCost(cost, peaks.get(where)) for where, cost in Costs(profile).by(key).items()
    }


def _peaks(profile: Profile, key: Key) -> dict[Where, int]:
    """Bytes that are alive at most while the operators of each line run."""
    memory, peaks = profile.memory, dict[Where, int]()
    for moment, change in memory.fullest_change_of_each_operator():
        where = key(profile.rows[memory.rows[moment]].place)
        if where is not None:
            peaks[where] = max(peaks.get(where, 0), memory.live_bytes[change])
    return peaks


def _most_different(lines: tuple[LinedUpLine, ...]) -> LinedUpLine | None:
    told = [line for line in lines if not line.time.is_within_noise and line.where.part != REST]
    return max(told, key=lambda line: abs(line.time.value_s), default=None)


def _mean_time(spent: SideCost | None) -> MeanTime:
    return NO_TIME if spent is None else MeanTime(spent.cost.time_s, spent.cost.half_width)


def _plain_time(profile: Profile) -> MeanTime:
    """Of the undisturbed steps without the profiler."""
    values_s = counted_plain_s(profile)
    mean_s = sum(values_s) / len(values_s)
    return MeanTime(mean_s, relative_half_width(values_s, mean_s))
