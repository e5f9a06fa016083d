"""What goes into a runtime and what comes out: the one interface of them all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from torch import Tensor, nn

Forward = Callable[[Tensor], Tensor]
"""From a mixture ``[batch, 1, time]`` to estimates ``[batch, n_src, time]``, both float32."""


@dataclass(frozen=True)
class Asked:
    """What a network is to be made into.

    ``mixture`` is an input of the shape that will be run, on the network's device; ``speech`` are
    others of that shape, to calibrate with. ``folder`` keeps what is made once for all processes of
    a run, of this network alone.
    """

    mixture: Tensor  # [batch, 1, time], float32
    speech: tuple[Tensor, ...]
    dtype: str
    threads: int
    folder: Path


class Prepared(NamedTuple):
    """A network in another form, and what is to be said of it."""

    forward: Forward
    version: str  # of the runtime
    precision: str  # what it computes in, in words
    waiting: str  # how its threads wait for work: "passive", or what else
    earlier_s: float = 0.0  # of the preparation, which another process of the run has spent
    file_bytes: int | None = None  # of what one deploys; None where there is no file
    any_length: bool | None = None  # one file for all lengths; None where there is no file


class Prepare(Protocol):
    """The function of each runtime."""

    def __call__(self, model: nn.Module, asked: Asked) -> Prepared:
        """Make it; the network, which is in evaluation mode, stays as it is.

        Raises:
            CellError: this network can't be had in this form; names what stands in the way.
        """
