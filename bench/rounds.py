"""Which networks take part in the next round of times: a pure function of what was measured.

A round is one fresh process of each of several networks, side by side
(``bench.measuring.conductor``). Each network needs three, and gets more while its ratio is known
less well than the run aims at and time is left: those that are not well known go on, the others
leave. One that can't have three in time has one. The network that the others are compared with is
in every round.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import mean, median, stdev

from bench.plan import Settings, plan_energy, plan_exact, plan_job, sound
from bench.registry import NULL, Entry
from bench.results.measurements import LatencyTimes, MemoryPeaks
from bench.results.record import Job, Record, Status, results_of
from bench.results.statistics import MIN_CALLS, MIN_PROCESSES, Estimate
from bench.results.summary import choose_base
from bench.results.turns import estimate_ratio, estimate_time, ratios_of_turns, times_by_round
from bench.results.workload import GPU_PHASES, Phase

GRACE = 1.2
"""Times the time to spend, until which a network has its first three rounds."""
MEMORY_SHARE = 0.8
"""Of the memory that was free when the run began, for all processes of a round."""
COST_OF_MEMORY = 0.5
"""A round's cost before the first, over the time that measuring the same step's memory took."""
UNKNOWN_BYTES = 500_000_000
"""Of a process whose peak was not measured."""


@dataclass(frozen=True)
class Standing:
    """What is known of one network's times in one phase."""

    entry: Entry
    n_tries: int
    n_rounds: int  # that gave times
    n_calls: int  # undisturbed
    has_failed: bool
    cost_s: float  # that a round takes of the time to spend; a guess before the first
    half_width: float  # of its ratio to the base, or of its time where it is the base

    @property
    def needs_first(self) -> bool:
        """Whether it has too few processes or calls for a value."""
        has_few = self.n_rounds < MIN_PROCESSES or self.n_calls < MIN_CALLS
        return not self.has_failed and has_few

    @property
    def missing_s(self) -> float:
        """What it takes to have enough of them."""
        return self.cost_s * max(1, MIN_PROCESSES - self.n_rounds) if self.needs_first else 0.0

    @property
    def least_s(self) -> float:
        """What it takes to have one round, which every network has."""
        return self.cost_s if self.needs_first and self.n_tries == 0 else 0.0


def plan_next(entries: Sequence[Entry], settings: Settings, records: Sequence[Record]) -> list[Job]:
    """The jobs to run next, given the records of the run so far; none when it is complete."""
    if exact := plan_exact(entries, settings, records):
        return exact
    able = sound(entries, records)
    timed_jobs = plan_round(able, settings, records)
    return timed_jobs or (plan_energy(able, settings, records) if settings.energy else [])


def plan_round(
    entries: Sequence[Entry], settings: Settings, records: Sequence[Record]
) -> list[Job]:
    """One more process of each network that needs one, in the phase that has fewer rounds.

    The first of them is the one that the others are compared with. Times of other workloads are no
    rounds of this one.
    """
    records = [record for record in records if _is_like(record, settings)]
    for phase in sorted(settings.phases, key=lambda phase: _next_round(phase, records)):
        if chosen := _choose(entries, phase, settings, records):
            index = _next_round(phase, records)
            jobs = [plan_job(entry, phase, "latency", settings, index) for entry in chosen]
            if phase != "update":
                jobs.append(_own_cost(phase, settings, index))
            if settings.roofline and phase == "inference":
                jobs += [plan_job(entry, phase, "ceilings", settings, index) for entry in chosen]
            return jobs
    return []


def _is_like(record: Record, settings: Settings) -> bool:
    """Whether it is of the workload of these settings."""
    made = record.job.workload
    asked = settings.workload(made.phase).at(made.sample_rate)
    return made == replace(asked, keeps_pages=record.job.spec.keeps_pages)


def _own_cost(phase: Phase, settings: Settings, index: int) -> Job:
    """The harness's own cost, of a network that does nothing, and so has nothing to train."""
    return replace(plan_job(NULL, phase, "latency", settings, index), budget_s=0.0)


