"""Which forms of which network are timed next: a pure function of what was measured.

A round is one fresh process of each form of one network, side by side, and of eager float32, which
the others are compared with. Each form has three rounds, and more while its ratio is known less
well than the run aims at and time is left. Where memory does not hold all forms at once, a round
holds some of them, and eager float32 again.
"""

from collections.abc import Sequence
from dataclasses import replace

from bench.plan import Settings, plan_after, plan_contract_jobs, plan_job, sound
from bench.registry import Entry
from bench.results.measurements import LatencyTimes, ParameterCount
from bench.results.record import Job, Record, Status, results_of
from bench.results.statistics import MIN_PROCESSES
from bench.results.turns import estimate_ratio, estimate_time, times_by_round
from bench.results.workload import INFERENCE, Phase
from bench.rounds import MEMORY_SHARE, timed
from bench.runtimes import RUNTIMES

COPIES, COPIES_MEANWHILE = 2, 3
"""Of its weights that a process holds; and more, while it makes a form, one process at a time."""
PROCESS_BYTES = 600_000_000
"""Beside them: what the runtime and its compiler load, and activations."""


def plan_next_forms(
    entries: Sequence[Entry], forms: Sequence[Settings], records: Sequence[Record]
) -> list[Job]:
    """The jobs to run next; none when all is measured. The first form is eager float32."""
    base = forms[0]
    weights = [plan_job(entry, "inference", "parameters", base) for entry in entries]
    if first := plan_after(plan_contract_jobs(entries, base), weights, records):
        return first
    able = sound(entries, records)
    for entry in sorted(able, key=lambda entry: _next_round(entry, records)):
        if chosen := _choose(entry, forms, records):
            index = _next_round(entry, records)
            phase = _phase_of(base)
            timed_jobs = [plan_job(entry, phase, "latency", form, index) for form in chosen]
            return timed_jobs + _ceilings(entry, chosen, index)
    return []


def _phase_of(base: Settings) -> Phase:
    """Inference where the run has its forms."""
    return "gpu_inference" if base.update_device == "cuda" else "inference"


def _ceilings(entry: Entry, chosen: Sequence[Settings], index: int) -> list[Job]:
    """Of each dtype in which torch computes products, where the run asks for them."""
    base = chosen[0]
    if not base.roofline:
        return []
    dtypes = dict.fromkeys(form.dtype for form in chosen if form.dtype in RUNTIMES["eager"].dtypes)
    return [
        plan_job(entry, "inference", "ceilings", replace(base, dtype=dtype), index)
        for dtype in dtypes
    ]


def records_of(records: Sequence[Record], model: str, form: Settings | None = None) -> list[Record]:
    """The timed records of one network, of one form or of all."""
    found = [record for phase in INFERENCE for record in timed(records, phase, model)]
    if form is None:
        return found
    named = form.runtime, form.dtype
    return [r for r in found if (r.job.workload.runtime, r.job.workload.dtype) == named]


def _next_round(entry: Entry, records: Sequence[Record]) -> int:
    return 1 + max((r.job.round for r in records_of(records, entry.name)), default=-1)


def _choose(entry: Entry, forms: Sequence[Settings], records: Sequence[Record]) -> list[Settings]:
    """Eager float32 and those that need a round, as many as there is memory for; or none."""
    base, *others = forms
    if _has_failed(entry, base, records):
        return []
    is_late = _spent_s(records) > base.effort.time_s
    wanting = [form for form in others if _wants(entry, form, records, forms[0], is_late)]
    if wanting:
        fewest = min(_n_rounds(entry, form, records) for form in wanting)
        wanting = [form for form in wanting if _n_rounds(entry, form, records) == fewest]
        return [base, *wanting[: max(1, _n_at_once(entry, records) - 1)]]
    return [base] if _wants(entry, base, records, None, is_late) and not others else []


def _wants(
    entry: Entry,
    form: Settings,
    records: Sequence[Record],
    base: Settings | None,
    is_late: bool,
) -> bool:
    """Whether a form needs a further round; of eager float32 alone the time decides."""
    n_rounds = _n_rounds(entry, form, records)
    if _has_failed(entry, form, records) or n_rounds >= form.effort.max_rounds:
        return False
    if n_rounds < MIN_PROCESSES:
        return True
    own = records_of(records, entry.name, form)
    found = (
        estimate_ratio(own, records_of(records, entry.name, base))
        if base
        else estimate_time(times_by_round(own).values())
    )
    is_wide = found is None or found.half_width > form.effort.precise_within
    return is_wide and not is_late


def _n_rounds(entry: Entry, form: Settings, records: Sequence[Record]) -> int:
    return len(records_of(records, entry.name, form))


def _has_failed(entry: Entry, form: Settings, records: Sequence[Record]) -> bool:
    own = records_of(records, entry.name, form)
    return any(r.status not in (Status.OK, Status.INTERRUPTED) for r in own)


def _spent_s(records: Sequence[Record]) -> float:
    """In calls and the waits before them; what preparing takes is not counted."""
    times = [found for _, found in results_of(LatencyTimes, records)]
    return sum(sum(found.times_s) + (found.waited_s or 0.0) for found in times)


def _n_at_once(entry: Entry, records: Sequence[Record]) -> int:
    """How many processes of this network the memory holds that was free when the run began."""
    own = [record for record in records if record.job.model == entry.name]
    weights = [found.weight_bytes for _, found in results_of(ParameterCount, own)]
    free = [r.state.memory_available_bytes for r in records if r.state]
    known = [size for size in free if size is not None]
    if not known or not weights:
        return len(records) + 1
    room = MEMORY_SHARE * known[0] - COPIES_MEANWHILE * weights[0]
    return int(room / (COPIES * weights[0] + PROCESS_BYTES))
