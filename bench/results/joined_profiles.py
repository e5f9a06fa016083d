"""The profiles of several processes of one network as one.

What differs between processes (the layout of memory, what else runs meanwhile) is in none of their
steps. So each process is one step of the joined profile, and an interval is one over processes.
"""

from collections.abc import Sequence
from dataclasses import replace

from bench.results.profile import Place, Profile


def join_profiles(profiles: Sequence[Profile]) -> Profile:
    """Times are each process's means over its steps that count; all else is the first one's."""
    if len(profiles) == 1:
        return profiles[0]
    means = [_mean_times_s(profile) for profile in profiles]
    rows = {row.place: row for profile in reversed(profiles) for row in profile.rows}
    places = dict.fromkeys(row.place for profile in profiles for row in profile.rows)
    return replace(
        profiles[0],
        rows=tuple(
            replace(rows[place], times_s=tuple(times_s.get(place, 0.0) for times_s in means))
            for place in places
        ),
        plain_times_s=tuple(_mean(counted_plain_s(profile)) for profile in profiles),
        profiled_times_s=tuple(
            _mean([profile.profiled_times_s[step] for step in profile.undisturbed])
            for profile in profiles
        ),
        plain_contention=None,
        profiled_contention=None,
    )


def counted_plain_s(profile: Profile) -> list[float]:
    """The undisturbed steps without the profiler, or all of them if those are too few."""
    times_s, contention = profile.plain_times_s, profile.plain_contention
    plain = replace(profile, profiled_times_s=times_s, profiled_contention=contention)
    return [times_s[step] for step in plain.undisturbed]


def _mean_times_s(profile: Profile) -> dict[Place, float]:
    steps = profile.undisturbed
    return {row.place: _mean([row.times_s[step] for step in steps]) for row in profile.rows}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
