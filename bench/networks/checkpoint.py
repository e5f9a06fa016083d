"""Files of a training, each whole at any moment: weights for use, and the state to go on from."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialize_tensors
from torch import nn

from bench.errors import UsageError
from bench.files import write_whole
from bench.networks.factory import resolve_factory
from bench.registry import REGISTRY
from bench.results.record import CellError

METADATA_KEY = "separation-bench"  # of the safetensors header; JSON
SCHEMA = 1


class Checkpoint(NamedTuple):
    """A trained network and what is known of its training (``docs/training.md`` has the keys)."""

    model: nn.Module  # in evaluation mode
    metadata: dict[str, Any]


def save_model(path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write weights (safetensors) with the metadata in their header.

    Raises:
        OSError: the disk is full or gone; the old file is as it was.
    """
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    header = {METADATA_KEY: json.dumps({"schema": SCHEMA, **metadata})}
    write_whole(path, serialize_tensors(weights, metadata=header))


def load_metadata(path: Path) -> dict[str, Any]:
    """What a checkpoint says of its training.

    Raises:
        UsageError: no such file, or none of this project's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
        metadata = json.loads(header[METADATA_KEY])
        if not {"model", "factory"} <= metadata.keys():
            raise ValueError("no network is named")
    except OSError as error:
        raise UsageError(f"No checkpoint can be read from {path}: {error}.") from error
    except (SafetensorError, AttributeError, KeyError, ValueError) as error:
        raise UsageError(
            f"{path} is not a checkpoint of bench.train. Give the model.safetensors that it wrote."
        ) from error
    if metadata.get("schema") != SCHEMA:
        raise UsageError(f"{path} has schema {metadata.get('schema')}; this code reads {SCHEMA}.")
    return dict(metadata)


def load_model(path: Path, own_factory: str | None = None) -> Checkpoint:
    """Build the network that a checkpoint names and give it its weights.

    A file from elsewhere could name any function, so one that is not in the registry is called
    only when ``own_factory`` names it too.

    Raises:
        UsageError: not a checkpoint, its network is not registered, not here or has other
            parameters.
    """
    metadata = load_metadata(path)
    factory = metadata["factory"]
    if own_factory not in (None, factory, metadata["model"]):
        raise UsageError(f"{path} is of {factory}, not of {own_factory}. Correct --model.")
    if factory != own_factory and factory not in {entry.factory for entry in REGISTRY.values()}:
        raise UsageError(
            f"{path} is of {factory}, which is not in the registry, so it is not called. "
            f"If that is your own network, evaluate it with --model {factory}."
        )
    try:
        model = resolve_factory(factory)()
        model.load_state_dict(load_file(path))
    except CellError as error:
        raise UsageError(f"The network of {path} can't be built: {error}") from error
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        commit = metadata.get("code", {}).get("commit", "unknown")
        raise UsageError(
            f"The weights of {path} do not fit {metadata['model']}: {reason} "
            f"Use the code that trained them, commit {commit}."
        ) from error
    return Checkpoint(model.eval(), metadata)


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write all that a training needs to go on.

    Raises:
        OSError: the disk is full or gone; the old file is as it was.
    """
    buffer = io.BytesIO()
    torch.save({"schema": SCHEMA, **state}, buffer)
    write_whole(path, buffer.getbuffer())


def load_state(path: Path) -> dict[str, Any] | None:
    """What ``save_state`` wrote, on the CPU; None where there is no file.

    Raises:
        UsageError: a file of something else, or of another schema.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        schema = state["schema"]
    except Exception as error:  # torch.load names no exceptions of its own
        raise UsageError(
            f"{path} is not the state of a training. Choose another --output DIR."
        ) from error
    if schema != SCHEMA:
        raise UsageError(
            f"{path} has schema {schema}; this code reads {SCHEMA}. Choose another --output DIR."
        )
    return state
