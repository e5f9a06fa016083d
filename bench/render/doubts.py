"""Why a value is missing or in doubt, in words."""

from collections.abc import Callable, Mapping, Sequence

from bench.render.contention import describe_contention
from bench.results.statistics import MIN_CALLS, MIN_PROCESSES
from bench.results.summary import Value
from bench.results.timing import Doubt, DoubtKind


def explain(value: Value) -> str:
    """The sentence beside a value or in its place; empty for one that is sound."""
    return value.reason or describe_doubts(value.doubts)


def describe_doubts(doubts: Sequence[Doubt]) -> str:
    """Sentences; none for no doubts."""
    noise = [_noise(doubt) for doubt in doubts if doubt.kind not in OTHER_SENTENCES]
    others = [OTHER_SENTENCES[d.kind](d) for d in doubts if d.kind in OTHER_SENTENCES]
    return " ".join([*([f"Noisy: {'; '.join(noise)}."] if noise else []), *others])


def _failures(doubt: Doubt) -> str:
    return f"{doubt.n} of {doubt.of} rounds failed: {doubt.causes[0]}"


def _unknown_operators(doubt: Doubt) -> str:
    names = ", ".join(doubt.causes)
    return f"Not in the count: {_count(doubt.n, 'call')} of operators without a formula ({names})."


OTHER_SENTENCES: Mapping[DoubtKind, Callable[[Doubt], str]] = {
    DoubtKind.ROUNDS_FAILED: _failures,
    DoubtKind.UNKNOWN_OPERATORS: _unknown_operators,
}


def _noise(doubt: Doubt) -> str:
    match doubt.kind:
        case DoubtKind.FEW_PROCESSES:
            return _few_processes(doubt)
        case DoubtKind.FEW_CALLS:
            return _few_calls(doubt)
        case DoubtKind.WIDE_INTERVAL:
            return f"an interval of ± {100 * doubt.share:.0f} %"
        case DoubtKind.GPU_SLOWED:
            return f"the GPU's clock lowered by {', '.join(doubt.causes)}"
    return "another process on the GPU"


def _few_processes(doubt: Doubt) -> str:
    """There were too few, or too few that had an undisturbed call."""
    if doubt.of < MIN_PROCESSES:
        return f"{_count(doubt.of, 'process')} of the {MIN_PROCESSES} that a value needs"
    return (
        f"{doubt.n} of {doubt.of} processes had undisturbed calls, and {MIN_PROCESSES} are needed"
    )


def _few_calls(doubt: Doubt) -> str:
    """There were too few, or too few were undisturbed."""
    if doubt.n == doubt.of:
        return f"{_count(doubt.of, 'call')} of the {MIN_CALLS} that a value needs"
    example = f" ({describe_contention(doubt.example)})" if doubt.example else ""
    were = "was" if doubt.n == 1 else "were"
    return f"{doubt.n} of {doubt.of} calls {were} undisturbed, and {MIN_CALLS} are needed{example}"


def _count(n: int, what: str) -> str:
    plural = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{n} {what if n == 1 else plural}"
