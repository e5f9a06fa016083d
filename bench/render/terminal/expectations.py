"""What a run says before and while it measures times: how long it takes and how well it goes."""

import sys
from collections.abc import Callable, Sequence

from bench.plan import Settings
from bench.results.record import Job, Record
from bench.rounds import expected_precision


def say_what_to_expect(
    plan: Callable[[Sequence[Record]], Sequence[Job]], settings: Settings
) -> Callable[[Sequence[Record]], Sequence[Job]]:
    """The same plan, which says so on standard error."""
    said: set[str] = set()

    def next_jobs(records: Sequence[Record]) -> Sequence[Job]:
        jobs = plan(records)
        if not (jobs and jobs[0].spec.takes_turns) or "precision" in said:
            return jobs
        if "time" not in said:
            said.add("time")
            print(describe_time(settings), file=sys.stderr)
        elif (precision := expected_precision(records, jobs[0].model)) is not None:
            said.add("precision")
            print(describe_precision(precision), file=sys.stderr)
        return jobs

    return next_jobs


def warn_of_threads(threads: int, n_available: int) -> str:
    """What more threads than processors will do to the times; empty where there are enough."""
    if threads <= n_available:
        return ""
    return (
        f"{threads} threads on {n_available} processor{'' if n_available == 1 else 's'} will wait "
        "for each other; the counters will call it waiting, not other work."
    )


def describe_time(settings: Settings) -> str:
    """What ends the measuring of times."""
    effort = settings.effort
    has_gpu = settings.update_device == "cuda"
    start = ", and what processes on the GPU need to start" if has_gpu else ""
    energy = (
        " After them, energy takes about a minute for each network in each phase."
        if settings.energy
        else ""
    )
    ceilings = " The ceilings take about as long again." if settings.roofline else ""
    return (
        f"Times: processes take turns in up to {effort.max_rounds} rounds, for about "
        f"{effort.time_s:.0f} s{start}, or until ratios are within {effort.precise_within:.0%}."
        f"{ceilings}{energy}"
    )


def describe_precision(precision: float) -> str:
    """What the first calls promise."""
    return f"By the first calls, ratios will be within about {precision:.1%} after three rounds."
