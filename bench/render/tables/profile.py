"""Where the time of one step goes: by part, by module and by operator, as Markdown."""

from collections.abc import Iterator, Mapping

from bench.render.estimates import format_span
from bench.render.tables.markdown import markdown_table
from bench.results.costs import Cost, Costs, section_of
from bench.results.module_tree import Tree, TreeLine
from bench.results.profile import BETWEEN, Place, Profile, ProfileRow
from bench.units import format_si, format_significant

BETWEEN_OPERATORS = "(between operators)"
NETWORK_ITSELF = "(the network itself)"
COST_HEADS = [
    "Time",
    "Share",
    "MACs",
    "FLOPs",
    "Moved",
    "FLOPs/B",
    "FLOP/s",
    "B/s",
    "Times the floor",
    "Allocations",
    "Allocated",
    "Still held",
]
PART_NAMES = {part: part.capitalize() for part in ("forward", "loss", "backward", "optimiser")}
"""zero_grad is called as it is in code."""


def render_time(profile: Profile, depth: int) -> Iterator[str]:
    """Markdown blocks: a summary, and a table each for parts, modules and operators."""
    costs = Costs(profile)
    yield describe_totals(costs)
    yield "### By part of the network"
    yield markdown_table(["Part", *COST_HEADS], _part_rows(costs))
    yield "### By module"
    yield (
        "Lines include what is inside them, but for Own; blocks that repeat are one line, with "
        "their number. "
        "Backward's work is with the module whose forward it differentiates."
    )
    heads = ["Module", "Type", "Time", "Own", "Share", *_phase_heads(costs)]
    heads += ["MACs", "Moved", "Still held"]
    yield markdown_table(heads, _module_rows(costs, depth), n_text=2)
    yield "### By operator"
    yield markdown_table(["Operator", "Calls", *COST_HEADS], _operator_rows(costs))


def describe_totals(costs: Costs) -> str:
    """What was measured, and how far the tables add up to it."""
    profile, rates = costs.profile, costs.profile.rates
    plain = _mean(profile.plain_times_s, profile)
    return (
        f"A step takes {format_si(plain, 's')} without the profiler and "
        f"{format_si(costs.whole_s, 's')} with it, which is {costs.overhead:+.1%} "
        f"({_describe_pairs(profile)}). The lines below are of the profiled steps and add up to "
        f"{1 - costs.unattributed:.2%} of them. "
        f"{_describe_operations(profile)} "
        f"The floor of a line is its FLOPs at {format_si(rates.product_flops_per_s, 'FLOP/s')} (a "
        f"matrix product here) or its bytes at {format_si(rates.copy_bytes_per_s, 'B/s')} (a copy "
        "that fits into no cache), whichever takes longer; a line below it found its data in a "
        "cache."
    )


def _describe_pairs(profile: Profile) -> str:
    n_pairs, n_counted = len(profile.plain_times_s), len(profile.undisturbed)
    pairs = f"mean over {n_counted} pairs of calls of one process"
    if profile.n_disturbed == 0:
        return pairs
    if n_counted < n_pairs:
        return f"{pairs}; {n_pairs - n_counted} more were disturbed by other work"
    return f"{pairs}, of which other work disturbed {profile.n_disturbed}"


def _describe_operations(profile: Profile) -> str:
    unknown = {row.place.operator for row in profile.rows if row.kind == "unknown"}
    hidden = (
        f" No formula covers {', '.join(sorted(unknown))}: what they do is in no count."
        if unknown
        else ""
    )
    if profile.macs == profile.defined_macs:
        return f"Multiply-adds: {profile.macs:,}, as in the other reports.{hidden}"
    return (
        f"Multiply-adds: {profile.macs:,} as it runs here; the other reports count the layers as "
        f"they are defined: {profile.defined_macs:,}.{hidden}"
    )


def _mean(times_s: tuple[float, ...], profile: Profile) -> float:
    steps = profile.undisturbed
    return sum(times_s[step] for step in steps) / len(steps)


def format_cost_time(cost: Cost) -> str:
    """Seconds with half the interval; a range where they can't be trusted."""
    if not cost.is_trusted:
        wide = min(cost.half_width, 1.0)
        low_s, high_s = cost.time_s * (1 - wide), cost.time_s * (1 + wide)
        return format_span((low_s, high_s), "s") if low_s > 0 else f"up to {format_si(high_s, 's')}"
    mark = "†" if cost.is_noisy else ""
    return f"{format_si(cost.time_s, 's')}{mark} ± {100 * cost.half_width:.0f} %"


