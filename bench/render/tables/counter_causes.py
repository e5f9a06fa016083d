"""Why other counters say something else than ours: what was computed, and what is left."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.results.measurements import Cause, CauseKind, CounterResult
from bench.units import format_si, format_significant

HEADS = ["Counter", "Model", "Causes", "Difference"]
PHRASES: Mapping[CauseKind, str] = {
    "bias": "biases are counted",
    "positions": "transposed convolutions are counted at their output positions",
    "no matmul": "work without matmuls is counted",
    "more": "more than the matmuls is counted",
    "less": "not all of the matmuls are counted",
    "none": "some matmuls are not counted",
    "no formula": "no formula, counted as 0",
    "groups": "the weight gradients of grouped convolutions are multiplied by the groups",
    "formula": "another formula",
    "data": "with data, other operators run than we count without",
}
SAYS_WHERE = frozenset(PHRASES) - {"positions", "groups", "data"}
MAX_PLACES = 5
EQUAL, NOT_COUNTED = "equal to ours", "not counted (the reason is at the end)"
NOT_EXPLAINED, NOT_LOOKED_FOR = "not explained", "not explained in these records"


def cause_row(
    counter: str, network: str, theirs: CounterResult | None, ours: CounterResult | None
) -> list[str]:
    """The row of one counter on one network, in the columns ``HEADS``."""
    if theirs is None or theirs.macs is None or ours is None or ours.macs is None:
        return [counter, network, NOT_COUNTED, ""]
    difference = theirs.macs - ours.macs
    if difference == 0:
        return [counter, network, EQUAL, ""]
    causes = _sentence(theirs.causes, difference, ours.macs)
    return [counter, network, causes, _format_share(difference, ours.macs)]


def _sentence(causes: Sequence[Cause] | None, difference: float, ours: float) -> str:
    """Each kind of cause with its share of our count, and the share that none explains."""
    if causes is None:
        return NOT_LOOKED_FOR
    by_kind: dict[CauseKind, list[Cause]] = defaultdict(list)
    for cause in causes:
        by_kind[cause.kind].append(cause)
    parts = {_phrase(kind, alike): _sum(alike) for kind, alike in by_kind.items()}
    left = difference - _sum(causes)
    if left:
        parts[NOT_EXPLAINED] = left
    return "; ".join(f"{phrase} {_format_share(macs, ours)}" for phrase, macs in parts.items())


def _phrase(kind: CauseKind, causes: Sequence[Cause]) -> str:
    if kind not in SAYS_WHERE:
        return PHRASES[kind]
    places = [f"`{cause.where}`" for cause in causes]
    if len(places) > MAX_PLACES:
        places[MAX_PLACES:] = [f"and {len(places) - MAX_PLACES} more"]
    return f"{PHRASES[kind]} ({', '.join(places)})"


def _sum(causes: Sequence[Cause]) -> float:
    return sum(cause.macs for cause in causes)


def _format_share(macs: float, ours: float) -> str:
    """Signed, in percent of our count with one decimal, or one digit where that shows nothing."""
    sign = "+" if macs > 0 else ""
    if ours == 0:
        return sign + format_si(macs, "MAC")
    text = f"{macs / ours:+.1%}"
    if float(text.rstrip("%")) == 0:
        return f"{sign}{format_significant(100 * macs / ours, 1)}%"
    return text
