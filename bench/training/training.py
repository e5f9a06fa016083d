"""A training: one step, its state, and all that has to be the same after a resumption.

Section 3.4 of the paper: Adam; the loss is equation 10. Gradients are cut to a norm, which the
paper does not say and every public code of these networks does.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import TrainingStoppedError
from bench.machine.description import describe_code
from bench.registry import SAMPLE_RATE
from bench.training.averaging import average_weights
from bench.training.costs import Operations, Spent, open_meter
from bench.training.parallel import Group, average_gradients, sum_over_processes
from bench.training.phases import plan_phases
from bench.training.settings import (
    Limits,
    Standing,
    TrainingSettings,
    advise,
    check_same_settings,
    learning_rate,
)

VALIDATION_S = 4.0  # of each validation mixture


@dataclass
class Position:
    """How far a training has come, and what that took."""

    phase: int = 0
    phase_began: float = 0.0  # share of the whole training that was behind then
    share: float = 0.0  # of the whole training that is behind
    step: int = 0
    epoch: int = 0
    batches: int = 0  # of this epoch
    loss: float = 0.0  # mean of the steps before the last line of metrics
    loss_sum: float = 0.0  # since then
    loss_count: int = 0
    learning_rate: float = 0.0  # of the last step
    macs: int = 0
    flops: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    energy_j: float | None = 0.0
    validated_step: int = 0
    validated_share: float = 0.0
    validation_s: float | None = None  # that the last whole validation took
    best_db: float | None = None


class Training:
    """A network in training, on its device, at a position.

    ``operations`` are those of one training step of the whole batch, for each phase.
    ``wants_stop`` is asked once a step; when any process wants to stop, ``is_stopping`` says so
    in all of them after the same step.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        limits: Limits,
        model: nn.Module,
        operations: Sequence[Operations],
        device: torch.device,
        group: Group,
        wants_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.settings, self.limits = settings, limits
        self.model = model.to(device)
        self.device, self.group = device, group
        self.operations = operations
        self.wants_stop = wants_stop
        self.is_stopping = False
        self.phases = plan_phases(model)
        self.averaged = average_weights(self.model) if settings.average else None
        self.position = Position()
        self.meter = open_meter(device)
        self._begin_phase(0)

    @property
    def audio_s(self) -> float:
        """Length of all training mixtures so far."""
        settings = self.settings
        return self.position.step * settings.batch * settings.n_samples / SAMPLE_RATE

    @property
    def kept(self) -> nn.Module:
        """What validations judge and files hold: the network, or the mean of its weights."""
        return self.averaged.module if self.averaged else self.model

    def estimate(self, mixture: Tensor, sources: Tensor) -> Tensor:
        """What a validation judges in the present phase, ``[batch, n_src, time]``."""
        phases = plan_phases(self.kept) if self.averaged else self.phases
        return phases[self.position.phase].estimate(mixture, sources)

    @property
    def phase_name(self) -> str:
        """The name of the present phase, as lines of metrics have it."""
        return self.phases[self.position.phase].name

    def _begin_phase(self, index: int) -> None:
        """A new phase trains its own parameters only, with a new optimiser."""
        self.position.phase = index
        parameters = self.phases[index].parameters
        self.model.requires_grad_(False)
        for parameter in parameters:
            parameter.requires_grad_(True)
        self.optimiser = torch.optim.Adam(parameters, lr=self.settings.learning_rate)

    def advance_phase(self) -> None:
        """Go over to the next phase where the present one is over."""
        position = self.position
        last = len(self.phases) - 1
        if position.phase < last and position.share >= self.phases[position.phase].end:
            position.phase_began = position.share
            position.loss_sum, position.loss_count = 0.0, 0
            self._begin_phase(position.phase + 1)

    def update(self, mixture: Tensor, sources: Tensor) -> None:
        """One step on this process's share of a batch, ``[batch, 1, time]`` and its sources.

        Raises:
            TrainingStoppedError: the loss or a gradient is not finite; the weights are as before.
        """
        phase, position = self.phases[self.position.phase], self.position
        self.model.train()
        self.optimiser.zero_grad()
        with self._precision():
            loss = phase.loss(mixture.to(self.device), sources.to(self.device))
        loss.backward()
        average_gradients(phase.parameters, self.group)
        norm = nn.utils.clip_grad_norm_(phase.parameters, self.settings.max_norm)
        mean_loss = self._agree(float(loss.detach()))
        if not (math.isfinite(mean_loss) and bool(torch.isfinite(norm))):
            raise TrainingStoppedError(
                f"At step {position.step + 1} the loss is {mean_loss} and the gradient's norm "
                f"{float(norm)}. {advise(self.settings, position.step)}"
            )
        rate = self._learning_rate()
        for parameters in self.optimiser.param_groups:
            parameters["lr"] = rate
        self.optimiser.step()
        if self.averaged:
            self.averaged.update_parameters(self.model)
        macs, flops = self.operations[position.phase]
        position.learning_rate = rate
        position.loss_sum += mean_loss
        position.loss_count += 1
        position.macs += macs
        position.flops += flops
        position.step += 1
        position.batches += 1
        self.agree_on_share()

    def _precision(self) -> AbstractContextManager[Any]:
        is_low = self.settings.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=is_low)

    def _learning_rate(self) -> float:
        position = self.position
        end = self.phases[position.phase].end
        length = max(end - position.phase_began, 1e-9)
        share = min(1.0, max(0.0, position.share - position.phase_began) / length)
        return learning_rate(self.settings, position.epoch, share)

    def _agree(self, loss: float) -> float:
        """The mean loss over processes; what was spent and whether to stop go with it."""
        spent = self.meter.read()
        message = torch.tensor(
            [loss, float(self.wants_stop()), *spent.share()],
            dtype=torch.float64,
            device=self.device,
        )
        total_loss, stop, *shares = sum_over_processes(message, self.group).tolist()
        self.is_stopping = stop > 0
        self.spend(spent.of_all(*shares))
        return float(total_loss) / self.group.size

    def mean_loss(self) -> float:
        """Of the steps since the last call; of those before it where there were none."""
        position = self.position
        if position.loss_count:
            position.loss = position.loss_sum / position.loss_count
        position.loss_sum, position.loss_count = 0.0, 0
        return position.loss

    def spend(self, spent: Spent) -> None:
        """Add to what the training took."""
        position = self.position
        total = Spent(position.wall_s, position.cpu_s, position.energy_j) + spent
        position.wall_s, position.cpu_s, position.energy_j = total

    @property
    def standing(self) -> Standing:
        """In the measures of the limits."""
        position = self.position
        return Standing(
            position.step,
            self.settings.steps_per_epoch,
            position.macs,
            position.wall_s,
            self.expect_validation_s(),
            position.cpu_s,
        )

    @property
    def is_over(self) -> bool:
        """Whether a limit is reached."""
        return self.position.share >= 1 or self.limits.has_spent_processor_time(self.standing)

    @property
    def validation_is_due(self) -> bool:
        """Whether another of the equal shares of the training is behind since the last one."""
        n_shares, position = self.settings.validations or 0, self.position
        return int(position.share * n_shares) > int(position.validated_share * n_shares)

    def expect_validation_s(self) -> float:
        """What a validation will take: as long as the last one.

        Before the first, half of what as much training audio took: a validation goes forward only,
        which is a third of a training step's operations.
        """
        position = self.position
        if position.validation_s is not None or self.audio_s == 0:
            return position.validation_s or 0.0
        return self.settings.n_validation * VALIDATION_S * position.wall_s / self.audio_s / 2

    def agree_on_share(self) -> None:
        """Compute how much is behind; where the clock decides, the first process's."""
        share = self.limits.share(self.standing)
        if self.limits.wall_s is not None:
            mine = torch.tensor([share * self.group.leads], dtype=torch.float64, device=self.device)
            share = float(sum_over_processes(mine, self.group))
        self.position.share = share

    def state(self) -> dict[str, Any]:
        """All that decides the next step."""
        state = {
            "settings": asdict(self.settings),
            "code": asdict(describe_code()),
            "position": asdict(self.position),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
        }
        if self.averaged:
            state["averaged"] = self.averaged.state_dict()
        if self.device.type == "cuda":
            state["random_cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            UsageError: it is the state of a training with other settings.
        """
        check_same_settings(self.settings, state["settings"])
        self.position = Position(**state["position"])
        self._begin_phase(self.position.phase)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.averaged:
            self.averaged.load_state_dict(state["averaged"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda" and "random_cuda" in state:
            torch.cuda.set_rng_state(state["random_cuda"], self.device)
        self.agree_on_share()
        self._take_up_shares()

    def _take_up_shares(self) -> None:
        """Under later limits less is behind than under those that the state was saved with."""
        position = self.position
        position.validated_share = min(position.validated_share, position.share)
        position.phase_began = min(position.phase_began, position.share)
