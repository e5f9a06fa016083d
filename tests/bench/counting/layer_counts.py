"""Counts of single layers, for tests that hold them against closed formulas."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from bench.counting.counter import OperationCounter
from bench.results.measurements import Tally

DEVICES = ("cpu", "meta")
GRADIENT_MODES = {
    "grad": torch.enable_grad,
    "no_grad": torch.no_grad,
    "inference": torch.inference_mode,
}


def count(run: Callable[[], object]) -> dict[str, Tally]:
    """The tallies of one run."""
    with OperationCounter() as counter:
        run()
    return counter.tallies


def total(tallies: Mapping[str, Tally], what: str = "macs") -> int:
    """The sum of one figure over all operators."""
    return sum(getattr(tally, what) for tally in tallies.values())


def unknown(tallies: Mapping[str, Tally]) -> dict[str, int]:
    """Operators without a formula, with their calls."""
    return {name: tally.calls for name, tally in tallies.items() if tally.kind == "unknown"}


def backward(there: Mapping[str, Tally], whole: Mapping[str, Tally], what: str = "macs") -> int:
    """What a step costs beside its forward."""
    return total(whole, what) - total(there, what)


def count_layer(
    layer: nn.Module,
    shape: Sequence[int],
    *,
    device: str,
    weights: bool,
    inputs: bool,
    dtype: torch.dtype = torch.float32,
) -> tuple[dict[str, Tally], dict[str, Tally]]:
    """A forward, and a forward with its backward: gradients for the weights and for the input."""
    layer = layer.to(device, dtype).requires_grad_(weights)
    data = torch.ones(shape, device=device, dtype=dtype).requires_grad_(inputs)

    def forward() -> Tensor:
        out = layer(data)
        return out if isinstance(out, Tensor) else out[0]

    def step() -> None:
        out = forward()
        if out.requires_grad:
            out.backward(torch.ones_like(out))

    return count(forward), count(step)
