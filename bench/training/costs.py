"""What a training costs: operations of its training steps, time of its processes, energy."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import nn

from bench.counting.counter import OperationCounter
from bench.machine.energy import EnergyCounter, Reading, board_counter, find_packages
from bench.measuring.contract import as_defined, check_estimates
from bench.measuring.gpu import open_own_gpu
from bench.results.record import CellError, Status
from bench.training.parallel import local_rank
from bench.training.phases import plan_phases


class Operations(NamedTuple):
    """Multiply-adds and floating-point operations of one training step."""

    macs: int
    flops: int


def count_updates(
    build: Callable[[], nn.Module], n_samples: int, batch: int, n_src: int = 2
) -> list[Operations]:
    """The operations of one training step in each phase of a network's training.

    Counted as ``docs/method.md`` says for B, in the batch and length of the training. Cutting
    the gradient's norm, a few operations a parameter, is not in it.

    Raises:
        CellError: the network does not make an estimate of the mixture's length for each source.
    """
    try:
        return _count_updates(build, (batch, n_src, n_samples), "meta")
    except Exception:  # whatever a network does that needs data; its own errors come again
        return _count_updates(build, (batch, n_src, n_samples), "cpu")


def _count_updates(
    build: Callable[[], nn.Module], shape: tuple[int, int, int], device: str
) -> list[Operations]:
    with torch.device(device):
        model = as_defined(build()).train()
        sources = torch.rand(shape)
    mixture = sources.sum(1, keepdim=True)
    with torch.no_grad():
        estimates = check_estimates(model(mixture), mixture)
    if estimates.shape != sources.shape:
        reason = (
            f"It returns {estimates.shape[1]} estimates, and mixtures have {shape[1]} sources "
            "(--n-src)."
        )
        raise CellError(Status.BAD_SHAPE, reason)
    counts = []
    for phase in plan_phases(model):
        model.requires_grad_(False)
        for parameter in phase.parameters:
            parameter.requires_grad_(True)
        optimiser = torch.optim.Adam(phase.parameters)
        with OperationCounter() as counter:
            phase.loss(mixture, sources).backward()
            optimiser.step()
        counts.append(Operations(counter.macs, counter.flops))
    return counts


class Spent(NamedTuple):
    """Since some moment, or the sum of several such spans."""

    wall_s: float
    cpu_s: float
    energy_j: float | None

    def share(self) -> tuple[float, float, float]:
        """What processes add up: both sums, and in how many of them the energy is known."""
        return self.cpu_s, self.energy_j or 0.0, float(self.energy_j is not None)

    def of_all(self, cpu_s: float, energy_j: float, n_known: float) -> "Spent":
        """By all processes, from the sums of their shares; each takes the same wall time."""
        return Spent(self.wall_s, cpu_s, energy_j if n_known else None)

    def __add__(self, other: object) -> "Spent":
        if not isinstance(other, Spent):
            return NotImplemented
        energies = (self.energy_j, other.energy_j)
        energy_j = None if None in energies else sum(e for e in energies if e is not None)
        return Spent(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s, energy_j)


def open_meter(device: torch.device) -> "Meter":
    """The meter of this process of a training: its GPU, if it has one, and the processors.

    What processes of a machine share is counted by the first of them.
    """
    return Meter(tuple(_own_counters(device)))


def _own_counters(device: torch.device) -> Iterator[EnergyCounter]:
    if local_rank() == 0 and (packages := find_packages().counter):
        yield packages
    is_own = device.type == "cuda" and local_rank() < torch.cuda.device_count()
    if is_own and (gpu := open_own_gpu(device.index)):
        yield board_counter(gpu)


class Meter:
    """Reads time and energy between two calls; read it more often than a counter wraps.

    Energy is the sum over the counters that tell it, None where none does.
    """

    def __init__(self, counters: Sequence[EnergyCounter]) -> None:
        self._counters = counters
        self._last = self._read()

    def read(self) -> Spent:
        """What was spent since the last call."""
        before, self._last = self._last, self._read()
        spent_j = [
            counter.spent_j(early, late)
            for counter, early, late in zip(self._counters, before[2], self._last[2], strict=True)
        ]
        known_j = [energy_j for energy_j in spent_j if energy_j is not None]
        energy_j = sum(known_j) if known_j else None
        return Spent(self._last[0] - before[0], self._last[1] - before[1], energy_j)

    def _read(self) -> tuple[float, float, list[Reading | None]]:
        readings = [counter.read() for counter in self._counters]
        return time.monotonic(), time.process_time(), readings
