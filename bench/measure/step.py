"""One step of a workload, as a function without arguments: what every probe runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from bench.measure.contract import check_estimates, check_finite
from bench.measure.mixture import Example, load_example
from bench.objective import negative_pit_si_sdr
from bench.results.record import Workload

LEARNING_RATE = 1e-3  # paper, section 3.4
PARTS = ("zero_grad", "forward", "loss", "backward", "optimiser")
"""What an update step consists of, in this order."""


def no_mark() -> None:
    """Where nobody asks when a part ends."""


class Run(Protocol):
    """One whole step; returns the estimates or the loss.

    ``mark`` is called between two of an update step's parts.
    """

    def __call__(self, mark: Callable[[], None] = no_mark) -> Tensor:
        """Run it."""


@dataclass(frozen=True)
class Step:
    """A network with its input on the device, ready to run."""

    model: nn.Module
    example: Example
    run: Run
    optimiser: torch.optim.Optimizer | None  # of an update step

    def run_checked(self, mark: Callable[[], None] = no_mark) -> Tensor:
        """Run once and check what came out.

        Raises:
            CellError: the estimates break the contract, or the loss is not finite.
        """
        result = self.run(mark)
        if self.optimiser is None:
            check_estimates(result, self.example.mixture)
        else:
            check_finite(result, "The loss is")
        return result


def prepare_step(model: nn.Module, workload: Workload, device: str | None = None) -> Step:
    """The workload's step for a network that is on its device already.

    ``device`` puts the input elsewhere than the workload says (on ``meta``, to count).

    Raises:
        CellError: a first forward breaks the contract.
    """
    device = device or workload.device
    dtype = getattr(torch, workload.dtype)
    model = model.to(dtype)
    mixture = load_example(workload.n_samples, workload.batch).mixture.to(device, dtype)
    if workload.phase == "inference":
        return _inference_step(model, Example(mixture, mixture))
    with torch.no_grad():
        n_src = check_estimates(model.train()(mixture), mixture).shape[1]
    sources = load_example(workload.n_samples, workload.batch, n_src).sources.to(device, dtype)
    return _update_step(model, Example(mixture, sources))


def _inference_step(model: nn.Module, example: Example) -> Step:
    model.eval()

    @torch.inference_mode()
    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        estimates: Tensor = model(example.mixture)
        return estimates

    return Step(model, example, run, optimiser=None)


def _update_step(model: nn.Module, example: Example) -> Step:
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)

    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        optimiser.zero_grad()
        mark()
        estimates = model(example.mixture)
        mark()
        loss = negative_pit_si_sdr(estimates, example.sources)
        mark()
        loss.backward()
        mark()
        optimiser.step()
        return loss.detach()

    return Step(model, example, run, optimiser)
