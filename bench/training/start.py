"""A training at its beginning: the network with its first weights, and the cost of its steps."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from bench.errors import UsageError
from bench.networks.factory import resolve_factory, take_bench_back
from bench.results.record import CellError
from bench.training.costs import Operations, count_updates
from bench.training.parallel import Group
from bench.training.settings import Limits, TrainingSettings
from bench.training.training import Training


def start_training(
    settings: TrainingSettings,
    limits: Limits,
    device: torch.device,
    group: Group,
    wants_stop: Callable[[], bool],
) -> Training:
    """Build the network from the seed, the same in all processes, and count its training steps.

    Raises:
        UsageError: the network can't be built, has no such form, or can't be trained on such
            mixtures.
    """
    try:
        build = resolve_factory(settings.factory)
        share = settings.batch // group.size
        counts = count_updates(build, settings.n_samples, share, settings.n_src)
    except CellError as error:
        raise UsageError(f"{settings.model} can't be trained: {error}") from error
    operations = [Operations(c.macs * group.size, c.flops * group.size) for c in counts]
    torch.manual_seed(settings.seed)
    network = in_form(build(), settings, device)
    take_bench_back()
    return Training(settings, limits, network, operations, device, group, wants_stop)


def in_form(network: nn.Module, settings: TrainingSettings, device: torch.device) -> nn.Module:
    """The network in the form that is trained, with the same parameters under the same names.

    Raises:
        UsageError: it has no such form, its kernels can't be built, or there are none for the
            precision.
    """
    if settings.runtime == "eager":
        return network
    if settings.precision != "float32" and device.type == "cpu":
        raise UsageError(
            f"--runtime native has no kernels for --precision {settings.precision} on a processor. "
            "Train it with --runtime eager, or in float32."
        )
    make_native: Any = getattr(network, "native", None)
    try:
        if not callable(make_native):
            raise RuntimeError(f"{settings.model} has no such form (a method `native`).")
        native: nn.Module = make_native()
    except RuntimeError as error:
        raise UsageError(f"--runtime native: {error} Train it with --runtime eager.") from error
    return native
