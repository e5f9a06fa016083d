"""Why a value is missing or in doubt, in words."""

from collections.abc import Sequence

from bench.render.contention import describe_contention
from bench.results.summary import Value
from bench.results.timing import Doubt, DoubtKind


def explain(value: Value) -> str:
    """The sentence beside a value or in its place; empty for one that is sound."""
    return value.reason or describe_doubts(value.doubts)


def describe_doubts(doubts: Sequence[Doubt]) -> str:
    """Sentences; none for no doubts."""
    noise = [_noise(doubt) for doubt in doubts if doubt.kind != DoubtKind.ROUNDS_FAILED]
    failures = [_failures(doubt) for doubt in doubts if doubt.kind == DoubtKind.ROUNDS_FAILED]
    return " ".join([*([f"Noisy: {' and '.join(noise)}."] if noise else []), *failures])


def _failures(doubt: Doubt) -> str:
    return f"{doubt.n} of {doubt.of} rounds failed: {doubt.causes[0]}"


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
        case DoubtKind.GPU_SHARED:
            return "another process on the GPU"
        case DoubtKind.ROUNDS_FAILED:
            return _failures(doubt)
