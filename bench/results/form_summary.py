"""From the records of a run of forms to one row of each form of each network."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.errors import UsageError
from bench.registry import REGISTRY, Entry
from bench.results.form import Form
from bench.results.measurements import LatencyTimes
from bench.results.one_table import require_one_place
from bench.results.record import Record, Status, broken_networks, results_of
from bench.results.timing import LatencySummary, summarize_latency
from bench.results.workload import Workload


@dataclass(frozen=True)
class FormSummary:
    """One form of one network; without a ``timing``, status and reason say why.

    ``form`` is that of the first process; eager float32 has none. ``preparation_s`` is the median
    over processes, each a form of its own. ``pays_after`` is the number of calls from which on the
    form, its preparation included, has taken less time than eager float32; None: never.
    """

    entry: Entry
    workload: Workload
    status: Status = Status.OK
    reason: str = ""
    timing: LatencySummary | None = None
    form: Form | None = None
    preparation_s: float | None = None
    threads_used: float | None = None
    pays_after: int | None = None

    @property
    def is_base(self) -> bool:
        """Whether it is eager float32, which the others are compared with."""
        return not self.workload.is_compared


def is_of_forms(records: Iterable[Record]) -> bool:
    """Whether they are of a run of forms, which has several of a network."""
    works = [r.job.workload for r in records if r.job.probe == "latency"]
    return len({(work.runtime, work.dtype) for work in works}) > 1


def summarize_forms(records: Sequence[Record]) -> list[FormSummary]:
    """The forms of every network, networks in the order of the registry, eager float32 first.

    Raises:
        UsageError: no records of runtimes, or of several places or sizes.
    """
    timed = [record for record in records if record.job.probe == "latency"]
    if not records:
        raise UsageError("There are no complete records to report on.")
    require_one_place(records)
    sizes = {
        (r.job.workload.n_samples, r.job.workload.batch, r.job.workload.threads) for r in timed
    }
    if len(sizes) > 1:
        raise UsageError("These records are of several lengths, batches or threads. Report on one.")
    broken = broken_networks(records)
    found: list[FormSummary] = []
    for entry in _entries(records):
        if record := broken.get(entry.name):
            work = record.job.workload
            found.append(FormSummary(entry, work, record.status, record.reason))
        found += _forms_of(entry, [r for r in timed if r.job.model == entry.name])
    return found


def _entries(records: Sequence[Record]) -> list[Entry]:
    factories = {record.job.model: record.job.factory for record in records}
    registered = [entry for name, entry in REGISTRY.items() if name in factories]
    own = [Entry(name, name, path) for name, path in factories.items() if name not in REGISTRY]
    return [*registered, *own]


def _forms_of(entry: Entry, records: Sequence[Record]) -> list[FormSummary]:
    by_form: dict[Workload, list[Record]] = {}
    for record in records:
        by_form.setdefault(record.job.workload, []).append(record)
    base = next((own for work, own in by_form.items() if not work.is_compared), [])
    plain = summarize_latency(base, base)
    return [_summarize(entry, own, base, plain) for own in by_form.values()]


def _summarize(
    entry: Entry, own: Sequence[Record], base: Sequence[Record], plain: LatencySummary | None
) -> FormSummary:
    """One form; where one of its processes failed, no time of another stands for it."""
    work = own[0].job.workload
    failed = next((r for r in own if r.status not in (Status.OK, Status.INTERRUPTED)), None)
    timing = summarize_latency(own, base)
    if failed or timing is None:
        record = failed or own[0]
        return FormSummary(entry, work, record.status, record.reason)
    times = [found for _, found in results_of(LatencyTimes, own)]
    forms = [found.form for found in times if found.form]
    used = [found.threads_used for found in times if found.threads_used is not None]
    preparation_s = median(form.preparation_s for form in forms) if forms else None
    return FormSummary(
        entry,
        work,
        timing=timing,
        form=forms[0] if forms else None,
        preparation_s=preparation_s,
        threads_used=median(used) if used else None,
        pays_after=None if plain is None else pays_after(plain, timing, preparation_s or 0.0),
    )


def pays_after(plain: LatencySummary, timing: LatencySummary, preparation_s: float) -> int | None:
    """Calls after which preparation, first call and the others take less than those of eager.

    None where a call takes as long as eager's or longer, or where that is not known.
    What a call saves is by the ratio of calls that took turns: each one's own time holds what has
    disturbed it alone. First calls that were not measured count as the others.
    """
    if timing.ratio is None or timing.ratio.value >= 1:
        return None
    saved_s = plain.latency.value * (1 - timing.ratio.value)
    first_s = timing.first_s or timing.latency.value
    plain_first_s = plain.first_s or plain.latency.value
    return 1 + max(0, math.ceil((preparation_s + first_s - plain_first_s) / saved_s))