def _next_round(phase: Phase, records: Sequence[Record]) -> int:
    return 1 + max((record.job.round for record in timed(records, phase)), default=-1)


def timed(records: Iterable[Record], phase: Phase, model: str | None = None) -> list[Record]:
    """The records of times in one phase, of all networks or one."""
    return [
        record
        for record in records
        if (record.job.probe, record.job.workload.phase) == ("latency", phase)
        and model in (None, record.job.model)
    ]


def charged_s(record: Record) -> float:
    """What a process takes of the time to spend.

    All that it took, on a machine without a GPU. With one, its calls and the waits before them, and
    loading on the CPU: CUDA takes seconds to start in each process, and its driver to tell of the
    GPU, whatever is measured.
    """
    times, on_gpu = record.result, record.job.workload.device == "cuda"
    has_gpu = on_gpu or (record.environment and record.environment.machine.gpu)
    if not has_gpu or not isinstance(times, LatencyTimes):
        return record.elapsed_s
    load_s = 0.0 if on_gpu else times.load_s or 0.0
    return load_s + sum(times.host_times_s or times.times_s) + (times.waited_s or 0.0)


def _choose(
    entries: Sequence[Entry], phase: Phase, settings: Settings, records: Sequence[Record]
) -> list[Entry]:
    """The base and those that need a round and fit into the time and the memory; or nobody."""
    standings = _standings(entries, phase, records)
    able = [standing for standing in standings if not standing.has_failed]
    if not able:
        return []
    name = choose_base([standing.entry.name for standing in able])
    base = next(standing for standing in able if standing.entry.name == name)
    effort = settings.effort
    wanting = [
        standing
        for standing in able
        if standing.n_rounds < effort.max_rounds
        and (standing.needs_first or standing.half_width > effort.precise_within)
        and (standing is not base or standing.needs_first or len(able) == 1)
    ]
    spent = [r for p in settings.phases for r in timed(records, p)]
    left_s = effort.time_s - sum(map(charged_s, spent))
    grace_s = left_s + (GRACE - 1) * effort.time_s
    affordable, reserved_s = _reserve(entries, grace_s, settings.phases, records)
    is_last_of_first = all(
        standing.n_rounds >= MIN_PROCESSES - 1
        for standing in able
        if (phase, standing.entry.name) in affordable
    )
    room = _free_bytes(phase, settings, records) - _bytes_of(base.entry, phase, records)
    spent_s = base.cost_s
    chosen: list[Entry] = []
    for standing in sorted(wanting, key=lambda s: (s.n_rounds, s.cost_s)):
        needed = _bytes_of(standing.entry, phase, records)
        if standing.needs_first and (phase, standing.entry.name) in affordable:
            limit_s = grace_s
        elif standing.needs_first:
            is_due = standing.n_tries == 0 and is_last_of_first
            limit_s = math.inf if is_due else -math.inf
        else:
            limit_s = left_s - reserved_s
        is_base = standing is base
        cost_s = 0.0 if is_base else standing.cost_s
        if spent_s + cost_s <= limit_s and (is_base or needed <= room or not chosen):
            spent_s += cost_s
            room -= 0.0 if is_base else needed
            chosen.append(standing.entry)
    return [base.entry, *(entry for entry in chosen if entry is not base.entry)] if chosen else []


def _reserve(
    entries: Sequence[Entry], left_s: float, phases: Sequence[Phase], records: Sequence[Record]
) -> tuple[set[tuple[Phase, str]], float]:
    """Who can have enough rounds in the time left, and what all that must be takes.

    Cheap ones come first: one network that takes most of the time would leave none a value. The
    others have one round, beside the third of those that have three.
    """
    standings = [(phase, s) for phase in phases for s in _standings(entries, phase, records)]
    reserved_s = sum(standing.least_s for _, standing in standings)
    affordable: set[tuple[Phase, str]] = set()
    for phase, standing in sorted(standings, key=lambda item: item[1].missing_s):
        further_s = standing.missing_s - standing.least_s
        if reserved_s + further_s <= left_s:
            reserved_s += further_s
            affordable.add((phase, standing.entry.name))
    return affordable, reserved_s


