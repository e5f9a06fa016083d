"""A run of forms as runs of the page: one for each runtime and precision, with times alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.results.form_summary import FormSummary, is_of_forms, summarize_forms
from bench.results.record import Record
from bench.results.summary import NOT_MEASURED, ModelSummary, RunSummary, Value, summarize


def summarize_for_page(records: Sequence[Record]) -> list[RunSummary]:
    """What the records of one file say, of a run of forms one summary for each form.

    Raises:
        UsageError: no records, or records that can't share a table.
    """
    return list(_of_forms(records)) if is_of_forms(records) else [summarize(records)]


def _of_forms(records: Sequence[Record]) -> Iterator[RunSummary]:
    """Eager float32 first, which has all that the run measured."""
    eager = summarize([r for r in records if not r.job.workload.is_compared])
    yield eager
    known = {model.entry.name: model for model in eager.models}
    others = [form for form in summarize_forms(records) if not form.is_base]
    for kind in dict.fromkeys((form.workload.runtime, form.workload.dtype) for form in others):
        own = [f for f in others if (f.workload.runtime, f.workload.dtype) == kind]
        models = tuple(_model(form, known[form.entry.name]) for form in own)
        # Ratios of a run of forms are to eager float32, and not to a base network.
        shared = replace(eager, base=None, overhead=None, roofline=None)
        yield replace(shared, workload=own[0].workload, models=models)


def _model(form: FormSummary, plain: ModelSummary) -> ModelSummary:
    """The time of one form; what eager float32 costs besides says nothing of it."""
    nothing = dict.fromkeys(plain.values, NOT_MEASURED)
    values = nothing | {f"latency_s_{form.workload.phase}": _time(form)}
    return replace(plain, values=values, timings={}, unknown_operators={}, gpu={})


def _time(form: FormSummary) -> Value:
    if form.timing is None:
        return Value(None, form.status, form.reason)
    latency, doubts = form.timing.latency, form.timing.doubts
    if not latency.is_trusted:
        return Value(None, doubts=doubts, span=latency.span)
    return Value(latency.value, doubts=doubts, interval=latency.interval)
