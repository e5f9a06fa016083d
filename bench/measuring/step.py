"""One step of a workload, as a function without arguments: what every probe runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from bench.measuring.contract import check_estimates, check_finite
from bench.measuring.mixture import Example, load_example
from bench.measuring.precision import with_autocast
from bench.objective import negative_pit_si_sdr
from bench.results.record import CellError, Status
from bench.results.workload import Workload

LEARNING_RATE = 1e-3  # paper, section 3.4
PARTS = ("zero_grad", "forward", "loss", "backward", "optimiser")
"""What a training step consists of, in this order."""
MAX_LEFT_OUT = 40
"""Steps at which a gradient scaler may halve its scale of 2^16 before it lets the optimiser take
one; less than 2^-24, a loss is 0 in float16."""


def no_mark() -> None:
    """Where nobody asks when a part ends."""


class Run(Protocol):
    """One whole step; returns the estimates or the loss.

    ``mark`` is called between two of a training step's parts.
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
    optimiser: torch.optim.Optimizer | None  # of a training step
    is_matched: bool = False  # the sources are as many as the network's, for a training step
    scales_loss: bool = False  # a gradient scaler leaves out steps whose gradients overflow

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

    def settle(self) -> None:
        """Run until a gradient scaler has let the optimiser take a step: those after it are whole.

        Raises:
            CellError: it lets it take none.
        """
        if self.optimiser is None or not self.scales_loss:
            return
        for _ in range(MAX_LEFT_OUT):
            if self.optimiser.state:
                return
            self.run()
        reason = f"The gradients hold NaN or Inf in each of {MAX_LEFT_OUT} steps, at every scale."
        raise CellError(Status.NON_FINITE, reason)

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

    def check_trained(self, loss: Tensor) -> None:
        """See that training steps, of which the last had this loss, left finite numbers.

        Raises:
            CellError: they did not; names what is not finite.
        """
        parameters = dict(self.model.named_parameters())
        broken = [name for name, p in parameters.items() if not torch.isfinite(p).all()]
        found = [] if torch.isfinite(loss).all() else ["the loss"]
        if broken:
            found.append(f"{len(broken)} of {len(parameters)} parameters ({broken[0]} the first)")
        if found:
            reason = f"After the timed calls there is NaN or Inf in {' and in '.join(found)}."
            raise CellError(Status.NON_FINITE, reason)


def prepare_step(model: nn.Module, workload: Workload, device: str | None = None) -> Step:
    """The workload's step for a network that is on its device already; nothing runs yet.

    ``device`` puts the input elsewhere than the workload says (on ``meta``, to count).

    Raises:
        CellError: a training step of a network without trainable parameters.
    """
    device = device or workload.device
    dtype = getattr(torch, workload.parameter_dtype)
    model = model.to(dtype)
    example = Example(
        *(tensor.to(device, dtype) for tensor in load_example(workload.n_samples, workload.batch))
    )
    if workload.phase == "update":
        return _update_step(model, example, workload, device)
    return _inference_step(model, example, workload, device)


def _inference_step(model: nn.Module, example: Example, workload: Workload, device: str) -> Step:
    forward = with_autocast(model.eval(), workload, device)

    @torch.inference_mode()
    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        return forward(example.mixture)

    return Step(model, Example(example.mixture, example.mixture), run, optimiser=None)


def _update_step(model: nn.Module, example: Example, workload: Workload, device: str) -> Step:
    """A step in the workload's dtype, with autocast as it is trained with.

    The loss is computed outside of autocast, in float32, and for float16 it is scaled.
    """
    parameters = [p for p in model.train().parameters() if p.requires_grad]
    if not parameters:
        raise CellError(Status.UNSUPPORTED, "The network has no parameters to train.")
    optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE)
    forward = with_autocast(model, workload, device)
    has_autocast = workload.autocast_dtype is not None
    scaler = torch.amp.GradScaler(device, enabled=workload.autocast_dtype == "float16")

    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        optimiser.zero_grad()
        mark()
        estimates = forward(step.example.mixture)
        mark()
        if not step.is_matched:
            step.match_sources(estimates)
        estimates = estimates.float() if has_autocast else estimates
        loss = negative_pit_si_sdr(estimates, step.example.sources)
        mark()
        scaler.scale(loss).backward()
        mark()
        scaler.step(optimiser)
        scaler.update()
        return loss.detach()

    step = Step(  # ``run`` asks it for its example
        model, example, run, optimiser, scales_loss=scaler.is_enabled()
    )
    return step


def _load_on_device_of(mixture: Tensor, n_src: int) -> Example:
    """The mixture itself, with another number of sources."""
    batch, _, n_samples = mixture.shape
    sources = load_example(n_samples, batch, n_src).sources
    return Example(mixture, sources.to(mixture.device, mixture.dtype))
