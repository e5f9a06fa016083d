"""What is written of a SuDoRM-RF network beside its weights, so that no code need be named.

``architecture`` is the class's name, ``config`` the fields of its ``SuDoRMRFConfig``. Building a
network from them runs nothing that a file could choose.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from models.checkpoints.error import CheckpointError
from models.checkpoints.weights import give_weights
from models.streaming import StreamingSuDoRMRF
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig

ARCHITECTURES = {one.__name__: one for one in (SuDoRMRF, StreamingSuDoRMRF)}


def describe_network(model: nn.Module) -> dict[str, Any]:
    """``architecture`` and ``config``, as JSON has them; nothing of another network."""
    if type(model) not in ARCHITECTURES.values():
        return {}
    assert isinstance(model, SuDoRMRF)
    return {"architecture": type(model).__name__, "config": asdict(model.config)}


def rebuild_network(
    architecture: object, config: object, weights: Mapping[str, Tensor]
) -> SuDoRMRF:
    """The network that was described, with these weights, on the CPU, in float32.

    Raises:
        CheckpointError: it is of another architecture or version, or the weights are not those of
            its configuration.
    """
    of = ARCHITECTURES.get(architecture) if isinstance(architecture, str) else None
    if of is None:
        known = " or ".join(map(repr, ARCHITECTURES))
        raise CheckpointError(
            f"It holds the architecture {architecture!r:.60}, and {known} is expected."
        )
    try:
        if not isinstance(config, dict):
            raise TypeError(f"it is {config!r:.60}")
        parsed = SuDoRMRFConfig(**config)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"Its configuration is damaged or unknown: {error!s:.200}") from error
    return network_of(parsed, weights, of=of)


def network_of(
    config: SuDoRMRFConfig,
    weights: Mapping[str, Tensor],
    name_in_file: Callable[[str], str] = str,
    of: type[SuDoRMRF] = SuDoRMRF,
) -> SuDoRMRF:
    """The network with these weights, which must be all of its own and no others.

    ``name_in_file`` gives the name under which ``weights`` has a tensor of the network. Nothing
    is allocated before all shapes are compared.

    Raises:
        CheckpointError: names the first tensor that is missing, has another shape or is unknown.
    """
    if config.n_blocks * config.upsampling_depth > len(weights):
        raise CheckpointError(f"It has {len(weights)} tensors, too few for {config}.")
    try:
        with torch.device("meta"):
            model = of(config)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:  # immense sizes, too
        raise CheckpointError(f"No network is possible with {config}.") from error
    try:
        give_weights(model, weights, name_in_file)
    except CheckpointError as error:
        raise CheckpointError(f"{error} The network follows {config}.") from error
    return model
