"""What torch's profiler recorded of one step, as a tree of spans.

The profiler nests its events by thread. Where a GPU is used, autograd runs backward in a thread of
its own, and what it does there is put below the span of the step during which it began.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch._C._profiler import RecordScope, _EventType

from bench.measuring.kernels import is_work

STEP = "bench.step"
PART = "bench.part/"
MODULE = "bench.module/"
"""Names of the spans that the harness marks; a part's or a module's name follows."""


@dataclass(frozen=True)
class Allocation:
    """Memory that the allocator handed out, or took back where ``n_bytes`` is negative."""

    time_ns: int
    address: int
    n_bytes: int


@dataclass(frozen=True)
class Span:
    """A stretch of the host's time with a name, and what happened in it, in order."""

    name: str
    start_ns: int
    end_ns: int
    sequence: int | None = None  # of the autograd node that is evaluated in it
    device_ns: int = 0  # of the kernels that it launched itself
    inside: list["Span | Allocation"] = field(default_factory=list)

    @property
    def own_ns(self) -> int:
        """Its time without that of the spans inside it."""
        spans = (one for one in self.inside if isinstance(one, Span))
        return self.end_ns - self.start_ns - sum(span.end_ns - span.start_ns for span in spans)


def read_step(profiler: Any, device: str) -> Span:
    """The span of the step that was profiled, with the allocations on ``device``."""
    results = profiler.profiler.kineto_results
    kernels = _kernels_by_launch(results.events())
    threads = [_read(event, kernels, device) for event in results.experimental_event_tree()]
    spans = [one for one in threads if isinstance(one, Span)]
    step = next(found for span in spans if (found := _find(span, STEP)))
    for one in threads:
        if one is not None and _start(one) >= step.start_ns and not _holds(one, step):
            _put_below(step, one)
    return step


def _read(event: Any, kernels: Mapping[int, int], device: str) -> Span | Allocation | None:
    """One event with all inside it; None for what is neither a span nor an allocation."""
    kind, fields = event.typed
    if kind == _EventType.Allocation:
        if fields.device.type != device:
            return None
        return Allocation(event.start_time_ns, fields.ptr, fields.alloc_size)
    if kind != _EventType.TorchOp:
        return None
    is_backward = fields.scope == RecordScope.BACKWARD_FUNCTION
    inside = [_read(child, kernels, device) for child in event.children]
    return Span(
        event.name,
        event.start_time_ns,
        event.end_time_ns,
        fields.sequence_number if is_backward else None,
        kernels.get(event.correlation_id, 0),
        [one for one in inside if one is not None],
    )


def _kernels_by_launch(events: Iterable[Any]) -> dict[int, int]:
    """Nanoseconds on the device by the number of the operator that asked for them."""
    found: dict[int, int] = {}
    for event in events:
        if is_work(event):
            launch = event.linked_correlation_id()
            found[launch] = found.get(launch, 0) + event.duration_ns()
    return found


def _find(span: Span, name: str) -> Span | None:
    """The outermost span of a name."""
    if span.name == name:
        return span
    inside = (_find(one, name) for one in span.inside if isinstance(one, Span))
    return next((found for found in inside if found), None)


def _start(one: Span | Allocation) -> int:
    return one.start_ns if isinstance(one, Span) else one.time_ns


def _holds(one: Span | Allocation, step: Span) -> bool:
    return isinstance(one, Span) and any(span is step for span in walk(one))


def walk(span: Span) -> Iterator[Span]:
    """A span and all spans inside it."""
    yield span
    for one in span.inside:
        if isinstance(one, Span):
            yield from walk(one)


def _put_below(span: Span, other: Span | Allocation) -> None:
    """Into the innermost marked span during which it began, at its place in time."""
    moment = _start(other)
    if moment > span.end_ns:
        return
    for one in span.inside:
        is_marked = isinstance(one, Span) and one.name.startswith((PART, MODULE))
        if isinstance(one, Span) and is_marked and one.start_ns <= moment <= one.end_ns:
            _put_below(one, other)
            return
    span.inside.append(other)
    span.inside.sort(key=_start)
