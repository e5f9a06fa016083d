"""A training at its beginning: the network with its first weights, and the cost of its steps."""

from collections.abc import Callable

import torch

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
        UsageError: the network can't be built, or can't be trained on such mixtures.
    """
    try:
        build = resolve_factory(settings.factory)
        share = settings.batch // group.size
        counts = count_updates(build, settings.n_samples, share, settings.n_src)
    except CellError as error:
        raise UsageError(f"{settings.model} can't be trained: {error}") from error
    operations = [Operations(c.macs * group.size, c.flops * group.size) for c in counts]
    torch.manual_seed(settings.seed)
    network = build()
    take_bench_back()
    return Training(settings, limits, network, operations, device, group, wants_stop)
