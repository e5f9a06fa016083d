"""What a sweep answers: what fits, what is fastest, where networks cross."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from bench.render.cell_names import DEVICE_NAMES, CellNames, describe_samples
from bench.render.estimates import format_ratio, format_time
from bench.render.provenance import describe_threads
from bench.render.tables.markdown import markdown_table
from bench.results.statistics import Estimate
from bench.results.sweep import Key, SweepCell, along, smallest_of
from bench.results.sweep_answers import (
    FARTHEST,
    Choice,
    Crossing,
    Longest,
    SweepSummary,
    choose_fastest,
    find_crossings,
)
from bench.units import format_si, format_significant

NOT_TOLD = "not distinguishable from"
REAL_TIME = (
    "Time of one mixture over its duration at 8 kHz, of the smallest batch that was measured; "
    "below 1 it is faster than real time."
)


def render_answers(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    """Markdown blocks, each only where its cells are."""
    yield from _longest(sweep, names)
    yield from _real_time(sweep, names)
    yield from _throughput(sweep, names)
    yield from _threads(sweep, names)
    yield from _crossings(sweep, names)
    yield from _gpu_batches(sweep, names)


def _longest(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    found = sweep.longest()
    if not found:
        return
    yield "## The longest audio for the memory at hand"
    rows = [
        [
            names.model(item.key),
            names.setting(item.key, ("threads",)),
            format_si(item.limit.n_bytes, "B"),
            *format_longest(item),
        ]
        for item in found
    ]
    yield markdown_table(
        ["Model", "Setting", "Memory", "Longest audio", "As far as k is known", "Over measured"],
        rows,
        n_text=2,
    )
    limits = {item.key.device: item.limit.source for item in found}
    memory = "; ".join(f"{DEVICE_NAMES[device]} {source}" for device, source in limits.items())
    yield (
        f"By the curve of the process's peak. Memory: {memory}. Over measured: the answer over the "
        "longest length that was measured, which says how far it is extrapolated; nothing is said "
        f"beyond {FARTHEST:g} times that length. As far as k is known: by the curves at both ends "
        "of its interval."
    )
    failed = [line for item in found if (line := _failed_below(item, names))]
    if failed:
        yield "\n".join(failed)


def format_longest(item: Longest) -> list[str]:
    """The length, where else it may be, and how many times the longest measured it is."""
    length = describe_samples(item.n_samples)
    ends = "no interval" if item.ends is None else _length_range(*item.ends)
    return [
        f"more than {length}" if item.is_more else length,
        "" if item.is_more else ends,
        f"{format_significant(item.factor, 2)} ×",
    ]


def _length_range(low: float, high: float) -> str:
    first, last = describe_samples(low), describe_samples(high)
    return f"about {first}" if first == last else f"{first} to {last}"


def _failed_below(item: Longest, names: CellNames) -> str:
    """A cell that ran out of memory although it is shorter than the answer."""
    if item.failed is None:
        return ""
    failure = item.failed.failures[0]
    return f"- {names.cell(item.failed.key)}: yet {failure.status.value}: {failure.reason}"


def _real_time(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    heads, rows = real_time_table(sweep, names)
    if not rows:
        return
    yield "## Real-time factor against length"
    yield markdown_table(heads, rows, 2)
    yield REAL_TIME


def real_time_table(sweep: SweepSummary, names: CellNames) -> tuple[list[str], list[list[str]]]:
    """Heads, and a row for each network and setting that was timed, with a status where it was not.

    Of the smallest batch: more mixtures at once are another table.
    """
    groups = along(smallest_of(sweep.cells, "batch"), "n_samples")
    timed = {key: group for key, group in groups.items() if any(cell.time for cell in group)}
    lengths = sorted({cell.key.n_samples for group in timed.values() for cell in group})
    rows = [
        [
            names.model(key),
            names.setting(key),
            *_by(group, "n_samples", lengths, lambda cell: cell.real_time_factor),
        ]
        for key, group in timed.items()
    ]
    return ["Model", "Setting", *map(describe_samples, lengths)], rows


def _by(
    group: Iterable[SweepCell],
    field: str,
    values: Sequence[int],
    cost_of: Callable[[SweepCell], Estimate | None],
) -> list[str]:
    """A cell of the table for each value of a field; a status where there is no time."""
    found = {getattr(cell.key, field): cell for cell in group}
    return [_cell(found[value], cost_of) if value in found else "" for value in values]


def _cell(cell: SweepCell, cost_of: Callable[[SweepCell], Estimate | None]) -> str:
    estimate = cost_of(cell)
    return format_ratio(estimate) if estimate else _missing(cell)


def _missing(cell: SweepCell) -> str:
    """In the place of what a cell has not."""
    return cell.status.value if cell.failures else "not measured"


def _throughput(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    """At the shortest and the longest audio of each setting."""
    choices = list(choose_fastest(sweep.on("cpu"), "batch"))
    if not choices:
        return
    yield "## Mixtures a second against batch"
    batches = sorted({cell.key.batch for choice in choices for cell in choice.cells})
    rows = [
        [
            names.model(choice.key),
            describe_samples(choice.key.n_samples),
            names.setting(choice.key),
            *_by(choice.cells, "batch", batches, lambda cell: cell.throughput),
            _chosen(choice, lambda cell: str(cell.key.batch)),
        ]
        for choice in _at_the_ends(choices)
    ]
    heads = ["Model", "Length", "Setting", *(f"Batch {batch}" for batch in batches), "Most"]
    yield markdown_table(heads, rows, 3)
    yield (
        "At the shortest and the longest audio of which several batches were timed; the others "
        "are in the CSV file. Most: the batch with most mixtures a second, and those that are "
        f"{NOT_TOLD} it because their ranges overlap."
    )


def _at_the_ends(choices: Iterable[Choice]) -> list[Choice]:
    """Those of the shortest and of the longest audio of each setting."""
    groups: dict[Key, list[Choice]] = {}
    for choice in choices:
        groups.setdefault(choice.key._replace(n_samples=0), []).append(choice)
    found = []
    for group in groups.values():
        ordered = sorted(group, key=lambda choice: choice.key.n_samples)
        found += ordered if len(ordered) < 3 else [ordered[0], ordered[-1]]
    return found


def _chosen(choice: Choice, name: Callable[[SweepCell], str]) -> str:
    best = name(choice.best)
    if not choice.ties:
        return best
    return f"{best}, {NOT_TOLD} {', '.join(map(name, choice.ties))}"


def _threads(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    """Of the smallest batch, at every length."""
    choices = list(choose_fastest(smallest_of(sweep.on("cpu"), "batch"), "threads"))
    if not choices:
        return
    yield "## The best number of threads"
    threads = sorted({cell.key.threads for choice in choices for cell in choice.cells})
    rows = [
        [
            names.model(choice.key),
            describe_samples(choice.key.n_samples),
            names.setting(choice.key),
            *_times_by_threads(choice, threads),
            _chosen(choice, lambda cell: str(cell.key.threads)),
        ]
        for choice in choices
    ]
    heads = ["Model", "Length", "Setting", *map(describe_threads, threads), "Best"]
    yield markdown_table(heads, rows, 3)
    yield "Times of a call with the smallest batch. Not distinguishable: the ranges overlap."


def _times_by_threads(choice: Choice, threads: Iterable[int]) -> list[str]:
    times = {cell.key.threads: cell.time for cell in choice.cells}
    return [format_time(time) if (time := times.get(n)) else "" for n in threads]


def _crossings(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    lines = [describe_crossing(crossing, names) for crossing in find_crossings(sweep.times)]
    if lines:
        yield "## Where networks cross in time"
        yield "\n".join(f"- {line}" for line in lines)
        yield (
            "By the curves, over lengths at which both were measured, and only where the scatter "
            "of the cells around both curves tells the two apart on either side."
        )


def describe_crossing(crossing: Crossing, names: CellNames) -> str:
    """Who is faster below and above which length."""
    below, above = (names.models[name] for name in crossing.models)
    setting = names.setting(crossing.key)
    return (
        (f"{setting}: " if setting else "")
        + f"{below} is faster below {describe_samples(crossing.n_samples)}, {above} above; from "
        f"{describe_samples(crossing.low)} to {describe_samples(crossing.high)} they are not "
        "told apart."
    )


def _gpu_batches(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    """Every batch that was tried, so that the one at which memory is full is seen."""
    groups = [group for group in along(sweep.on("cuda"), "batch").values() if len(group) > 1]
    if not groups:
        return
    yield "## Batches on the GPU"
    heads = ["Model", "Length", "Setting", "Batch", "Time", "Mixtures a second"]
    heads += ["Time of a mixture", "Peak of the allocator", "of a mixture", "Peak of the process"]
    rows = [
        [
            names.model(cell.key),
            describe_samples(cell.key.n_samples),
            names.setting(cell.key, ("batch",)),
            *_gpu_cells(cell),
        ]
        for group in groups
        for cell in group
    ]
    yield markdown_table([*heads, "Energy of a mixture"], rows, 3)
    yield (
        "Energy: the board's counter around the timed calls over their mixtures, with what it "
        "draws at rest between them; only of processes that were timed alone, on boards that "
        "count it."
    )


def _gpu_cells(cell: SweepCell) -> list[str]:
    time, rate, each = cell.time, cell.throughput, cell.time_per_mixture
    missing = _missing(cell)
    allocated, batch = cell.allocated_bytes, cell.key.batch
    return [
        str(batch),
        format_time(time) if time else missing,
        format_ratio(rate) if rate else "",
        format_time(each) if each else "",
        _bytes(allocated, missing),
        _bytes(allocated and round(allocated / batch), ""),
        _bytes(cell.process_bytes, "not known"),
        "not known" if cell.energy_j is None else format_si(cell.energy_j, "J"),
    ]


def _bytes(value: int | None, missing: str) -> str:
    return missing if value is None else format_si(value, "B")
