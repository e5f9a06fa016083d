"""From the runs of a trace to rows: one for each place, with its times in every profiled step."""

from collections.abc import Mapping, Sequence

from bench.measuring.profiling.trace import Trace
from bench.results.measurements import Tally
from bench.results.profile import Place, ProfileRow, SavedTensor

NOTHING = Tally("movement")


def make_rows(
    trace: Trace, seconds: Sequence[Mapping[Place, float]]
) -> tuple[tuple[ProfileRow, ...], tuple[int, ...]]:
    """The rows, and for each run of the trace the number of its row."""
    costs: dict[Place, Tally] = {}
    for number, run in enumerate(trace.runs):
        cost = NOTHING if number in trace.skipped else run.tally
        before = costs.get(run.place)
        costs[run.place] = cost if before is None else before + cost
    places = dict.fromkeys((*costs, *(place for step in seconds for place in step)))
    numbers = {place: number for number, place in enumerate(places)}
    rows = tuple(
        _row(place, costs.get(place, NOTHING), [step.get(place, 0.0) for step in seconds])
        for place in places
    )
    return rows, tuple(numbers[run.place] for run in trace.runs)


def _row(place: Place, cost: Tally, times_s: Sequence[float]) -> ProfileRow:
    return ProfileRow(
        place=place,
        times_s=tuple(times_s),
        kind=cost.kind,
        calls=cost.calls,
        macs=cost.macs,
        flops=cost.flops,
        bytes_read=cost.bytes_read,
        bytes_written=cost.bytes_written,
    )


def saved_tensors(trace: Trace, rows: Sequence[int]) -> tuple[SavedTensor, ...]:
    """What autograd keeps, the largest first; ``rows`` are those of the trace's runs."""
    saved = [
        SavedTensor(
            kept.n_bytes,
            None if kept.made_by is None else rows[kept.made_by],
            tuple(dict.fromkeys(rows[run] for run in kept.kept_for if run < len(rows))),
        )
        for kept in trace.kept.values()
    ]
    return tuple(sorted(saved, key=lambda one: -one.n_bytes))
