"""The section of a report on time: intervals, ratios, percentiles and parts."""

from collections.abc import Iterable, Mapping

from bench.registry import REGISTRY, SAMPLE_RATE
from bench.render.tables.markdown import markdown_table
from bench.results.statistics import Estimate, needed_samples
from bench.results.summary import RunSummary
from bench.results.timing import SHARES, LatencySummary
from bench.results.workload import PHASES, Phase
from bench.units import format_si, format_significant

TITLES: dict[Phase, str] = {"inference": "Inference (I)", "update": "Training step (B)"}


def render_timing(summary: RunSummary) -> Iterable[str]:
    """Markdown blocks; none for a run that timed nothing."""
    if not any(model.timings for model in summary.models):
        return
    yield "## Time"
    yield _introduction(summary)
    for phase in PHASES:
        rows = [
            [
                model.entry.display_name,
                *_row(model.timings[phase], summary, model.entry.name == summary.base),
            ]
            for model in summary.models
            if phase in model.timings
        ]
        if rows:
            yield f"### {TITLES[phase]}"
            yield markdown_table(_heads(summary), rows)
    if parts := _parts_table(summary):
        yield "### The parts of a training step"
        yield parts
    yield _overhead(summary)


def _introduction(summary: RunSummary) -> str:
    return (
        "Median over fresh processes of each process's median, with a bootstrap interval over "
        "processes (95 %, or the level in brackets where there are too few of them for that). "
        f"Ratio: to {_name(summary.base)}, process by process within a round, so that a drift "
        "of the machine cancels; of two runs or two machines, compare ratios and not times. "
        "Percentiles of single calls appear from 29, 59 and 299 calls on. Contended: calls during "
        "which something else used the processors; they are in the values. Ended by: what ended "
        "the calls of most processes: precision (they agreed), budget (their time was spent) or "
        "repeats (there were enough). Real-time factor: "
        "time over audio duration, below 1 is faster than real time."
    )


def _name(model: str | None) -> str:
    return REGISTRY[model].display_name if model in REGISTRY else str(model)


def _heads(summary: RunSummary) -> list[str]:
    return [
        "Model",
        "Median",
        f"Ratio to {_name(summary.base)}",
        *(f"p{100 * share:.0f}" for share in SHARES),
        "First call",
        "Mixtures per second",
        "Real-time factor",
        "Processes, calls",
        "Ended by",
        "Contended",
    ]


def _row(timing: LatencySummary, summary: RunSummary, is_base: bool) -> list[str]:
    value_s, batch = timing.latency.value, summary.workload.batch
    audio_s = summary.workload.n_samples * batch / SAMPLE_RATE
    n_samples = timing.latency.n_samples
    contended = (
        "not known" if timing.n_contended is None else f"{timing.n_contended / n_samples:.0%}"
    )
    return [
        format_si(value_s, "s") + _plus_minus(timing.latency),
        _ratio(timing, is_base),
        *(_percentile(timing, share) for share in SHARES),
        "not known" if timing.first_s is None else format_si(timing.first_s, "s"),
        format_significant(batch / value_s),
        format_significant(value_s / audio_s),
        f"{timing.latency.n_processes}, {n_samples}",
        timing.stopped_by,
        contended + (" (noisy)" if timing.doubts else ""),
    ]


def _ratio(timing: LatencySummary, is_base: bool) -> str:
    if is_base:
        return "1"
    if timing.ratio is None:
        return "no round in common"
    return format_significant(timing.ratio.value) + _plus_minus(timing.ratio)


def _plus_minus(estimate: Estimate) -> str:
    """The interval as a share of the value; its level where that is not 95 %."""
    interval = estimate.interval
    if interval is None:
        return " (one process)"
    level = "" if interval.level == 0.95 else f" ({interval.level:.0%})"
    below = 1 - interval.low / estimate.value
    above = interval.high / estimate.value - 1
    return f"<br>−{100 * below:.1f} +{100 * above:.1f} %{level}"


def _percentile(timing: LatencySummary, share: float) -> str:
    value_s = timing.percentiles_s[share]
    return f"needs {needed_samples(share)}" if value_s is None else format_si(value_s, "s")


def _parts_table(summary: RunSummary) -> str:
    timed = [model for model in summary.models if "update" in model.timings]
    timed = [model for model in timed if model.timings["update"].parts_s]
    if not timed:
        return ""
    names = list(timed[0].timings["update"].parts_s)
    rows = []
    for model in timed:
        parts_s = model.timings["update"].parts_s
        rows.append(
            [
                model.entry.display_name,
                *(f"{format_si(parts_s[name], 's')} ({_share(parts_s, name)})" for name in names),
            ]
        )
    return markdown_table(["Model", *(name.replace("_", " ") for name in names)], rows)


def _share(parts_s: Mapping[str, float], name: str) -> str:
    return f"{parts_s[name] / sum(parts_s.values()):.0%}"


def _overhead(summary: RunSummary) -> str:
    if summary.overhead is None:
        return "The harness's own cost was not measured in this run."
    return (
        "The harness's own cost, of a null model that returns its input: "
        f"{format_si(summary.overhead.latency.value, 's')} a call."
    )
