"""Rounds of times for tests: whole runs of made-up records."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from random import Random

from hypothesis import strategies as st

from bench.plan import Effort, Settings
from bench.registry import NULL, REGISTRY, TABLE1, Entry
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record, Status
from bench.results.summary import BASE
from bench.results.workload import PHASES, Phase
from bench.rounds import (
    plan_round,
    timed,
)
from tests.bench.example_records import (
    SETTINGS,
    fail,
    make_record,
)

Answer = Callable[[Job], Record]
SUDORMRF = REGISTRY[BASE]
NETWORKS = (TABLE1[0], SUDORMRF, TABLE1[2])
LONG = Effort(3, 1e9, 0.0, budget_s=0.5, deadline_s=60.0)
subsets = st.lists(st.sampled_from(TABLE1), min_size=1, max_size=5, unique=True)


def answer(job: Job) -> Record:
    """Calls that scatter by five percent, another way in each process."""
    noise = Random(f"{job.model} {job.workload.phase} {job.round}")
    times_s = tuple(math.exp(noise.gauss(0, 0.05)) for _ in range(3))
    return make_record(job, LatencyTimes(times_s, turns=(0, 1, 2)))


def steady(job: Job) -> Record:
    """Equal in all rounds."""
    return make_record(job, LatencyTimes((1.0, 1.0), turns=(0, 1)))


def lasting(elapsed_s: float) -> Answer:
    return lambda job: replace(answer(job), elapsed_s=elapsed_s)


def failing(models: Iterable[str], status: Status, phases: Sequence[Phase] = PHASES) -> Answer:
    def measure(job: Job) -> Record:
        is_failing = job.model in models and job.workload.phase in phases
        return fail(answer(job), status, "So it is.") if is_failing else answer(job)

    return measure


def run_rounds(
    entries: Sequence[Entry],
    effort: Effort = LONG,
    measure: Answer = answer,
    known: Iterable[Record] = (),
    settings: Settings = SETTINGS,
) -> list[Record]:
    """All rounds of a run, each job answered at once."""
    records = list(known)
    while jobs := plan_round(entries, replace(settings, effort=effort), records):
        records += map(measure, jobs)
        assert len(records) < 400, "it does not end"
    return records


def rounds_of(records: Iterable[Record], phase: Phase) -> list[list[str]]:
    """The networks of each round of a phase, in their order; those of the harness left out."""
    return [
        [record.job.model for record in group if record.job.model != NULL.name]
        for _, group in groupby(timed(records, phase), key=lambda record: record.job.round)
    ]


def numbers_of(records: Iterable[Record], phase: Phase) -> Counter[str]:
    return Counter(name for names in rounds_of(records, phase) for name in names)


def base_of(entries: Sequence[Entry]) -> str:
    return BASE if SUDORMRF in entries else entries[0].name
