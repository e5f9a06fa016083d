"""Why a value is missing or in doubt, in words."""

from collections.abc import Callable, Mapping, Sequence

from bench.render.contention import describe_contention
from bench.results.summary import Value
from bench.results.timing import Doubt, DoubtKind


def explain(value: Value) -> str:
    """The sentence beside a value or in its place; empty for one that is sound."""
    return value.reason or describe_doubts(value.doubts)


def describe_doubts(doubts: Sequence[Doubt]) -> str:
    """Sentences; none for no doubts."""
    noise = [_noise(doubt) for doubt in doubts if doubt.kind not in OTHER_SENTENCES]
    others = [OTHER_SENTENCES[d.kind](d) for d in doubts if d.kind in OTHER_SENTENCES]
    return " ".join([*([f"Noisy: {' and '.join(noise)}."] if noise else []), *others])


def _failures(doubt: Doubt) -> str:
    return f"{doubt.n} of {doubt.of} rounds failed: {doubt.causes[0]}"


def _unknown_operators(doubt: Doubt) -> str:
    calls = "1 call" if doubt.n == 1 else f"{doubt.n} calls"
    return f"Not in the count: {calls} of operators without a formula ({', '.join(doubt.causes)})."


OTHER_SENTENCES: Mapping[DoubtKind, Callable[[Doubt], str]] = {
    DoubtKind.ROUNDS_FAILED: _failures,
    DoubtKind.UNKNOWN_OPERATORS: _unknown_operators,
}


def _noise(doubt: Doubt) -> str:
    example = f" ({describe_contention(doubt.example)})" if doubt.example else ""
    match doubt.kind:
        case DoubtKind.CALLS_CONTENDED:
            return f"other work during {doubt.n} of {doubt.of} calls{example}"
        case DoubtKind.PROCESSES_CONTENDED:
            return f"other work beside {doubt.n} of {doubt.of} processes{example}"
        case DoubtKind.WIDE_INTERVAL:
            return f"an interval of ± {doubt.share:.0%}"
        case DoubtKind.GPU_SLOWED:
            return f"the GPU's clock lowered by {', '.join(doubt.causes)}"
    return "another process on the GPU"
