"""The section of a report on time: intervals, ratios, percentiles and parts."""

from collections.abc import Callable, Iterable

from bench.render.columns import ratio_to_base
from bench.render.estimates import NOISY, format_time
from bench.render.provenance import describe_threads
from bench.render.tables.markdown import markdown_table, plain
from bench.results.statistics import (
    LEVEL,
    MIN_CALLS,
    MIN_PROCESSES,
    WIDEST,
    Estimate,
    needed_samples,
)
from bench.results.summary import ModelSummary, RunSummary
from bench.results.timing import SHARES, LatencySummary
from bench.results.workload import Phase
from bench.units import format_range, format_si, format_significant

TITLES: dict[Phase, str] = {
    "inference": "Inference (I)",
    "update": "Training step (B)",
    "gpu_inference": "Inference on the GPU",
}
INTERVAL = f"{100 * LEVEL:.0f} %"
TURNS = (
    "In each round, fresh processes of all networks live side by side and make one call at a time, "
    "in random order: a turn is one call of each. A ratio is formed between two calls of one turn, "
    "so that what slows the machine for longer than a turn cancels."
)
ALONE = (
    "In each round, a fresh process of each network ran alone, one after another. A ratio is "
    "formed between the medians of two processes of one round."
)
KEPT = (
    "The C library's malloc kept the pages that a call freed; with its defaults many would go back "
    "to the kernel, and the next call would fault them in anew."
)
GIVEN_BACK = (
    "The C library's malloc gave many of the pages that a call freed back to the kernel, and the "
    "next call faulted them in anew, which is part of these times."
)
VALUES = (
    "Calls during which the kernel's counters show other work are left out; Disturbed is their "
    "share. Time and ratio: the middle over rounds of each round's median, ± half the interval "
    f"({INTERVAL}) over rounds. A range marked noisy stands where too few calls or processes are "
    f"left, or half the interval is {100 * WIDEST:.0f} % or more. A ratio is not known where no "
    "round has undisturbed calls of both networks. Of two runs or two machines, compare ratios and "
    "not times."
)
COLUMNS = (
    "Percentiles are of single undisturbed calls, and appear from 29, 59 and 299 of them on. "
    "Real-time factor: time over audio duration, below 1 is faster than real time. Ended by: what "
    "ended the calls of most processes: budget (their time in the round was spent) or turns (there "
    "were enough). Page faults: minor ones, the median of all calls."
)


def render_timing(summary: RunSummary) -> Iterable[str]:
    """Markdown blocks; none for a run that timed nothing."""
    if not any(model.timings for model in summary.models):
        return
    yield "## Time"
    yield _introduction(summary)
    for phase in summary.phases:
        rows = [
            [plain(model.entry.display_name), *_row(model, phase, summary)]
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


def describe_times(summary: RunSummary) -> Iterable[str]:
    """A caption for a table with times: what stands beside them, and how they were obtained."""
    if not any(model.timings for model in summary.models):
        return
    together = "turns" if summary.took_turns else "rounds"
    yield (
        f"A time is followed by half its interval ({INTERVAL}, over rounds of fresh processes) and "
        f"by its ratio to {plain(summary.base_name)} in the same {together}. In the place of one "
        "that can't be trusted stands a range, marked noisy: it rests on fewer than "
        f"{MIN_PROCESSES} processes or {MIN_CALLS} undisturbed calls, or half its interval is "
        f"{100 * WIDEST:.0f} % or more. Times were measured with "
        f"{describe_threads(summary.workload.threads)}, in {_order(summary)}, "
        f"and {_pages(summary)}."
    )


def _order(summary: RunSummary) -> str:
    if summary.took_turns:
        return "processes that live side by side and make one call at a time in turns"
    return "processes that ran one after another, each alone"


def _pages(summary: RunSummary) -> str:
    if summary.keeps_pages:
        return "with a C library that keeps freed pages"
    return "with the C library's malloc as it is, which gives freed pages back to the kernel"


def _introduction(summary: RunSummary) -> str:
    order = TURNS if summary.took_turns else ALONE
    pages = KEPT if summary.keeps_pages else GIVEN_BACK
    return " ".join((order, pages, VALUES, COLUMNS))


def _heads(summary: RunSummary) -> list[str]:
    return [
        "Model",
        "Time",
        f"Ratio to {plain(summary.base_name)}",
        *(f"p{100 * share:.0f}" for share in SHARES),
        "First call",
        "Mixtures per second",
        "Real-time factor",
        "Processes, undisturbed calls",
        "Ended by",
        "Disturbed",
        "Page faults a call",
    ]


def _row(model: ModelSummary, phase: Phase, summary: RunSummary) -> list[str]:
    timing, batch = model.timings[phase], summary.workload.batch
    audio_s = summary.workload.duration_s * batch
    return [
        format_time(timing.latency),
        ratio_to_base(phase, model, summary) or "1",
        *(_percentile(timing, share) for share in SHARES),
        "not known" if timing.first_s is None else format_si(timing.first_s, "s"),
        _of_time(timing.latency, lambda time_s: batch / time_s),
        _of_time(timing.latency, lambda time_s: time_s / audio_s),
        f"{timing.latency.n_processes}, {timing.latency.n_samples}",
        timing.stopped_by,
        _share_disturbed(timing),
        "not known" if timing.page_faults is None else f"{timing.page_faults:.0f}",
    ]


def _of_time(latency: Estimate, function: Callable[[float], float]) -> str:
    """A function of the time; a range where the time is one."""
    if latency.is_trusted:
        return format_significant(function(latency.value))
    low, high = sorted(map(function, latency.span))
    return format_range(low, high)


def _share_disturbed(timing: LatencySummary) -> str:
    if timing.n_disturbed is None:
        return "not known"
    return f"{timing.n_disturbed / timing.n_calls:.0%}"


def _percentile(timing: LatencySummary, share: float) -> str:
    value_s = timing.percentiles_s[share]
    if value_s is None:
        return f"needs {needed_samples(share)}"
    return format_si(value_s, "s") if timing.latency.is_trusted else NOISY


def _parts_table(summary: RunSummary) -> str:
    timed = [model for model in summary.models if "update" in model.timings]
    timed = [model for model in timed if model.timings["update"].parts_s]
    if not timed:
        return ""
    names = list(timed[0].timings["update"].parts_s)
    rows = [
        [plain(model.entry.display_name), *(_part(model.timings["update"], name) for name in names)]
        for model in timed
    ]
    return markdown_table(["Model", *(name.replace("_", " ") for name in names)], rows)


def _part(timing: LatencySummary, name: str) -> str:
    """Its time and its share; of a step whose time is noisy, the share alone."""
    part_s = timing.parts_s[name]
    share = f"{part_s / sum(timing.parts_s.values()):.0%}"
    return f"{format_si(part_s, 's')} ({share})" if timing.latency.is_trusted else share


def _overhead(summary: RunSummary) -> str:
    if summary.overhead is None:
        return "The harness's own cost was not measured in this run."
    on_gpu = ""
    if summary.gpu_overhead is not None:
        on_gpu = (
            f" On the GPU, where the other processes of the round hold their contexts: "
            f"{format_time(summary.gpu_overhead.latency)}."
        )
    return (
        "The harness's own cost, of a null model that returns its input: "
        f"{format_time(summary.overhead.latency)} a call.{on_gpu}"
    )
