"""Ways to measure a ratio of times, to be compared by how far it moves from run to run.

``turns`` is how this project measures; the others are what it was chosen against.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bench.machine.pages import KEEP_PAGES
from bench.measuring.conductor import Player, measure_round
from bench.plan import Effort, Settings, plan_job
from bench.registry import Entry
from bench.results.environment import Environment
from bench.results.measurements import LatencyTimes
from bench.results.record import Record

ALONE_S = 1.0
"""Of calls in a process that runs alone, as version 0.2 measured."""


@dataclass(frozen=True)
class Design:
    """How processes live, and with which allocator and threads."""

    name: str
    text: str
    together: Literal["all", "pairs", "none"] = "all"
    keeps_pages: bool = True
    has_huge_pages: bool = True
    threads: int = 1
    budget_s: float = 0.6  # of each process's calls in a round

    @property
    def variables(self) -> dict[str, str] | None:
        """Of the environment, where they are not those of the workload."""
        if self.has_huge_pages or not self.keeps_pages:
            return None
        return {name: value for name, value in KEEP_PAGES.items() if name != "GLIBC_TUNABLES"}


DESIGNS = {
    design.name: design
    for design in (
        Design("turns", "all take turns, pages kept"),
        Design(
            "processes", "whole processes in rounds (version 0.2)", "none", False, budget_s=ALONE_S
        ),
        Design("processes-pages", "whole processes in rounds, pages kept", "none"),
        Design("pairs", "pairs take turns, pages kept", "pairs"),
        Design("pairs-malloc", "pairs take turns, default malloc", "pairs", False),
        Design("turns-malloc", "all take turns, default malloc", keeps_pages=False),
        Design("turns-small", "all take turns, pages kept, none huge", has_huge_pages=False),
        Design("turns-all", "all take turns, pages kept, all threads", threads=0),
        Design(
            "processes-all",
            "whole processes in rounds, all threads",
            "none",
            False,
            threads=0,
            budget_s=ALONE_S,
        ),
    )
}
"""``threads`` of 0 are all that are available."""


def run_design(
    design: Design,
    entries: Sequence[Entry],
    environment: Environment,
    time_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Record]:
    """Records of inference on 8000 samples; the first network is what the others are compared with.

    A group of processes begins when, by the time that one has taken, it would end in time.
    """
    start, longest_s, n_groups = clock(), 0.0, 0
    while clock() - start + longest_s <= time_s:
        began = clock()
        round_index, group = _group(design, entries, n_groups)
        players = _seat(design, group, round_index, environment)
        for record in measure_round(players, waits_for_quiet=design.together != "none"):
            yield _as_measured(design, record)
        longest_s = max(longest_s, clock() - began)
        n_groups += 1


def _group(design: Design, entries: Sequence[Entry], index: int) -> tuple[int, Sequence[Entry]]:
    """The round and the networks of the group with this number."""
    if design.together == "all":
        return index, entries
    base, *others = entries
    if design.together == "pairs":
        return index, (base, others[index % len(others)])
    return index // len(entries), (entries[index % len(entries)],)


def _seat(
    design: Design, group: Sequence[Entry], round_index: int, environment: Environment
) -> list[Player]:
    threads = design.threads or environment.machine.n_available_cpus
    effort = Effort(1, 0.0, 1.0, budget_s=design.budget_s, deadline_s=300.0)
    settings = Settings("cpu", 8000, 1, "float32", threads, 0, effort)
    jobs = [plan_job(entry, "inference", "latency", settings, round_index) for entry in group]
    return [
        Player(
            replace(job, workload=replace(job.workload, keeps_pages=design.keeps_pages)),
            environment,
            is_reference=place == 0,
            variables=design.variables,
        )
        for place, job in enumerate(jobs)
    ]


def _as_measured(design: Design, record: Record) -> Record:
    """Processes that ran alone took no turns."""
    if design.together == "none" and isinstance(record.result, LatencyTimes):
        return replace(record, result=replace(record.result, turns=None))
    return record
