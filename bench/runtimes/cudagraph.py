"""A forward as a CUDA graph: the same kernels without the host, which launches them one by one."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.results.record import CellError, Status
from bench.runtimes.casting import Cast
from bench.runtimes.form import Asked, Prepared

N_BEFORE = 3
"""Calls after which libraries have made their choices, and a capture finds them made."""

Captured = tuple[Callable[[], object], Tensor]
"""How to replay a call, and the tensor that each replay writes its estimates to."""


@torch.inference_mode()
def prepare(model: nn.Module, asked: Asked) -> Prepared:
    """The network's forward, captured with an input that stays where it is.

    The form copies its mixture there. Each call writes the estimates to the same place.

    Raises:
        CellError: the forward can't be captured. The process is then unfit for the device.
    """
    network = model if asked.dtype == "float32" else Cast(model, asked.dtype).eval()
    mixture = asked.mixture.clone()
    try:
        replay, estimates = capture_graph(lambda: network(mixture))
    except Exception as error:  # whatever a network does that can't be recorded
        raise explain_failure(error) from error

    def forward(given: Tensor) -> Tensor:
        mixture.copy_(given)
        replay()
        return estimates

    return Prepared(forward, f"torch {torch.__version__}", asked.dtype, "passive")


def capture_graph(run: Callable[[], Tensor]) -> Captured:
    """One call as a graph, by torch's notes on CUDA semantics, section "CUDA graphs"."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(N_BEFORE):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        estimates = run()
    return graph.replay, estimates


def explain_failure(error: Exception) -> CellError:
    """The end of a capture that failed raises once more; what was raised first is the reason."""
    cause = error.__context__ or error
    status = Status.OOM if isinstance(cause, torch.OutOfMemoryError) else Status.UNSUPPORTED
    first_line = str(cause).strip().partition("\n")[0]
    return CellError(status, f"The call can't be captured: {type(cause).__name__}: {first_line}")
