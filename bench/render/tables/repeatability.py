"""reports/repeatability.md: how far ratios move from run to run."""

from collections.abc import Mapping, Sequence

from bench.registry import Entry
from bench.render.tables.markdown import markdown_table
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, results_of
from bench.results.repeatability import Repeatability, summarize_runs
from bench.results.timing import summarize_latency
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
                rows.append([ratio, condition, *_values(found), *marks])
            else:
                gaps.append(f"{ratio}, {condition}: fewer than two runs measured both in a round.")
    blocks = ["# Repeatability of ratios", _introduction(runs), markdown_table(HEADS, rows), *gaps]
    return "\n\n".join(blocks) + "\n"


def _values(found: Repeatability) -> list[str]:
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
        call.is_contended
        for run in runs
        for record, times in results_of(LatencyTimes, run)
        if record.job.model == model
        for call in times.calls
        if call.is_contended is not None
    ]
    return f"{sum(map(bool, marks)) / len(marks):.0%}" if marks else "not known"


def _noisy(runs: Sequence[Sequence[Record]], model: str) -> str:
    """In how many runs the network's time is doubtful, as a report of that run would say."""
    timings = [summarize_latency([r for r in run if r.job.model == model], ()) for run in runs]
    doubts = [timing.doubts for timing in timings if timing is not None]
    return f"{sum(map(bool, doubts))} of {len(doubts)}"


def _introduction(runs: Mapping[str, Sequence[Sequence[Record]]]) -> str:
    records = [record for of_condition in runs.values() for run in of_condition for record in run]
    first, environment = next((r, r.environment) for r in records if r.environment)
    machine, code = environment.machine, environment.code
    n_rounds = 1 + max(record.job.round for record in records)
    return (
        f"Inference on {first.job.workload.n_samples} samples with {first.job.workload.threads} "
        f"thread(s) on {machine.cpu} ({machine.n_available_cpus} processors), {n_rounds} "
        "rounds a run, one fresh process of each network a round. Quiet and loaded runs take "
        "turns; loaded: another process keeps one processor busy. Spread: from the smallest to the "
        f"largest run, over the pooled value. Commit {code.commit[:12]}, {first.started_at}."
    )
