"""Networks in files of our own: safetensors, with the configuration in the header.

The header is JSON: ``architecture`` (the class's name), ``config`` (the fields of its
``SuDoRMRFConfig``) and what the caller adds. Reading one runs nothing of the file.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from models.checkpoints.error import CheckpointError
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig

ARCHITECTURE = "SuDoRMRF"


def save_checkpoint(
    path: str | os.PathLike[str], model: SuDoRMRF, metadata: Mapping[str, str]
) -> None:
    """Write a network's weights and configuration; the file appears when it is whole.

    ``metadata`` is added to the header; it can't replace ``architecture`` or ``config``.

    Raises:
        OSError: the disk is full or gone; a file of before is as it was.
    """
    path = Path(path)
    own = {"architecture": ARCHITECTURE, "config": json.dumps(asdict(model.config))}
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            file.write(save(weights, metadata={**metadata, **own}))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_checkpoint(path: str | os.PathLike[str]) -> SuDoRMRF:
    """The network of a file of ``save_checkpoint``, on the CPU, in float32.

    Raises:
        CheckpointError: it is no such file, is torn, or its weights are not those of its
            configuration; the file is named.
        OSError: it can't be opened.
    """
    path = Path(path)
    with path.open("rb"):
        pass  # safetensors has its own words for a missing file
    try:
        with safe_open(path, framework="pt") as file:
            config = parse_config(file.metadata() or {})
        return network_of(config, load_file(path))
    except SafetensorError as error:
        raise CheckpointError(f"{path}: It is truncated, or no safetensors: {error}") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def parse_config(metadata: Mapping[str, str]) -> SuDoRMRFConfig:
    """The configuration in a header.

    Raises:
        CheckpointError: there is none, or it is of another architecture or version.
    """
    architecture = metadata.get("architecture")
    if architecture != ARCHITECTURE:
        raise CheckpointError(
            f"It holds the architecture {architecture!r:.60}, and {ARCHITECTURE!r} is expected."
        )
    try:
        return SuDoRMRFConfig(**json.loads(metadata["config"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"Its configuration is damaged or unknown: {error!s:.200}") from error


def network_of(
    config: SuDoRMRFConfig,
    weights: Mapping[str, Tensor],
    name_in_file: Callable[[str], str] = str,
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
            model = SuDoRMRF(config)
    except (TypeError, OverflowError, RuntimeError) as error:  # sizes with a fraction, or immense
        raise CheckpointError(f"No network is possible with {config}.") from error
    own: dict[str, Tensor] = {}
    for name, expected in model.state_dict().items():
        key = name_in_file(name)
        if key not in weights:
            raise CheckpointError(f"{key} {list(expected.shape)} is missing; it follows {config}.")
        if weights[key].shape != expected.shape:
            raise CheckpointError(
                f"{key} has the shape {list(weights[key].shape)}, and {list(expected.shape)} is "
                f"expected by {config}."
            )
        own[name] = weights[key].float()
    unknown = sorted(weights.keys() - {name_in_file(name) for name in own})
    if unknown:
        raise CheckpointError(f"{unknown[0]:.200} is not a tensor of {config}.")
    model.load_state_dict(own, assign=True)
    return model
