"""Where two networks, or two revisions of one, differ in what a step costs."""

from collections.abc import Callable, Iterable

from bench.render.differences import (
    format_change,
    format_difference,
    format_mean,
    format_quotient,
    format_times,
    name_line,
)
from bench.render.tables.markdown import markdown_table
from bench.results.costs import Cost
from bench.results.lined_up import LinedUp, LinedUpLine, SideCost
from bench.results.statistics import LEVEL

INTERVAL = f"{100 * LEVEL:.0f} %"
ONE_PROCESS = (
    "the steps of one process of each side. Two processes of one network may differ by more than "
    "their steps do: measure again what matters, or decide with bench.compare."
)
NOTES = (
    "Where a difference's interval holds zero, it is within noise; of twenty lines that do not "
    "differ, one is outside of it. Times of lines were taken with the profiler at work, and add up "
    "to the step that it saw. A path that other lines go on from is what that module does itself. "
    "Allocated: all that operators ask for. Peak: the most that is alive while they run, whoever "
    "made it."
)
COUNTS: tuple[tuple[str, str, Callable[[Cost], int]], ...] = (
    ("MACs", "", lambda cost: cost.macs),
    ("Bytes moved", "B", lambda cost: cost.bytes_moved),
    ("Allocated", "B", lambda cost: cost.allocated_bytes),
)


def render_profile_comparison(lined_up: LinedUp, title: str) -> str:
    """A section in Markdown: the whole step, each line, and the line that differs most by kind."""
    heads = ["Where", *lined_up.labels, "Difference", "Ratio", *(name for name, _, _ in COUNTS)]
    rows = [_row(line, lined_up.labels) for line in (*lined_up.lines, lined_up.total)]
    blocks = [
        f"## {title}",
        describe_whole(lined_up),
        markdown_table([*heads, "Peak"], rows),
        *_operators(lined_up),
        f"± is half an interval ({INTERVAL}) over {_basis(lined_up)} {NOTES}",
    ]
    return "\n\n".join(blocks) + "\n"


def _basis(lined_up: LinedUp) -> str:
    """What intervals are over."""
    base, head = lined_up.n_processes
    if max(base, head) == 1:
        return ONE_PROCESS
    return f"{base} and {head} processes, which were measured in turns."


def describe_whole(lined_up: LinedUp) -> str:
    """What a step takes on either side without the profiler, which decides."""
    (base, head), plain = lined_up.labels, lined_up.plain
    return (
        f"Without the profiler a step takes {format_mean(plain.base)} ({base}) and "
        f"{format_mean(plain.head)} ({head}): {format_difference(plain)}, ratio "
        f"{format_quotient(plain)}."
    )


def describe_operators(lined_up: LinedUp) -> str:
    """What the line that differs most differs by, the largest first; or that none does."""
    line = lined_up.most_different
    if line is None:
        return "No line differs by more than noise."
    told = [one for one in lined_up.operators if not one.time.is_within_noise]
    told = sorted(told, key=lambda one: -abs(one.time.value_s))
    kinds = ", ".join(f"{_kind(one)} {format_difference(one.time)}" for one in told)
    name = name_line(line, lined_up.labels)
    largest = f"The largest difference is in {name}: {format_difference(line.time)}."
    return f"{largest} By operator: {kinds}." if kinds else f"{largest} No operator stands out."


def _operators(lined_up: LinedUp) -> Iterable[str]:
    yield describe_operators(lined_up)
    if lined_up.operators:
        rows = [
            [_kind(line), _calls(line), *format_times(line), format_quotient(line.time)]
            for line in lined_up.operators
        ]
        yield markdown_table(["Operator", "Calls", *lined_up.labels, "Difference", "Ratio"], rows)


def _row(line: LinedUpLine, labels: tuple[str, str]) -> list[str]:
    counts = [_change(line, count, unit) for _, unit, count in COUNTS]
    peaks = [spent.peak_bytes if spent else None for spent in (line.base, line.head)]
    return [
        name_line(line, labels),
        *format_times(line),
        format_quotient(line.time),
        *counts,
        format_change(peaks[0], peaks[1], "B"),
    ]


def _change(line: LinedUpLine, count: Callable[[Cost], int], unit: str) -> str:
    def of(spent: SideCost | None) -> int | None:
        return None if spent is None else count(spent.cost)

    return format_change(of(line.base), of(line.head), unit)


def _calls(line: LinedUpLine) -> str:
    return _change(line, lambda cost: cost.calls, "")


def _kind(line: LinedUpLine) -> str:
    return line.where.name or "between operators"
