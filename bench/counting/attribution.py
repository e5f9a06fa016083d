"""Counters that are known module by module: what they say of each, compared with our counts."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.results.measurements import Cause, CauseKind, ModuleRow

BIASED = frozenset(
    ("Linear", *(f"Conv{kind}{n}d" for kind in ("", "Transpose") for n in (1, 2, 3)))
)
"""Layers of torch that do nothing beside their matmuls but add biases."""


@dataclass(frozen=True)
class Attribution:
    """What a counter says of a network's modules, by path, each without the modules in it."""

    of_modules: Mapping[str, float]  # matmuls, with whatever else it doesn't tell apart from them
    beside: Mapping[str, float] = field(default_factory=dict)  # work without matmuls, by name
    without_formula: Mapping[str, str] = field(default_factory=dict)  # an operator in a module


def find_causes(found: Attribution, modules: Sequence[ModuleRow]) -> tuple[Cause, ...]:
    """Where a counter differs from ours, summed over layers of one type, the largest first."""
    sums: dict[tuple[CauseKind, str], float] = defaultdict(float)
    for kind, where, macs in _differences(found, modules):
        sums[kind, where] += macs
    causes = (Cause(kind, where, macs) for (kind, where), macs in sums.items() if macs)
    return tuple(sorted(causes, key=lambda cause: -abs(cause.macs)))


def _differences(
    found: Attribution, modules: Sequence[ModuleRow]
) -> Iterator[tuple[CauseKind, str, float]]:
    for name, macs in found.beside.items():
        yield "no matmul", name, macs
    for row in modules:
        theirs = found.of_modules.get(row.path, 0)
        difference = theirs - row.own_macs
        if difference < 0 and row.path in found.without_formula:
            yield "no formula", found.without_formula[row.path], difference
        elif difference != 0:
            yield _kind(row, theirs), row.type, difference


def _kind(row: ModuleRow, theirs: float) -> CauseKind:
    """What sets a counter apart in one module, from its number and ours."""
    difference = theirs - row.own_macs
    if difference < 0:
        return "none" if theirs == 0 else "less"
    if row.own_macs == 0:
        return "no matmul"
    is_bias = row.type in BIASED and difference == row.own_flops - 2 * row.own_macs
    return "bias" if is_bias else "more"


def take_away_inner(sums: Mapping[str, float]) -> dict[str, float]:
    """What each module has by itself, from sums that include the modules in it."""
    own = dict(sums)
    for path, amount in sums.items():
        outer = path.rpartition(".")[0]
        if path and outer in own:
            own[outer] -= amount
    return own
