"""One step of a workload, as a function without arguments: what every probe runs."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import torch
from torch import Tensor, nn

from bench.measure.contract import check_estimates, check_finite
from bench.measure.mixture import Example, load_example
from bench.objective import negative_pit_si_sdr
from bench.results.record import CellError, Status
from bench.results.workload import Workload
from bench.runtimes import RUNTIMES

PREPARE: dict[str, Callable[[nn.Module], Callable[[Tensor], Tensor]]] = {
    name: import_module(f"bench.runtimes.{name}").prepare for name in RUNTIMES
}
LEARNING_RATE = 1e-3  # paper, section 3.4
PARTS = ("zero_grad", "forward", "loss", "backward", "optimiser")
"""What an training step consists of, in this order."""


def no_mark() -> None:
    """Where nobody asks when a part ends."""


class Run(Protocol):
    """One whole step; returns the estimates or the loss.

    ``mark`` is called between two of an training step's parts.
    """

    def __call__(self, mark: Callable[[], None] = no_mark) -> Tensor:
        """Run it."""


@dataclass
class Step:
    """A network with its input on the device, ready to run.

    Nothing has run in it before: its first run is the network's first.
    """

    model: nn.Module
    example: Example
    run: Run
    optimiser: torch.optim.Optimizer | None  # of an training step
    is_matched: bool = False  # the sources are as many as the network's, for an training step

    def match_sources(self, estimates: Tensor) -> None:
        """Let the example have as many sources as the network's first estimates.

        Raises:
            CellError: the estimates break the contract.
        """
        n_src = check_estimates(estimates, self.example.mixture).shape[1]
        if n_src != self.example.sources.shape[1]:
            self.example = _load_on_device_of(self.example.mixture, n_src)
        self.is_matched = True

    @torch.no_grad()
    def match_beforehand(self) -> None:
        """Run a forward for the number of sources alone, so that a step is nothing but its parts.

        Raises:
            CellError: the estimates break the contract.
        """
        if self.optimiser is not None:
            self.match_sources(self.model(self.example.mixture))

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
    """The workload's step for a network that is on its device already; nothing runs yet.

    ``device`` puts the input elsewhere than the workload says (on ``meta``, to count).

    Raises:
        CellError: a training step of a network without trainable parameters.
    """
    dtype = getattr(torch, workload.dtype)
    model = model.to(dtype)
    example = Example(
        *(
            tensor.to(device or workload.device, dtype)
            for tensor in load_example(workload.n_samples, workload.batch)
        )
    )
    if workload.phase == "update":
        return _update_step(model, example)
    return _inference_step(model, example, workload.runtime)


def _inference_step(model: nn.Module, example: Example, runtime: str) -> Step:
    forward = PREPARE[runtime](model.eval())

    @torch.inference_mode()
    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        estimates: Tensor = forward(example.mixture)
        return estimates

    return Step(model, Example(example.mixture, example.mixture), run, optimiser=None)


def _update_step(model: nn.Module, example: Example) -> Step:
    parameters = [p for p in model.train().parameters() if p.requires_grad]
    if not parameters:
        raise CellError(Status.UNSUPPORTED, "The network has no parameters to train.")
    optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE)

    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        optimiser.zero_grad()
        mark()
        estimates = model(step.example.mixture)
        mark()
        if not step.is_matched:
            step.match_sources(estimates)
        loss = negative_pit_si_sdr(estimates, step.example.sources)
        mark()
        loss.backward()
        mark()
        optimiser.step()
        return loss.detach()

    step = Step(model, example, run, optimiser)  # ``run`` asks it for its example
    return step


def _load_on_device_of(mixture: Tensor, n_src: int) -> Example:
    """The mixture itself, with another number of sources."""
    batch, _, n_samples = mixture.shape
    sources = load_example(n_samples, batch, n_src).sources
    return Example(mixture, sources.to(mixture.device, mixture.dtype))
