"""What a network that breaks the contract can be wrapped in, as a sentence of its refusal."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from bench.machine.attempt import sentence
from bench.networks.full_memory import is_memory_full
from bench.results.record import CellError, Status

NEARLY = 0.1
"""Of the mixture's length: as much as frames and windows leave at the ends."""
LINE = "Wrap it where it is built: return bench.adapt(network{})"


def advise_on_estimates(returned: object, mixture: Tensor) -> str:
    """The line that makes estimates of what a network returned; empty where none is known."""
    if isinstance(returned, Mapping):
        return _advise_on_items(returned, mixture)
    if isinstance(returned, Sequence) and not isinstance(returned, str):
        return _advise_on_items(dict(enumerate(returned)), mixture)
    if isinstance(returned, Tensor) and _holds_estimates(returned, mixture):
        return LINE.format("") + "."
    if isinstance(returned, Tensor) and _has_nearly_the_length(returned, mixture):
        return LINE.format("") + ", which cuts them, or fills them up with zeros."
    return ""


def _has_nearly_the_length(tensor: Tensor, mixture: Tensor) -> bool:
    batch, _, n_samples = mixture.shape
    is_whole = tensor.ndim == 3 and tensor.shape[0] == batch and tensor.shape[1] > 0
    return is_whole and abs(tensor.shape[-1] - n_samples) <= NEARLY * n_samples


def _holds_estimates(tensor: Tensor, mixture: Tensor) -> bool:
    """``[batch, time]``, ``[batch, n_src, channels, time]``, or three axes in another order."""
    batch, _, n_samples = mixture.shape
    is_whole = tensor.ndim in (2, 3, 4) and tensor.shape[0] == batch and tensor.numel() > 0
    return is_whole and n_samples in tensor.shape[1:]


def _advise_on_items(items: Mapping[object, object], mixture: Tensor) -> str:
    """Estimates of one source each are stacked; of other items one is taken."""
    fitting = [key for key, item in items.items() if _is_sized(item, mixture)]
    if fitting and len(fitting) == len(items):
        shapes = {tuple(item.shape) for item in items.values() if isinstance(item, Tensor)}
        whole = [shape for shape in shapes if len(shape) == 3 and shape[1] > 1]
        if len(shapes) == 1 and not whole:
            return LINE.format("") + ", which stacks them as sources."
    if fitting:
        shapes_by_key = ", ".join(
            f"{key!r} is {list(item.shape)}" if isinstance(item, Tensor) else f"{key!r} is none"
            for key, item in items.items()
        )
        return LINE.format(f", pick={fitting[-1]!r}") + f", which takes one item ({shapes_by_key})."
    return ""


def _is_sized(item: object, mixture: Tensor) -> bool:
    return isinstance(item, Tensor) and _holds_estimates(item, mixture)


def explain_input(model: nn.Module, mixture: Tensor, error: Exception) -> Exception:
    """The error of a network's first forward, with the line for the shape that it does take.

    Whatever else goes wrong stays the error that it is.
    """
    if is_memory_full(error) or isinstance(error, CellError | MemoryError):
        return error
    trials = {
        ", takes='[batch, time]'": mixture[:, 0],
        ", channels=2": mixture.expand(-1, 2, -1),
    }
    for options, shaped in trials.items():
        if _runs(model, shaped):
            reason = (
                f"The network can't take a mixture {list(mixture.shape)} ({sentence(error)}) and "
                f"takes {list(shaped.shape)}. {LINE.format(options)}."
            )
            return CellError(Status.BAD_SHAPE, reason)
    return error


@torch.no_grad()
def _runs(model: nn.Module, data: Tensor) -> bool:
    try:
        model(data)
    except Exception:  # a network of the user's may raise anything: the question is only whether
        return False
    return True
