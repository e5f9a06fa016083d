"""From a profiled step to the operators of a traced one: whose time it was, and whose memory.

The same step runs the same operators in the same order. So the spans are gone through in time, and
one with the name of the operator that is due is that operator, with all that runs inside it. What
lies between operators belongs to the module, or the part of the step, in which it lies.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.measuring.profiling.spans import MODULE, PART, Allocation, Span
from bench.measuring.profiling.trace import OperatorRun, Trace
from bench.results.profile import BETWEEN, MemoryTimeline, Place
from bench.results.record import CellError, Status

EVALUATION = "autograd::engine::evaluate_function"
"""How the names of the spans begin in which autograd evaluates one node."""


@dataclass(frozen=True)
class Owner:
    """Whose a stretch of time is; ``run`` is None between operators."""

    part: str
    module: str = ""
    run: int | None = None


@dataclass(frozen=True)
class Stretch:
    """A span's own time, without what is inside it."""

    owner: Owner
    span: Span


@dataclass(frozen=True)
class Change:
    """An allocation while an operator ran, or after it and before the next."""

    run: int
    allocation: Allocation


class LineUp:
    """Goes through a profiled step in time.

    Raises:
        CellError: its operators are not those of the trace.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._next = 0
        self._names = {_kind(run.name) for run in trace.runs if run.computes}

    def go_through(self, step: Span) -> Iterator[Stretch | Change]:
        """Every stretch and every change of memory."""
        yield from self._pieces(step, Owner(""))
        missing = range(self._next, len(self._trace.runs))
        if any(self._trace.runs[number].computes for number in missing):
            due = self._trace.runs[self._next]
            raise _refusal(
                f"operator {self._next + 1} of {len(self._trace.runs)}, {due.name} "
                f"({due.place.part}, {due.place.module or 'the network itself'}), is not where it "
                "should be"
            )

    def _pieces(self, span: Span, owner: Owner) -> Iterator[Stretch | Change]:
        reached = self._next
        for one in span.inside:
            if isinstance(one, Allocation):
                yield Change(max(0, self._next - 1), one)
            else:
                yield from self._pieces(one, self._owner_of(one, owner))
        if owner.run is None and _kind(span.name) in self._names and self._next == reached:
            raise _refusal(f"{span.name} runs once more in {owner.module or 'the network itself'}")
        yield Stretch(owner, span)

    def _owner_of(self, span: Span, around: Owner) -> Owner:
        if around.run is not None:
            return around
        if span.name.startswith(PART):
            return Owner(span.name.removeprefix(PART))
        if span.name.startswith(MODULE):
            return replace(around, module=span.name.removeprefix(MODULE))
        if self._is_due(span.name):
            self._next += 1
            place = self._trace.runs[self._next - 1].place
            return Owner(place.part, place.module, self._next - 1)
        if span.name.startswith(EVALUATION):
            module = self._trace.module_of(span.sequence)
            return around if module is None else replace(around, module=module)
        return around

    def _is_due(self, name: str) -> bool:
        """Whether it is the next operator; what computes nothing may be missing before it.

        Some views are made without the dispatcher, and a dropout that drops nothing is a copy only
        where somebody looks at every operator.
        """
        runs = self._trace.runs
        for number in range(self._next, len(runs)):
            if _kind(runs[number].name) == _kind(name):
                self._trace.skipped |= set(range(self._next, number))
                runs[number] = runs[number].called(name)
                self._next = number
                return True
            if runs[number].computes:
                return False
        return False


PRODUCTS = ("aten::mm", "aten::bmm")


def _kind(name: str) -> str:
    """What an operator does, however torch has chosen to do it.

    It chooses otherwise where somebody looks at every operator: autograd then does not add
    gradients up in place, and a product of three axes is one of a batch of matrices.
    """
    return PRODUCTS[0] if name in PRODUCTS else name.rstrip("_")


def _refusal(what: str) -> CellError:
    reason = f"A profiled step does not run what a traced one does: {what}."
    return CellError(Status.UNSUPPORTED, reason)


def place_of(owner: Owner, runs: list[OperatorRun]) -> Place:
    """The place that a stretch belongs to."""
    if owner.run is None:
        return Place(owner.part, owner.module, BETWEEN, "")
    return runs[owner.run].place


def add_up_times(trace: Trace, step: Span, on_device: bool) -> dict[Place, float]:
    """Seconds of each place in a profiled step: of the host, or of the device's kernels."""
    total_ns: dict[Place, int] = {}
    for piece in LineUp(trace).go_through(step):
        if isinstance(piece, Stretch) and piece.owner.part:
            place = place_of(piece.owner, trace.runs)
            ns = piece.span.device_ns if on_device else piece.span.own_ns
            total_ns[place] = total_ns.get(place, 0) + ns
    return {place: ns / 1e9 for place, ns in total_ns.items()}


def follow_memory(
    trace: Trace, step: Span, rows: tuple[int, ...], before_bytes: int
) -> MemoryTimeline:
    """The life of each allocation of a profiled step; ``rows`` are the rows of the trace's runs.

    What was there before the step and is given back in it is not part of it: the allocator of a
    processor does not tell how much that was.
    """
    numbers: dict[int, int] = {}  # of the living blocks, by address
    block_bytes: list[int] = []
    changes: list[int] = []
    moments: list[int] = []
    for piece in LineUp(trace).go_through(step):
        if not isinstance(piece, Change):
            continue
        one = piece.allocation
        if one.n_bytes > 0:
            block_bytes.append(one.n_bytes)
            numbers[one.address] = len(block_bytes)
            changes.append(len(block_bytes))
        elif one.address in numbers:
            changes.append(-numbers.pop(one.address))
        else:
            continue
        moments.append(piece.run)
    return MemoryTimeline(before_bytes, rows, tuple(block_bytes), tuple(changes), tuple(moments))