def _cells(cost: Cost) -> list[str]:
    return [
        format_cost_time(cost),
        f"{cost.share:.1%}",
        _some(cost.macs, ""),
        _some(cost.flops, ""),
        _some(cost.bytes_moved, "B"),
        format_significant(cost.intensity, 2) if cost.intensity else "",
        *_of_time(cost),
        f"{cost.n_allocations:,}" if cost.n_allocations else "",
        _some(cost.allocated_bytes, "B"),
        _some(cost.held_bytes, "B"),
    ]


def _of_time(cost: Cost) -> list[str]:
    """Rates, and times the floor; of a time that is a range they are not known."""
    if not cost.is_trusted:
        rates = [cost.flops_per_s, cost.bytes_per_s, cost.floor_s]
        return ["not known" if rate else "" for rate in rates]
    return [
        _some(cost.flops_per_s, "FLOP/s"),
        _some(cost.bytes_per_s, "B/s"),
        format_significant(cost.time_s / cost.floor_s, 2) if cost.floor_s else "",
    ]


def _some(value: float | None, unit: str) -> str:
    return format_si(value, unit) if value else ""


def part_of_step(place: Place) -> str:
    """A section of the network, forward and backward together; or another part of the step."""
    if place.part in ("forward", "backward"):
        return section_of(place.module) if place.module else NETWORK_ITSELF
    return PART_NAMES.get(place.part, place.part)


def _part_rows(costs: Costs) -> Iterator[list[str]]:
    for name, cost in costs.by(part_of_step).items():
        yield [name, *_cells(cost)]
    yield ["**All**", *_cells(costs.of(range(len(costs.profile.rows))))]


def _phase_heads(costs: Costs) -> list[str]:
    return ["Forward", "Backward"] if _is_update(costs) else []


def _is_update(costs: Costs) -> bool:
    return any(row.place.part == "backward" for row in costs.profile.rows)


def _module_rows(costs: Costs, depth: int) -> Iterator[list[str]]:
    tree = Tree(costs.profile.modules)
    lines = {line.path: line for line in tree.lines}
    inside = _rows_below(costs, tree)
    for path, numbers in inside.items():
        line = lines[path]
        if line.depth > depth or not numbers:  # a layer that is computed by another, say
            continue
        cost = costs.of(numbers)
        yield [
            _name(line),
            line.type,
            format_cost_time(cost),
            _own_time(costs, tree, path),
            f"{cost.share:.1%}",
            *_phases(costs, numbers),
            _some(cost.macs, ""),
            _some(cost.bytes_moved, "B"),
            _some(cost.held_bytes, "B"),
        ]


def _own_time(costs: Costs, tree: Tree, path: str) -> str:
    """Of the modules themselves, without those inside them."""
    rows = enumerate(costs.profile.rows)
    own = [n for n, row in rows if _is_of_modules(row) and tree.line_of(row.place.module) == path]
    return _short_time(costs.of(own)) if own else ""


def _short_time(cost: Cost) -> str:
    """Seconds, or the range."""
    return format_si(cost.time_s, "s") if cost.is_trusted else format_cost_time(cost)


def _is_of_modules(row: ProfileRow) -> bool:
    return row.place.part in ("forward", "backward")


def _rows_below(costs: Costs, tree: Tree) -> Mapping[str, list[int]]:
    """For each line of the tree the rows of its modules and of all that are inside them."""
    found: dict[str, list[int]] = {line.path: [] for line in tree.lines}
    for number, row in enumerate(costs.profile.rows):
        if not _is_of_modules(row):
            continue
        path = tree.line_of(row.place.module)
        found[path].append(number)
        while path:
            path = path.rpartition(".")[0]
            found[path].append(number)
    return found


def _phases(costs: Costs, numbers: list[int]) -> list[str]:
    if not _is_update(costs):
        return []
    rows = costs.profile.rows
    split = ([n for n in numbers if rows[n].place.part == part] for part in ("forward", "backward"))
    return [_short_time(costs.of(own)) if own else "" for own in split]


def _name(line: TreeLine) -> str:
    """Indented by its depth; how many modules are one line."""
    if not line.path:
        return "(all)"
    many = f" ({line.n_modules})" if line.n_modules > 1 else ""
    return "&emsp;" * (line.depth - 1) + f"`{line.path}`{many}"


def _operator_rows(costs: Costs) -> Iterator[list[str]]:
    found = costs.by(lambda place: place.operator)
    for name, cost in sorted(found.items(), key=lambda item: -item[1].time_s):
        if not (cost.time_s or cost.calls):  # the profiled steps did without it
            continue
        label = BETWEEN_OPERATORS if name == BETWEEN else f"`{name}`"
        yield [label, f"{cost.calls:,}" if cost.calls else "", *_cells(cost)]
