"""The answers of a sweep for the terminal: a line for each network and setting, then sentences."""

from collections.abc import Iterator, Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.render.cell_names import CellNames, describe_samples
from bench.render.estimates import format_ratio
from bench.render.tables.sweep import describe_share
from bench.render.tables.sweep_answers import NOT_TOLD, describe_crossing, format_longest
from bench.render.tables.sweep_growth import format_exponent
from bench.render.terminal.table import print_whole
from bench.results.growth import Growth
from bench.results.sweep import Key, SweepCell, along, smallest_of
from bench.results.sweep_answers import (
    Longest,
    SweepSummary,
    choose_fastest,
    find_crossings,
    judge_forecasts,
)

HEADS = ("Time, k", "Memory, k", "Longest audio", "Real-time factor", "at")


def print_answers(sweep: SweepSummary, names: CellNames, console: Console) -> None:
    """Print the table whole, however narrow the terminal is."""
    print_whole(_table(sweep, names), console)
    for line in _sentences(sweep, names):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(sweep: SweepSummary, names: CellNames) -> Table:
    table = Table(title="How cost grows with length", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Model", no_wrap=True)
    table.add_column("Setting", no_wrap=True)
    for head in HEADS:
        table.add_column(head, justify="right", no_wrap=True)
    longest = {item.key: item for item in sweep.longest()}
    for key, group in along(smallest_of(sweep.cells, "batch", "threads"), "n_samples").items():
        cells = [names.model(key), names.setting(key), *_cells(sweep, key, group, longest)]
        table.add_row(*map(escape, cells))
    return table


def _cells(
    sweep: SweepSummary, key: Key, group: list[SweepCell], longest: Mapping[Key, Longest]
) -> Iterator[str]:
    """Of one setting; the real-time factor of the longest audio that was timed."""
    for growths in (sweep.times, sweep.memory):
        growth = growths.get(key)
        yield format_exponent(growth) if isinstance(growth, Growth) else "none"
    yield format_longest(longest[key])[0] if key in longest else ""
    timed = [(cell, factor) for cell in group if (factor := cell.real_time_factor)]
    yield format_ratio(timed[-1][1]) if timed else group[-1].status.value
    yield describe_samples(timed[-1][0].key.n_samples) if timed else ""


def _sentences(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    yield "At the smallest batch and the fewest threads; sweep.md has all."
    yield from _threads(sweep, names)
    shown = {cell.key for cell in smallest_of(sweep.cells, "batch", "threads")}
    settings = {key._replace(model="", n_samples=0) for key in shown}
    for crossing in find_crossings(sweep.times):
        if crossing.key in settings:
            yield describe_crossing(crossing, names)
    accuracy = judge_forecasts(sweep.cells, lambda cell: cell.process_error)
    if accuracy.errors:
        yield f"Forecasts of memory within 10 %: {describe_share(accuracy)}."
    n_failed = sum(bool(cell.failures) for cell in sweep.cells)
    if n_failed:
        yield f"{n_failed} of {len(sweep.cells)} cells are not complete; sweep.md says why."


def _threads(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    """A sentence for each network, which says at which lengths a number is the best."""
    found: dict[Key, dict[str, list[str]]] = {}
    for choice in choose_fastest(smallest_of(sweep.cells, "batch"), "threads"):
        ties = "".join(f", {NOT_TOLD} {cell.key.threads}" for cell in choice.ties)
        best = f"{choice.best.key.threads}{ties}"
        lengths = found.setdefault(choice.key._replace(n_samples=0), {}).setdefault(best, [])
        lengths.append(describe_samples(choice.key.n_samples))
    for key, by_answer in found.items():
        setting = ", ".join(filter(None, (names.model(key), names.setting(key))))
        answers = (f"{best} at {', '.join(lengths)}" for best, lengths in by_answer.items())
        yield f"Best threads, {setting}: {'; '.join(answers)}."