def _standings(entries: Sequence[Entry], phase: Phase, records: Sequence[Record]) -> list[Standing]:
    found = {entry.name: timed(records, phase, entry.name) for entry in entries}
    failed = {
        name: any(r.status not in (Status.OK, Status.INTERRUPTED) for r in own)
        for name, own in found.items()
    }
    able = [entry.name for entry in entries if not failed[entry.name]]
    base = choose_base(able)
    return [
        Standing(
            entry,
            n_tries=len(found[entry.name]),
            n_rounds=len(times_by_round(found[entry.name])),
            n_calls=sum(len(t.undisturbed) for t in times_by_round(found[entry.name]).values()),
            has_failed=failed[entry.name],
            cost_s=_cost_s(entry, phase, found[entry.name], records),
            half_width=_half_width(found[entry.name], found[base] if base else ()),
        )
        for entry in entries
    ]


def _cost_s(entry: Entry, phase: Phase, own: Sequence[Record], records: Sequence[Record]) -> float:
    """Of a round, by those that there were; before that by the same step under another probe."""
    if own:
        return mean(map(charged_s, own))
    alike = (entry.name, phase, "memory")
    return COST_OF_MEMORY * sum(
        charged_s(r)
        for r in records
        if (r.job.model, r.job.workload.phase, r.job.probe) == alike
        and r.job.workload.device == "cpu"
    )


def _half_width(own: Sequence[Record], base: Sequence[Record]) -> float:
    """Of the ratio; of the base, whose ratio is 1, of the time."""
    rounds = list(times_by_round(own).values())
    if not rounds:
        return float("inf")
    is_base = own[0].job.model == base[0].job.model if base else True
    found: Estimate | None = estimate_time(rounds) if is_base else estimate_ratio(own, base)
    return found.half_width if found else float("inf")


def _free_bytes(phase: Phase, settings: Settings, records: Sequence[Record]) -> float:
    """Memory for the processes of a round, of a GPU where they run on one."""
    machines = [r.environment.machine for r in records if r.environment]
    if settings.workload(phase).device == "cuda":
        gpus = [machine.gpu.memory_bytes for machine in machines if machine.gpu]
        return MEMORY_SHARE * gpus[0] if gpus else float("inf")
    free = [r.state.memory_available_bytes for r in records if r.state]
    known = [size for size in free if size is not None]
    return MEMORY_SHARE * known[0] if known else float("inf")


def _bytes_of(entry: Entry, phase: Phase, records: Sequence[Record]) -> int:
    """The peak of a network's process in one phase."""
    peaks = [
        peaks.cold_process_bytes or peaks.cold_peak_reserved_bytes or peaks.peak_rss_bytes
        for record, peaks in results_of(MemoryPeaks, records)
        if (record.job.model, record.job.workload.phase) == (entry.name, phase)
    ]
    return next(filter(None, peaks), UNKNOWN_BYTES)


def expected_precision(records: Sequence[Record], base: str) -> float | None:
    """Half an interval of three rounds over its value, as the turns of the first one promise.

    The median over networks. Between rounds times may differ by more. None before there are two
    turns of two networks.
    """
    found = []
    for phase in GPU_PHASES:
        first = {r.job.model: t for r, t in results_of(LatencyTimes, timed(records, phase))}
        others = [t for model, t in first.items() if model not in (base, NULL.name)]
        ratios = [ratios_of_turns(times, first[base]) for times in others if base in first]
        found += [_promise(values) for values in ratios if len(values) >= 2]
    return median(found) if found else None


def _promise(ratios: Sequence[float]) -> float:
    """The deviation of the median of so many values (1.25 that of a mean), by Student's t of 3."""
    return 4.3 * 1.25 * stdev(ratios) / mean(ratios) / math.sqrt(len(ratios) * MIN_PROCESSES)
