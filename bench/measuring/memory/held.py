"""What a step holds from one run to the next."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from bench.measuring.step import Step


@dataclass(frozen=True)
class Held:
    """Tensors that outlive a step."""

    weights: tuple[Tensor, ...]  # parameters and buffers
    gradients: tuple[Tensor, ...]  # until the next step's zero_grad
    optimiser: tuple[Tensor, ...]  # Adam's state; none before the first step
    example: tuple[Tensor, ...]  # the mixture, and in a training step the sources


def find_held(step: Step) -> Held:
    """What the step holds at this moment."""
    parameters = tuple(step.model.parameters())
    states = step.optimiser.state.values() if step.optimiser else ()
    return Held(
        weights=(*parameters, *step.model.buffers()),
        gradients=tuple(p.grad for p in parameters if p.grad is not None),
        optimiser=tuple(
            value for state in states for value in state.values() if isinstance(value, Tensor)
        ),
        example=tuple(step.example),
    )


def count_storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the storages of ``tensors``, a shared one once."""
    storages = [tensor.untyped_storage() for tensor in tensors]  # all alive, so no address twice
    return sum({storage._cdata: storage.nbytes() for storage in storages}.values())
