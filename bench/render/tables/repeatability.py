"""reports/repeatability.md: how far ratios of times move from run to run, by design."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain

from bench.designs import Design
from bench.registry import Entry
from bench.render.tables.markdown import markdown_table
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, results_of
from bench.results.repeatability import Repeatability, repeat_ratio, repeat_time
from bench.units import format_significant

Runs = Mapping[tuple[str, str], Sequence[Sequence[Record]]]
"""The records of every run, by the name of its design and the condition of the machine."""

HEADS = (
    "Ratio",
    "Design",
    "Machine",
    "Pooled",
    "Runs",
    "Standard deviation",
    "without selection",
    "Half an interval, median",
    "Intervals that cover the pooled ratio",
    "Marked",
    "Not marked, and off by more than 10 %",
    "Standard deviation of the time itself",
    "Disturbed calls",
)


def render_repeatability(
    runs: Runs, designs: Mapping[str, Design], entries: Sequence[Entry], base: Entry, time_s: float
) -> str:
    """At least one record of the runs is of a measurement that succeeded."""
    rows, gaps = [], []
    for entry in entries:
        ratio = f"{entry.display_name} / {base.display_name}"
        for (name, condition), of_kind in runs.items():
            selects = designs[name].together != "none"
            found = repeat_ratio(of_kind, entry.name, base.name, selects)
            if found is None:
                gaps.append(f"{ratio}, {name}, {condition}: fewer than two runs have the ratio.")
                continue
            plain = repeat_ratio(of_kind, entry.name, base.name, selects=False)
            time = repeat_time(of_kind, entry.name, selects)
            rows.append(
                [
                    ratio,
                    name,
                    condition,
                    *_values(found, plain),
                    f"{time.deviation:.1%}" if time else "not known",
                    _disturbed(of_kind, entry.name),
                ]
            )
    texts = [f"- {name}: {designs[name].text}" for name in dict.fromkeys(key[0] for key in runs)]
    blocks = [
        "# Repeatability of ratios",
        _introduction(runs, time_s),
        "\n".join(texts),
        markdown_table(HEADS, rows),
        *gaps,
    ]
    return "\n\n".join(blocks) + "\n"


def _values(found: Repeatability, plain: Repeatability | None) -> list[str]:
    n_runs = len(found.runs)
    return [
        format_significant(found.pooled, 4),
        str(n_runs),
        f"{found.deviation:.1%}",
        f"{plain.deviation:.1%}" if plain else "not known",
        f"{found.half_width:.1%}" if math.isfinite(found.half_width) else "one round",
        f"{found.n_covering} of {n_runs}",
        f"{found.n_marked} of {n_runs}",
        f"{found.n_wrong} of {n_runs - found.n_marked}",
    ]


def _disturbed(runs: Sequence[Sequence[Record]], model: str) -> str:
    calls = [
        call
        for record, times in results_of(LatencyTimes, chain.from_iterable(runs))
        if record.job.model == model
        for call in times.calls
    ]
    return f"{sum(call.is_disturbed for call in calls) / len(calls):.0%}" if calls else "not known"


def _introduction(runs: Runs, time_s: float) -> str:
    records = [record for of_kind in runs.values() for run in of_kind for record in run]
    first, environment = next((r, r.environment) for r in records if r.environment)
    machine, code = environment.machine, environment.code
    return (
        f"Inference on {first.job.workload.n_samples} samples on {machine.cpu} "
        f"({machine.n_available_cpus} processors), runs of {time_s:g} s, loading included; runs of "
        "all designs and conditions take turns. Loaded: beside a process that keeps one processor "
        "busy half of the time, in random bursts of 0.2 to 5 s. Whole processes count all of their "
        "calls, as they did in version 0.2; the others count those that the kernel's counters show "
        "as undisturbed. Marked: a table would print a range, or the value with a dagger. Pooled: "
        f"over the rounds of all runs of the row. Commit {code.commit[:12]}, {first.started_at}."
    )
