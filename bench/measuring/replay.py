"""A call as a CUDA graph: the same kernels without the host, which launches them one by one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.measuring.repetition import LEAST_ON_GPU
from bench.measuring.step import Run, no_mark
from bench.results.record import Status

AGREES_WITHIN = 1e-2
"""Of the largest estimate: far above rounding, far below what estimates are."""

Captured = tuple[Callable[[], object], Tensor]
"""How to replay a call, and the tensor that each replay writes its estimates to."""


@dataclass(frozen=True)
class Replay:
    """The time of a replayed call, or why there is none."""

    time_s: float | None
    status: Status = Status.OK
    reason: str = ""


def capture_graph(run: Run) -> Captured:
    """One call as a graph, by torch's notes on CUDA semantics, section "CUDA graphs"."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(LEAST_ON_GPU):  # libraries have made their choices before the capture
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        estimates = run()
    return graph.replay, estimates


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
        return _failure(error)

    def replayed(mark: Callable[[], None] = no_mark) -> Tensor:
        replay()
        return estimates

    time_s = time_calls(replayed)
    if not _agree(estimates, expected):
        reason = "The replayed call gives other estimates: not all of it was captured."
        return Replay(None, Status.UNSUPPORTED, reason)
    return Replay(time_s)


def _failure(error: Exception) -> Replay:
    """The end of a capture that failed raises once more; what was raised first is the reason."""
    cause = error.__context__ or error
    status = Status.OOM if isinstance(cause, torch.OutOfMemoryError) else Status.UNSUPPORTED
    first_line = str(cause).strip().partition("\n")[0]
    return Replay(None, status, f"The call can't be captured: {type(cause).__name__}: {first_line}")


def _agree(found: Tensor, expected: Tensor) -> bool:
    distance = (found - expected).abs().max()
    return bool(distance <= AGREES_WITHIN * expected.abs().max())
