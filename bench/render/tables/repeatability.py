"""reports/repeatability.md: how far ratios move from run to run."""

from collections.abc import Mapping, Sequence

from bench.registry import Entry
from bench.render.tables.markdown import markdown_table
from bench.results.record import Record, Status
from bench.results.repeatability import Repeatability, summarize_runs
from bench.results.timing import summarize_timing
from bench.units import format_significant

HEADS = (
    "Ratio",
    "Machine",
    "Pooled",
    "Runs",
    "Spread of the ratio",
    "Standard deviation",
    "Spread of the time itself",
    "Intervals that cover the pooled ratio",
    "Calls under contention",
    "Runs marked noisy",
)


def render_repeatability(
    runs: Mapping[str, Sequence[Sequence[Record]]], entries: Sequence[Entry], reference: Entry
) -> str:
    """``runs`` are the records of every run by condition (quiet, loaded).

    At least one record of them is of a measurement that succeeded.
    """
    rows, gaps = [], []
    for entry in entries:
        for condition, of_condition in runs.items():
            ratio = f"{entry.display_name} / {reference.display_name}"
            found = summarize_runs(of_condition, entry.name, reference.name)
            if found:
                marks = [f(of_condition, entry.name) for f in (_contended, _noisy)]
                rows.append([ratio, condition, *_figures(found), *marks])
            else:
                gaps.append(f"{ratio}, {condition}: fewer than two runs measured both in a round.")
    blocks = ["# Repeatability of ratios", _introduction(runs), markdown_table(HEADS, rows), *gaps]
    return "\n\n".join(blocks) + "\n"


def _figures(found: Repeatability) -> list[str]:
    levels = {run.interval.level for run in found.runs if run.interval}
    return [
        format_significant(found.pooled, 4),
        str(len(found.runs)),
        f"{found.spread:.1%}",
        f"{found.deviation:.1%}",
        f"{found.latency_spread:.1%}",
        f"{found.n_covering} of {len(found.runs)} (nominal {min(levels):.0%})"
        if levels
        else "none",
    ]


def _contended(runs: Sequence[Sequence[Record]], model: str) -> str:
    marks = [
        mark
        for run in runs
        for record in run
        if record.job.model == model
        for mark in record.measurement.get("contention", {}).get("is_contended", ())
        if mark is not None
    ]
    return f"{sum(marks) / len(marks):.0%}" if marks else "not known"


def _noisy(runs: Sequence[Sequence[Record]], model: str) -> str:
    """In how many runs the network's time is marked as noisy, as a report of that run would."""
    timings = [summarize_timing([r for r in run if r.job.model == model], ()) for run in runs]
    noises = [timing.noise for timing in timings if timing is not None]
    return f"{sum(map(bool, noises))} of {len(noises)}"


def _introduction(runs: Mapping[str, Sequence[Sequence[Record]]]) -> str:
    records = [record for of_condition in runs.values() for run in of_condition for record in run]
    first = next(record for record in records if record.status == Status.OK)
    machine, code = first.environment["machine"], first.environment["code"]
    n_rounds = 1 + max(record.job.round for record in records)
    return (
        f"Inference on {first.job.workload.n_samples} samples with {first.job.workload.threads} "
        f"thread(s) on {machine['cpu']} ({machine['n_available_cpus']} processors), {n_rounds} "
        "rounds a run, one fresh process of each network a round. Quiet and loaded runs take "
        "turns; loaded: another process keeps one processor busy. Spread: from the smallest to the "
        f"largest run, over the pooled value. Commit {code['commit'][:12]}, {first.started_at}."
    )
