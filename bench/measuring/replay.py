"""The time of a call as a CUDA graph, beside that of its launches one by one."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from bench.measuring.step import Run, no_mark
from bench.results.record import Status
from bench.runtimes.cudagraph import Captured, capture_graph, explain_failure

AGREES_WITHIN = 1e-2
"""Of the largest estimate: far above rounding, far below what estimates are."""


@dataclass(frozen=True)
class Replay:
    """The time of a replayed call, or why there is none."""

    time_s: float | None
    status: Status = Status.OK
    reason: str = ""


def time_replay(
    run: Run,
    time_calls: Callable[[Run], float],
    capture: Callable[[Run], Captured] = capture_graph,
) -> Replay:
    """Capture a call whose input stays where it is, and time its replay.

    A capture that failed leaves the process unfit for further work on the device.
    """
    expected = run().clone()
    try:
        replay, estimates = capture(run)
    except Exception as error:  # whatever a network does that can't be recorded
        failure = explain_failure(error)
        return Replay(None, failure.status, str(failure))

    def replayed(mark: Callable[[], None] = no_mark) -> Tensor:
        replay()
        return estimates

    time_s = time_calls(replayed)
    if not _agree(estimates, expected):
        reason = "The replayed call gives other estimates: not all of it was captured."
        return Replay(None, Status.UNSUPPORTED, reason)
    return Replay(time_s)


def _agree(found: Tensor, expected: Tensor) -> bool:
    distance = (found - expected).abs().max()
    return bool(distance <= AGREES_WITHIN * expected.abs().max())
