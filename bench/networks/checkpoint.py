"""Files of a training, each complete at any moment: weights for use, and the state to go on from.

Weights are safetensors; JSON in their header says of what network they are and how they came about
(``docs/checkpoints.md``).

Schema versions of that header:
    1  ``model`` and ``factory``, which build the network; or, in files of SuDoRM-RF alone,
       ``architecture`` and ``config`` as entries of their own.
    2  ``model`` and ``factory`` where they are known, ``architecture`` and ``config`` where the
       network is a SuDoRM-RF.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize_tensors
from torch import nn

from bench.errors import UsageError
from bench.files import write_whole
from bench.networks.factory import import_ours

METADATA_KEY = "separation-bench"  # of the safetensors header; JSON
SCHEMA = 2
STATE_SCHEMA = 1


def from_models(name: str) -> Any:
    """A function of ``models.checkpoints``, which the harness reaches by name only."""
    module, _, function = name.partition(":")
    return getattr(import_ours(f"models.checkpoints.{module}"), function)


def save_model(path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write weights (safetensors) with the metadata in their header.

    ``model`` and ``factory`` in it say how the network is built; a SuDoRM-RF needs neither,
    because its configuration is written too.

    Raises:
        OSError: the disk is full or gone; the old file is as it was.
    """
    describe = from_models("architecture:describe_network")
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    header = json.dumps({"schema": SCHEMA, **metadata, **describe(model)})
    write_whole(path, serialize_tensors(weights, metadata={METADATA_KEY: header}))


def read_metadata(path: Path) -> dict[str, Any]:
    """What the header of a safetensors file says of its network; nothing in a foreign file.

    Raises:
        UsageError: the file is cut off or no safetensors, or written by a later version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
        if METADATA_KEY in header:
            metadata = json.loads(header[METADATA_KEY])
        elif "architecture" in header:
            metadata = {"schema": 1, **header, "config": json.loads(header.get("config", "null"))}
        else:
            return {}
        if not isinstance(metadata, dict):
            raise ValueError("it is no object of JSON")
    except SafetensorError as error:
        raise UsageError(f"{path}: It is cut off, or no safetensors: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: Its header is damaged: {error}.") from error
    if metadata.get("schema") not in range(1, SCHEMA + 1):
        raise UsageError(f"{path} has schema {metadata.get('schema')}; this code reads {SCHEMA}.")
    return metadata


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write all that a training needs to go on.

    Raises:
        OSError: the disk is full or gone; the old file is as it was.
    """
    buffer = io.BytesIO()
    torch.save({"schema": STATE_SCHEMA, **state}, buffer)
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
    if schema != STATE_SCHEMA:
        raise UsageError(
            f"{path} has schema {schema}; this code reads {STATE_SCHEMA}. "
            "Choose another --output DIR."
        )
    return state
