"""What opens table1.md: what was found, and one table that is narrow enough for a page."""

from collections.abc import Iterable, Iterator

from bench.render.columns import (
    LATENCY,
    MACS,
    PARAMS,
    Column,
    memory_column,
    table1_columns,
)
from bench.render.estimates import plus_minus
from bench.render.tables.markdown import markdown_table, plain
from bench.results.findings import find_cheapest, pareto_frontier
from bench.results.summary import ModelSummary, RunSummary

LEGEND = (
    "I: inference; B: a training step. A time is followed by half its interval (95 %); a range "
    "marked noisy stands for one that can't be trusted. † in doubt."
)
NOT_PUBLISHED = "not in the paper"
STARRED = " \\* the maximum of the authors' own run and the cited paper."


def render_overview(summary: RunSummary) -> Iterator[str]:
    """Sentences computed from the values, the table, what its signs mean."""
    if found := " ".join(describe_findings(summary)):
        yield found
    in_paper = any(model.published for model in summary.models)
    columns = [PARAMS, MACS[0], memory_column("inference", summary.update_device), *LATENCY]
    heads = ["Network", *(["SI-SDRi (dB), paper's"] if in_paper else [])]
    rows = [
        [
            plain(model.entry.display_name),
            *([format_si_sdri(model)] if in_paper else []),
            *(_cell(column, model) for column in columns),
        ]
        for model in summary.models
    ]
    yield markdown_table([*heads, *(column.heading for column in columns)], rows)
    has_star = any(m.published and m.published.si_sdri_speech_is_maximum for m in summary.models)
    yield LEGEND + (STARRED if has_star else "")


def format_si_sdri(model: ModelSummary) -> str:
    """The paper's for speech."""
    if model.published is None:
        return NOT_PUBLISHED
    star = "\\*" if model.published.si_sdri_speech_is_maximum else ""
    return f"{model.published.si_sdri_speech_db:.2f}{star}"


def _cell(column: Column, model: ModelSummary) -> str:
    value = model.values[column.metric]
    interval = "" if value.value is None else plus_minus(value.interval, value.value)
    return column.format(value) + interval


def describe_findings(summary: RunSummary) -> Iterable[str]:
    """Who costs least, who is on the frontier, and how many times can't be trusted."""
    yield from _describe_cheapest(summary)
    yield from _describe_frontier(summary)
    yield from _describe_doubts(summary)


def _describe_cheapest(summary: RunSummary) -> Iterator[str]:
    """Who costs least in what, as far as an order is certain."""
    columns = table1_columns(summary.update_device)
    led: dict[str, list[str]] = {}  # what each leads in
    open_: list[str] = []
    for column in columns:
        cheapest = find_cheapest(summary, column.metric)
        if cheapest is None:
            open_.append(column.name)
        else:
            led.setdefault(plain(cheapest.entry.display_name), []).append(column.name)
    for index, (name, titles) in enumerate(led.items()):
        is_all = len(titles) == len(columns)
        what = f"all of {_join(titles)}" if is_all else _join(titles)
        yield f"**{name}**{' is the cheapest' if index == 0 else ''} in {what}" + (
            "." if index == len(led) - 1 else ";"
        )
    if led and open_:
        yield f"Which is the cheapest in {_join(open_)} is not certain."


def _describe_frontier(summary: RunSummary) -> Iterator[str]:
    """Whom no other beats by the paper's quality for speech and the operations counted here.

    Those on the frontier are named from the cheapest on.
    """
    placed = {
        model.entry.display_name: (macs, model.published.si_sdri_speech_db)
        for model in summary.models
        if model.published and (macs := model.values[MACS[0].metric].value) is not None
    }
    frontier = set(pareto_frontier(list(placed.values())))
    by_cost = sorted(placed, key=lambda name: placed[name])
    best = [name for name in by_cost if placed[name] in frontier]
    beaten = [name for name, point in placed.items() if point not in frontier]
    if not best or not beaten:
        return
    yield (
        "By the paper's SI-SDRi for speech and the multiply-adds of inference, "
        f"{_join(best)} {'are' if len(best) > 1 else 'is'} on the Pareto frontier; for "
        f"{_join(beaten)} there is a network that separates at least as well with fewer."
    )


def _describe_doubts(summary: RunSummary) -> Iterator[str]:
    times = [model.values[column.metric] for model in summary.models for column in LATENCY]
    n_ranges = sum(time.span is not None for time in times)
    if n_ranges:
        yield f"{n_ranges} of {len(times)} times can't be trusted and are ranges."


def _join(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
