"""From a file of weights to the network that has them, whoever wrote it.

Read are this project's own files, state dicts of ``torch.save`` as they are or as training programs
wrap them, safetensors of others, and what the authors of SuDoRM-RF published. A file from
elsewhere never runs code: pickles are read as descriptions, and a function that is not in the
registry builds a network only when the caller names it.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.errors import UsageError
from bench.networks.checkpoint import from_models, read_metadata
from bench.networks.factory import resolve_factory, take_bench_back
from bench.registry import REGISTRY, Entry, select_entries
from bench.results.record import CellError

WHAT_IS_READ = (
    "Read are model.safetensors of bench.train, state dicts (with --model NAME), and what the "
    "authors of SuDoRM-RF published (docs/checkpoints.md)."
)


class TrainedNetwork(NamedTuple):
    """A network with the weights of a file."""

    model: nn.Module  # on the CPU, in evaluation mode
    name: str  # in the registry, or the dotted path of an own one; else the file's
    metadata: Mapping[str, Any]  # of its training (docs/training.md); empty where nothing is known
    is_published: bool = False  # by the authors of SuDoRM-RF

    @property
    def digest(self) -> str:
        """A hash of all weights: equal for equal ones, on any machine and in any form of file."""
        digest = hashlib.sha256()
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {list(value.shape)} {value.dtype}\n".encode())
            digest.update(value.cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]


class WeightsFile(NamedTuple):
    """What stands in a file."""

    path: Path
    weights: dict[str, Tensor]
    metadata: dict[str, Any]  # empty where it does not say of which network it is


def load_trained(path: Path, own_factory: str | None = None) -> TrainedNetwork:
    """Build the network of a file and give it its weights.

    ``own_factory`` is a name of the registry or ``package.module:function``. It is needed where
    the file does not say of which network it is, or names a function that is not registered.

    Raises:
        UsageError: there is no such file or it holds no weights; its network is not known, not
            here, or has other parameters.
    """
    try:
        network = build_network(read_weights(path), own_factory)
    except OSError as error:
        raise UsageError(f"No checkpoint can be read from {path}: {error.strerror}.") from error
    except CellError as error:
        raise UsageError(f"The network of {path} can't be built: {error}") from error
    network.model.eval()
    return network


def build_untrained(request: str) -> TrainedNetwork:
    """A network of the registry, or ``package.module:function``, with random weights.

    Raises:
        UsageError: it is not known or can't be built.
    """
    entry = select_one(request)
    torch.manual_seed(0)
    try:
        model = resolve_factory(entry.factory)()
    except CellError as error:
        raise UsageError(str(error)) from error
    take_bench_back()
    return TrainedNetwork(model.eval(), entry.name, {})


def read_weights(path: Path) -> WeightsFile:
    """The tensors of a file and what its header says of them.

    Raises:
        OSError: there is no such file.
        UsageError: it holds no weights that can be read safely.
    """
    with path.open("rb") as file:
        if file.read(9)[8:] == b"{":  # safetensors: a length, then JSON
            metadata = read_metadata(path)
            return WeightsFile(path, load_file(path), metadata)
        file.seek(0)
        try:
            weights = from_models("torch_file:read_state_dict")(file)
        except ValueError as error:
            reason = str(error).rstrip(".")
            raise UsageError(f"{path}: {reason}. {WHAT_IS_READ}") from error
    return WeightsFile(path, weights, {})


def build_network(file: WeightsFile, own_factory: str | None) -> TrainedNetwork:
    """The network that the file or the caller names, or that its tensors' names tell.

    Raises:
        CellError: its package or function is not here.
        UsageError: it is not known, or has other parameters.
    """
    metadata = file.metadata
    name, factory = metadata.get("model"), metadata.get("factory")
    if factory and own_factory not in (None, factory, name):
        raise UsageError(f"{file.path} is of {factory}, not of {own_factory}. Correct --model.")
    if "architecture" in metadata and (factory or not own_factory):
        return TrainedNetwork(_rebuild(file), name or file.path.stem, metadata)
    if factory:
        check_may_be_called(file.path, factory, own_factory)
        return TrainedNetwork(_build(file, name or factory, factory), name or factory, metadata)
    if own_factory:
        entry = select_one(own_factory)
        return TrainedNetwork(_build(file, entry.name, entry.factory), entry.name, metadata)
    return TrainedNetwork(_build_published(file), file.path.stem, {}, is_published=True)


def check_may_be_called(path: Path, factory: str, own_factory: str | None) -> None:
    """A file from elsewhere could name any function.

    Raises:
        UsageError: it is not in the registry, and the caller does not name it.
    """
    if factory != own_factory and factory not in {entry.factory for entry in REGISTRY.values()}:
        raise UsageError(
            f"{path} is of {factory}, which is not in the registry, so it is not called. "
            f"If that is your own network, say so: --model {factory}."
        )


def select_one(request: str) -> Entry:
    """The network that ``--model`` names.

    Raises:
        UsageError: it names none or several.
    """
    entry, *others = select_entries([request])
    if others:
        raise UsageError(f"--model {request} names several networks. Name one.")
    return entry


def _build(file: WeightsFile, name: str, factory: str) -> nn.Module:
    model = resolve_factory(factory)()
    take_bench_back()
    try:
        from_models("weights:give_weights")(
            model, from_models("weights:unwrap_names")(file.weights, model.state_dict())
        )
    except ValueError as error:
        commit = file.metadata.get("code", {}).get("commit")
        advice = f"Use the code of commit {commit}." if commit else "Correct --model."
        raise UsageError(
            f"The weights of {file.path} do not fit {name}: {error} {advice}"
        ) from error
    return model


def _rebuild(file: WeightsFile) -> nn.Module:
    described = file.metadata["architecture"], file.metadata.get("config")
    try:
        model: nn.Module = from_models("architecture:rebuild_network")(*described, file.weights)
    except ValueError as error:
        raise UsageError(f"{file.path}: {error}") from error
    return model


def _build_published(file: WeightsFile) -> nn.Module:
    try:
        model: nn.Module = from_models("reference:load_reference_state_dict")(file.weights)
    except ValueError as error:
        raise UsageError(
            f"{file.path}: {error} A network of the registry, or of your own, is named by --model."
        ) from error
    return model
